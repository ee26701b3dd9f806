/* SPDX-License-Identifier: MIT
 *
 * The methods that cancel tasks: cancel, cancel_group, cancel_all, stop and stop_all. Each is
 * called through its record in method.c. */
#ifndef TP_BINDING_STOP_H
#define TP_BINDING_STOP_H

#include "pool/pool.h"
#include <lua.h>

int l_pool_cancel(lua_State *L);
int l_pool_cancel_group(lua_State *L);
int l_pool_cancel_all(lua_State *L);
int l_pool_stop(lua_State *L);
int l_pool_stop_all(lua_State *L);

/* Cancels that many of the running tasks, the newest first; there must be that many. `who` is the
 * method that asks. */
void tp_stop_newest(lua_State *L, tp_pool *pool, uint64_t count, const char *who);

#endif
