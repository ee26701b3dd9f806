/* SPDX-License-Identifier: MIT
 *
 * The ends of tasks and pools: flush, gather_and_close, until_closed. Each is called through its
 * record in method.c. */
#ifndef TP_BINDING_CLOSE_H
#define TP_BINDING_CLOSE_H

#include <lua.h>

int l_pool_flush(lua_State *L);
int l_pool_gather_and_close(lua_State *L);
int l_pool_until_closed(lua_State *L);

#endif
