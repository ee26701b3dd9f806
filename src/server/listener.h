/* SPDX-License-Identifier: MIT
 *
 * Listening sockets: bound, private and listening, or an error that says why not.
 *
 * A Unix socket has its mode, 0600 as a rule, from the moment its file appears. A file that is in
 * the way is removed only if it is a socket of this user and nobody answers there; a file, a
 * directory, a link, another user's socket and a live one are refused and left as they are. */
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
  bool is_open;       /* TCP: other machines can reach it */
} tp_listener;

/* To whom a socket is open. */
typedef struct tp_listener_reach {
  bool users;    /* Unix: other users may connect, mode 0666; who asks looks who they are */
  bool machines; /* TCP: the address may be one that other machines reach */
} tp_listener_reach;

/* Opens `listener` at the address written in `text`. Owns nothing when it fails. */
bool tp_listener_open(tp_listener *listener, const char *text, tp_listener_reach reach,
                      tp_error *error);

/* Removes the file of a Unix socket if it is still the one that was made. Leaves the descriptor
 * open. */
void tp_listener_remove_file(const tp_listener *listener);

#endif
