/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the URL of an engine in parts. */
#ifndef TP_ENGINE_URL_H
#define TP_ENGINE_URL_H

#include "base/address.h"
#include "taskpool.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Room for a user or a password with its NUL. */
#define TP_URL_WORD_SIZE 256

typedef enum tp_url_scheme {
  TP_URL_SQLITE,     /* sqlite:PATH */
  TP_URL_REDIS,      /* redis://HOST… */
  TP_URL_REDIS_UNIX, /* redis+unix:PATH */
} tp_url_scheme;

typedef struct tp_url {
  tp_url_scheme scheme;            /* which of the following are set */
  char path[PATH_MAX];             /* SQLite: the file; Redis: the Unix socket */
  char host[TP_ADDRESS_HOST_SIZE]; /* Redis: a name or an IP address */
  uint16_t port;                   /* Redis: the port */
  unsigned database;               /* Redis: its number */
  char user[TP_URL_WORD_SIZE];     /* Redis: who it is; "": the default user */
  char password[TP_URL_WORD_SIZE]; /* Redis: never to be shown; "": none */
} tp_url;

/* Reads the text of a URL; %XX stands for a byte in users and passwords. False: InvalidArgument,
 * whose message does not repeat the text, as a password may be in it. */
bool tp_url_read(const char *text, tp_url *url, tp_error *error);

/* Reads the password from the first line of a file. False: IOError, InvalidArgument. */
bool tp_url_read_password(tp_url *url, const char *path, tp_error *error);

#endif
