/* SPDX-License-Identifier: MIT
 *
 * Profiles of what the Lua code of a host does, for Lua and for control sessions. */
#ifndef TP_BINDING_PROFILING_H
#define TP_BINDING_PROFILING_H

#include "exec/sampler.h"
#include "host/host.h"
#include <lua.h>
#include <stdbool.h>

/* The fields of a busy line. */
extern const char *const tp_profiling_fields[];

/* What to look at. */
typedef struct tp_profiling {
  double seconds;      /* how long */
  double interval;     /* from one sample to the next */
  const tp_pool *pool; /* only tasks of this pool; NULL: all that runs */
  bool lines;          /* the busiest lines, not stacks */
} tp_profiling;

/* Waits meanwhile, and returns one value: folded stacks, a string with a line "frame;frame count"
 * for each, or a list of tables of lines. `return tp_profiling_run(…)`. Raises InvalidArgument,
 * NotAvailable. */
int tp_profiling_run(lua_State *L, tp_host *host, const tp_profiling *of);

/* Pushes the folded stacks of a profile. Raises for lack of memory. */
void tp_profiling_push_stacks(lua_State *L, tp_profile *profile);

/* Lua: profile(seconds, {pool, lines, interval}). */
int l_core_profile(lua_State *L);

#endif
