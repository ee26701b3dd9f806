/* SPDX-License-Identifier: MIT
 *
 * The pools of a server, as its clients see them: those that it was given, or every pool of the
 * host, also later ones. A pool that was there when the server opened is kept alive. */
#ifndef TP_SERVER_SERVED_H
#define TP_SERVER_SERVED_H

#include "host/host.h"
#include "pool/pool.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* A pool that is kept alive. */
typedef struct tp_served_pool {
  tp_pool *pool; /* alive as long as … */
  int reference; /* … the registry holds its userdata here */
} tp_served_pool;

typedef struct tp_served {
  tp_host *host;        /* whose pools they are */
  bool all;             /* every pool of the host is served, not only those in `kept` */
  tp_served_pool *kept; /* the pools that are kept alive */
  size_t count;         /* how many these are */
} tp_served;

/* Serves the `count` pools, or all of the host if `count` is 0. False: no memory. Needs a close
 * afterwards in any case. */
bool tp_served_open(tp_served *served, tp_host *host, lua_State *L, tp_pool *const *pools,
                    size_t count);

void tp_served_close(tp_served *served, lua_State *L);

/* The pool number `index` (from 0), NULL after the last. */
tp_pool *tp_served_at(const tp_served *served, size_t index);

/* The pool called `word`, with or without its class ("TaskPool-jobs", "jobs"). NULL: there is none.
 * `*other` is a second one that has this name without its class; NULL: there is none. */
tp_pool *tp_served_find(const tp_served *served, const char *word, const tp_pool **other);

#endif
