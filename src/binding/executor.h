/* SPDX-License-Identifier: MIT
 *
 * Pools whose tasks run in threads, and single calls there: how Lua asks for src/thread/. */
#ifndef TP_BINDING_EXECUTOR_H
#define TP_BINDING_EXECUTOR_H

#include "exec/call.h"
#include "pool/pool.h"
#include <lua.h>

/* Whether the option at `executor` (not nil) of `what` asks for threads. */
bool tp_executor_is_named(lua_State *L, const char *what, int executor);

/* Checks the options at `executor` and at `executor` + 1, of the class `what`. Returns whether they
 * ask for threads. */
bool tp_executor_is_asked(lua_State *L, const char *what, int executor);

/* Gives the pool, whose userdata is on top, the threads that the number at `count` says (nil: one
 * for each core). */
void tp_executor_equip(lua_State *L, tp_pool *pool, int count);

/* Replaces the function of a call by one that runs it in the threads of the pool, if it has some.
 * The option at `executor` (0 or nil: none) overrides that for this call; for a pool without
 * threads it means those of the host. Pushes two values if it replaces the function, else none.
 * Raises InvalidArgument for a function without a name. */
void tp_executor_route(lua_State *L, tp_call_parts *parts, int executor);

/* Has the threads of a pool end. `pool`: where its userdata is. */
void tp_executor_end(lua_State *L, int pool);

/* Lua: blocking(name, …). */
int l_core_blocking(lua_State *L);

#endif
