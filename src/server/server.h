/* SPDX-License-Identifier: MIT
 *
 * A control server: one address at which clients steer pools. A resource of its host, which it
 * keeps running while it is open.
 *
 * It polls its listening socket and accepts by itself: where descriptors run out libuv would drop
 * clients without a word, or spin. A descriptor is kept in reserve, so that even then a client is
 * told.
 *
 * When all places are taken, the client that has been idle longest makes room for a new one, so
 * that a person can always come in. Only where all clients have commands running is the new one
 * refused.
 */
#ifndef TP_SERVER_SERVER_H
#define TP_SERVER_SERVER_H

#include "host/host.h"
#include "server/listener.h"
#include "server/session.h"
#include "taskpool.h"
#include <lua.h>
#include <sys/queue.h>
#include <uv.h>

/* Those who are being told that they must go; more are closed without a word. */
#define TP_SERVER_REFUSED 32

/* What a server allows its clients. */
typedef struct tp_server_limits {
  unsigned clients;   /* how many are served at a time; 0: 128 */
  uint64_t line_ms;   /* from the first byte of a line to its end; 0: 10 s */
  uint64_t unread_ms; /* how long answers may stay unread; 0: 30 s */
} tp_server_limits;

/* What a server is to be. */
typedef struct tp_server_options {
  const char *address;           /* "unix:PATH" or "tcp://HOST:PORT" */
  tp_pool *const *pools;         /* what is served, the first is where sessions begin */
  size_t pool_count;             /* how many; 0: every pool of the host, also later ones */
  tp_server_limits limits;       /* what clients are allowed */
  void (*closed)(void *context); /* called once, when the server is gone; may be NULL */
  void *context;                 /* handed to `closed` */
} tp_server_options;

/* A pool that is served. */
typedef struct tp_server_pool {
  tp_pool *pool; /* alive as long as … */
  int reference; /* … the registry holds its userdata here */
} tp_server_pool;

typedef struct tp_server {
  tp_resource resource;  /* what the host knows of it */
  tp_host *host;         /* whose it is */
  tp_listener listener;  /* the socket */
  uv_poll_t poll;        /* tells when somebody connects */
  uv_timer_t retry;      /* polls again after descriptors ran out */
  uv_timer_t quiet;      /* while it runs, warnings are counted instead of logged */
  int reserve;           /* a descriptor to let go of when none is left; -1: it is gone */
  bool serves_all;       /* every pool of the host is served */
  tp_server_pool *pools; /* those that it keeps alive: what is served, or all that were there at
                            first */
  size_t pool_count;     /* how many `pools` are */
  LIST_HEAD(, tp_session) sessions; /* those not yet freed */
  tp_server_limits limits;          /* what clients are allowed; none is 0 */
  unsigned clients;                 /* open sessions */
  unsigned session_count;           /* all sessions */
  uint64_t stamp;                   /* see tp_server_stamp */
  uint64_t unlogged;                /* warnings that were counted only */
  unsigned handles;                 /* handles of its own not yet closed */
  bool closing;                     /* takes no more clients */
  void (*closed)(void *context);    /* see tp_server_options */
  void *context;                    /* for it */
} tp_server;

/* Opens a server; `L` is where the caller runs. NULL: see tp_listener_open, and NoMemory. It lives
 * until `closed` is called. */
tp_server *tp_server_open(tp_host *host, lua_State *L, const tp_server_options *options,
                          tp_error *error);

/* Starts closing: the address is free at once, sessions are closed. Any number of times. */
void tp_server_close(tp_server *server);

/* The same, but what runs in a session may end and be answered first; see tp_session_end. */
void tp_server_end(tp_server *server);

/* The pool number `index` (from 0) of those served, NULL behind the last. */
tp_pool *tp_server_pool_at(const tp_server *server, size_t index);

/* For sessions: this one is not open any more; and this one is over and about to be freed. */
void tp_server_release(tp_server *server);
void tp_server_forget(tp_server *server, tp_session *session);

/* A number greater than all before it: the smaller that of a session, the longer it has been idle.
 */
uint64_t tp_server_stamp(tp_server *server);

/* Logs why a client is sent away. The first record is written; those of the next ten seconds are
 * counted and become one, so that clients cannot fill the log. */
void tp_server_warn(tp_server *server, const char *what);

#endif
