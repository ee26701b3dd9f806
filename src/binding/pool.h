/* SPDX-License-Identifier: MIT
 *
 * The methods of pools; each is called through its record in method.c. */
#ifndef TP_BINDING_POOL_H
#define TP_BINDING_POOL_H

#include <lua.h>
#include <stdbool.h>

int l_pool_apply(lua_State *L);
int l_pool_map(lua_State *L);
int l_pool_starmap(lua_State *L);
int l_pool_doublestarmap(lua_State *L);
int l_pool_submit(lua_State *L);
int l_pool_submit_nowait(lua_State *L);
int l_pool_set_weight(lua_State *L);
int l_pool_set_concurrency(lua_State *L);
int l_pool_start(lua_State *L);
int l_pool_func_name(lua_State *L);
int l_pool_size(lua_State *L);
int l_pool_scale(lua_State *L);
int l_pool_lock(lua_State *L);
int l_pool_unlock(lua_State *L);
int l_pool_pause(lua_State *L);
int l_pool_resume(lua_State *L);
int l_pool_paused(lua_State *L);
int l_pool_order(lua_State *L);
int l_pool_queue_limit(lua_State *L);
int l_pool_is_locked(lua_State *L);
int l_pool_is_closed(lua_State *L);
int l_pool_num_running(lua_State *L);
int l_pool_num_cancelled(lua_State *L);
int l_pool_num_ended(lua_State *L);
int l_pool_num_ok(lua_State *L);
int l_pool_num_failed(lua_State *L);
int l_pool_num_cancelled_total(lua_State *L);
int l_pool_num_timed_out(lua_State *L);
int l_pool_num_retried(lua_State *L);
int l_pool_traceback(lua_State *L);
int l_pool_num_waiting(lua_State *L);
int l_pool_is_full(lua_State *L);
int l_pool_get_group_ids(lua_State *L);

/* Submits a call whose arguments are in the slots of `submit`, and pushes its future. With `waits`,
 * a full queue blocks the call. */
void tp_pool_push_submitted(lua_State *L, bool waits);

#endif
