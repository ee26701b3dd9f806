/* SPDX-License-Identifier: MIT
 *
 * Listening sockets: bound, private and listening, or an error that says why not.
 *
 * A Unix socket is 0600 from the moment its file appears. A file that is in the way is removed only
 * if it is a socket of this user and nobody answers there; a file, a directory, a link, another
 * user's socket and a live one are refused and left as they are. */
#ifndef TP_SERVER_LISTENER_H
#define TP_SERVER_LISTENER_H

#include "base/address.h"
#include "taskpool.h"
#include <sys/types.h>

typedef struct tp_listener {
  int fd;             /* listening, non-blocking, closed on exec; -1: none */
  tp_address address; /* where it listens, with the real port */
  dev_t device;       /* Unix: with `inode`, the file that was made */
  ino_t inode;        /* see `device` */
} tp_listener;

/* Opens `listener` at the address written in `text`. Owns nothing when it fails. */
bool tp_listener_open(tp_listener *listener, const char *text, tp_error *error);

/* Removes the file of a Unix socket if it is still the one that was made. Leaves the descriptor
 * open. */
void tp_listener_remove_file(const tp_listener *listener);

#endif
