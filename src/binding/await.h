/* SPDX-License-Identifier: MIT
 *
 * Waiting for the callback of any luv function. */
#ifndef TP_BINDING_AWAIT_H
#define TP_BINDING_AWAIT_H

#include <lua.h>

/* Lua: await(fn, …) of taskpool.core. */
int l_core_await(lua_State *L);

#endif
