/* SPDX-License-Identifier: MIT
 *
 * The clients of a server: their sessions, what these share, and how many there may be.
 *
 * When all places are taken, the client that has been idle longest makes room for a new one, so
 * that a person can always come in; before all others one that has shown no token yet. Only where
 * all clients have commands running is the new one refused. */
#ifndef TP_SERVER_CLIENTS_H
#define TP_SERVER_CLIENTS_H

#include "host/host.h"
#include "server/access.h"
#include "server/served.h"
#include "server/warning.h"
#include "taskpool.h"
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct tp_session;

/* What clients are allowed; see tp_serve_options. */
typedef struct tp_client_limits {
  uint64_t clients;   /* how many are served at a time */
  size_t line;        /* bytes of a line */
  size_t unread;      /* bytes of answers */
  uint64_t line_ms;   /* from the first byte of a line to its end */
  uint64_t unread_ms; /* how long answers may stay unread */
  uint64_t idle_ms;   /* how long a client may send no command; 0: any time */
} tp_client_limits;

typedef struct tp_clients {
  tp_host *host;                /* where commands run */
  tp_served served;             /* the pools that commands can go to */
  tp_warnings warnings;         /* who was sent away */
  tp_client_limits limits;      /* what clients are allowed */
  const tp_access *access;      /* who may use the server; outlives the sessions */
  bool local;                   /* they come over a Unix socket, else over TCP */
  bool closing;                 /* no more clients are taken, and sessions close soon */
  lua_CFunction run;            /* Lua: runs the line of the session at 1 and answers; may wait */
  void (*left)(void *context);  /* called when a session is over and freed */
  void *context;                /* for it */
  LIST_HEAD(, tp_session) list; /* the sessions not yet freed */
  unsigned open;                /* how many of them are open */
  unsigned count;               /* how many there are in all */
  uint64_t clock;               /* counts the bursts of commands; see tp_session.used */
} tp_clients;

/* The limits that the options of a server set, with the defaults in place of 0. */
tp_client_limits tp_clients_limits(const tp_serve_options *options);

/* Serves the client at the connected socket `fd`, which it owns from now on. With `refusal`, or
 * without a place for it, the client is told so and sent away. */
void tp_clients_add(tp_clients *clients, int fd, const tp_error *refusal);

/* Closes all sessions now. */
void tp_clients_close(tp_clients *clients);

/* The same, but what runs in a session may end and be answered first; see tp_session_end. */
void tp_clients_end(tp_clients *clients);

#endif
