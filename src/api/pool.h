/* SPDX-License-Identifier: MIT
 *
 * Pools as Lua sees them: userdata of the classes TaskPool and SimpleTaskPool. */
#ifndef TP_API_POOL_H
#define TP_API_POOL_H

#include "pool/pool.h"
#include <lua.h>

/* Pushes the userdata of a pool. */
void tp_pool_push(lua_State *L, tp_pool *pool);

/* The pool at `index`; raises InvalidArgument for anything else. */
tp_pool *tp_pool_check(lua_State *L, int index);

/* Makes the classes' metatables. */
void tp_pool_open(lua_State *L);

/* Lua: TaskPool(options) and SimpleTaskPool(func, options). */
int l_task_pool_new(lua_State *L);
int l_simple_task_pool_new(lua_State *L);

/* ---- the methods; see the records in method.c ---- */

int l_pool_apply(lua_State *L);
int l_pool_map(lua_State *L);
int l_pool_starmap(lua_State *L);
int l_pool_doublestarmap(lua_State *L);
int l_pool_start(lua_State *L);
int l_pool_stop(lua_State *L);
int l_pool_stop_all(lua_State *L);
int l_pool_func_name(lua_State *L);
int l_pool_pool_size(lua_State *L);
int l_pool_lock(lua_State *L);
int l_pool_unlock(lua_State *L);
int l_pool_is_locked(lua_State *L);
int l_pool_num_running(lua_State *L);
int l_pool_num_cancelled(lua_State *L);
int l_pool_num_ended(lua_State *L);
int l_pool_num_timed_out(lua_State *L);
int l_pool_traceback(lua_State *L);
int l_pool_num_waiting(lua_State *L);
int l_pool_is_full(lua_State *L);
int l_pool_get_group_ids(lua_State *L);
int l_pool_cancel(lua_State *L);
int l_pool_cancel_group(lua_State *L);
int l_pool_cancel_all(lua_State *L);
int l_pool_flush(lua_State *L);
int l_pool_gather_and_close(lua_State *L);
int l_pool_until_closed(lua_State *L);

#endif
