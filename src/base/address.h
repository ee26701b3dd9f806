/* SPDX-License-Identifier: MIT
 *
 * Addresses of control servers: "unix:PATH" and "tcp://HOST:PORT", as text and in parts. An IPv6
 * HOST is in brackets.
 *
 * To add a kind: a member of tp_address_kind, a row in `schemes` of address.c, one in `kinds` of
 * server/listener.c and one in `kinds` of client/connection.c. */
#ifndef TP_BASE_ADDRESS_H
#define TP_BASE_ADDRESS_H

#include "taskpool.h"
#include <stdbool.h>
#include <stdint.h>

/* The longest path of a Unix socket: sun_path without its NUL. */
#define TP_ADDRESS_PATH_MAX 107

/* Room for a HOST with its NUL: a DNS name has at most 253 bytes. */
#define TP_ADDRESS_HOST_SIZE 256

/* Room for the text of any address with its NUL. */
#define TP_ADDRESS_TEXT_SIZE (TP_ADDRESS_HOST_SIZE + 16)

typedef enum tp_address_kind {
  TP_ADDRESS_UNIX, /* a path */
  TP_ADDRESS_TCP,  /* a host and a port */
} tp_address_kind;

typedef struct tp_address {
  tp_address_kind kind;               /* which of the following are set */
  char path[TP_ADDRESS_PATH_MAX + 1]; /* Unix: as it was given */
  char host[TP_ADDRESS_HOST_SIZE];    /* TCP: a name or an IP address, without brackets */
  bool bracketed;                     /* TCP: the host was in brackets */
  uint16_t port;                      /* TCP: 0 lets the system of a server choose */
} tp_address;

/* Reads `text`. False: InvalidArgument. A host is not checked further. */
bool tp_address_read(const char *text, tp_address *address, tp_error *error);

/* Writes the text of `address` to `text`. */
void tp_address_write(const tp_address *address, char text[TP_ADDRESS_TEXT_SIZE]);

#endif
