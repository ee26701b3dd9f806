/* SPDX-License-Identifier: MIT
 *
 * Who may use a server, and for what.
 *
 * A Unix socket admits its own user, root, and the users of `uids`. Where there are tokens, a
 * session may do nothing before it has shown one of them; the token says which role it gets then,
 * but never more than that of the server. Without tokens each session has the role of the server
 * at once. */
#ifndef TP_SERVER_ACCESS_H
#define TP_SERVER_ACCESS_H

#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The length of a token, in bytes. None has a blank in it. */
#define TP_TOKEN_MIN 16
#define TP_TOKEN_MAX 255

/* How many tokens and users there are at most. */
#define TP_ACCESS_MAX 256

typedef struct tp_token {
  tp_role role;                 /* what it is good for */
  char bytes[TP_TOKEN_MAX + 1]; /* filled up with NUL */
} tp_token;

typedef struct tp_access {
  tp_role role;     /* the most that a session gets */
  tp_token *tokens; /* owned */
  size_t count;     /* how many; 0: none is needed */
  uid_t *uids;      /* users who are admitted beside the own one and root; owned */
  size_t uid_count; /* how many */
} tp_access;

/* Takes what the options say: copies it, and reads the file of tokens. False: InvalidArgument,
 * Denied (others may read the file), IOError, NoMemory; no message has a token in it. Needs a close
 * afterwards in any case. */
bool tp_access_open(tp_access *access, const tp_serve_options *options, tp_error *error);

/* Frees all, and leaves no token in memory. */
void tp_access_close(tp_access *access);

/* The role of a session that has shown no token. */
tp_role tp_access_start(const tp_access *access);

/* The role that a token gives; TP_ROLE_NONE: it is wrong. Takes the same time for any token. */
tp_role tp_access_find(const tp_access *access, const char *token, size_t length);

/* Whether a Unix socket admits the user. */
bool tp_access_admits(const tp_access *access, uid_t uid);

/* "read", "operate"; NULL for TP_ROLE_NONE. */
const char *tp_access_role_name(tp_role role);

/* The role of that name. False: there is none. */
bool tp_access_read_role(const char *name, tp_role *role);

#endif
