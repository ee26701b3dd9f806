/* SPDX-License-Identifier: MIT
 *
 * Addresses of control servers: "unix:PATH" and "tcp://HOST:PORT" as text, and as what the system
 * takes.
 *
 * HOST is 127.0.0.1 (or another address of 127.0.0.0/8), [::1] or localhost, which means 127.0.0.1
 * and is never looked up. Any other address is Denied: there are no tokens yet, so nothing but the
 * permissions of this machine guards a server. PORT 0 lets the system choose.
 *
 * To add a kind: a member of tp_address_kind, a row in `schemes` of address.c, a case in
 * listener.c. */
#ifndef TP_VALUE_ADDRESS_H
#define TP_VALUE_ADDRESS_H

#include "taskpool.h"
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

/* The longest path of a Unix socket: sun_path without its end. */
#define TP_ADDRESS_PATH_MAX 107

/* Room for the text of any address with its end. */
#define TP_ADDRESS_TEXT_SIZE 128

typedef enum tp_address_kind {
  TP_ADDRESS_UNIX, /* `path` holds */
  TP_ADDRESS_IPV4, /* `ipv4` holds */
  TP_ADDRESS_IPV6, /* `ipv6` holds */
} tp_address_kind;

typedef struct tp_address {
  tp_address_kind kind; /* which member of `as` holds */
  union {
    char path[TP_ADDRESS_PATH_MAX + 1]; /* as it was given */
    struct sockaddr socket;             /* either of the next two, for system calls */
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
  } as;
} tp_address;

/* Reads `text`. InvalidArgument for what is no address, Denied for one beyond loopback. */
bool tp_address_read(const char *text, tp_address *address, tp_error *error);

/* Writes the text of `address` to `text`. */
void tp_address_write(const tp_address *address, char text[TP_ADDRESS_TEXT_SIZE]);

/* The size of the IP address in `as.socket`. */
socklen_t tp_address_size(const tp_address *address);

#endif
