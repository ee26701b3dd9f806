/* SPDX-License-Identifier: MIT
 *
 * Sets of threads that run functions for a host: the thread executor.
 *
 * A *set* has some threads, each a host with its own Lua state and loop. The host that made the set
 * is their *owner*. A call crosses as a *request*: the name of a function and packed arguments
 * (value/pack.h) go there, packed results or an error come back. In the owner the call is an
 * ordinary coroutine that waits, so pools, groups, callbacks and time limits know nothing of
 * threads.
 *
 * All functions here are for the owner's thread. */
#ifndef TP_THREAD_THREADS_H
#define TP_THREAD_THREADS_H

#include "host/host.h"
#include <lua.h>

/* Threads of one set, at most. */
#define TP_THREADS_MAX 1024

/* Options of a new set. */
typedef struct tp_threads_options {
  unsigned count;    /* how many threads; 0: one for each core */
  tp_pool *pool;     /* whose tasks run there, and of no other; NULL: of no pool */
  const char *label; /* how logs name them, such as "TaskPool-0"; copied */
  double grace;      /* seconds that work has to end when the set is closed */
} tp_threads_options;

/* Starts a set and pushes its userdata, whose collection closes it. Raises NotAvailable, IOError,
 * NoMemory. */
void tp_threads_push(lua_State *L, tp_host *host, const tp_threads_options *options);

/* Pushes the set of the host that belongs to no pool, made at the first call. */
void tp_threads_push_default(lua_State *L, tp_host *host);

/* Has the threads of the set at `index` end: what runs there is cancelled, what has not begun never
 * begins. Does not wait for it; a host that is run goes on until the threads have ended, or have
 * had their time. */
void tp_threads_close(lua_State *L, int index);

/* Pushes a C function that runs the function at `function` in a thread of the set at `index`:
 * called in a task, it waits there and returns the results. Raises InvalidArgument for a function
 * that is not known by a name (see tp_name_push_of). */
void tp_threads_push_call(lua_State *L, int index, int function);

#endif
