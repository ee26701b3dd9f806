/* SPDX-License-Identifier: MIT
 *
 * A control server: one address at which clients control pools. A resource of its host, which it
 * keeps running while it is open.
 *
 * It polls its listening socket and accepts connections itself: when descriptors run out, libuv
 * would drop clients silently, or spin. One descriptor is kept in reserve, so that a client can be
 * told even then. */
#ifndef TP_SERVER_SERVER_H
#define TP_SERVER_SERVER_H

#include "host/host.h"
#include "server/clients.h"
#include "server/listener.h"
#include "taskpool.h"
#include <lua.h>
#include <uv.h>

/* The options of a server. */
typedef struct tp_server_options {
  const char *address;           /* "unix:PATH" or "tcp://HOST:PORT" */
  tp_pool *const *pools;         /* what is served; sessions begin with the first */
  size_t pool_count;             /* how many; 0: every pool of the host, also later ones */
  tp_serve_options serve;        /* who may use it, and how much; only read while it opens */
  void (*closed)(void *context); /* called once, when the server is gone; may be NULL */
  void *context;                 /* handed to `closed` */
} tp_server_options;

typedef struct tp_server {
  tp_resource resource; /* what the host knows of it */
  tp_host *host;        /* which it belongs to */
  tp_listener listener; /* the socket, and where it listens */
  tp_access access;     /* who may use it */
  uv_poll_t poll;       /* tells when somebody connects */
  uv_timer_t retry;     /* polls again after descriptors ran out */
  int reserve;          /* a descriptor to be closed when none is left; -1: there is none */
  tp_clients clients;   /* who is served */
  unsigned handles;     /* handles of its own not yet closed */
  void (*closed)(void *context); /* see tp_server_options */
  void *context;                 /* for it */
} tp_server;

/* Opens a server; `L` is where the caller runs. NULL: see tp_listener_open, and NoMemory. It lives
 * until `closed` is called. */
tp_server *tp_server_open(tp_host *host, lua_State *L, const tp_server_options *options,
                          tp_error *error);

/* The same, but what runs in a session may end and be answered first; see tp_session_end. */
void tp_server_end(tp_server *server);

#endif
