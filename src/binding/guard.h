/* SPDX-License-Identifier: MIT
 *
 * Functions that run another one under a rule for cancels. */
#ifndef TP_BINDING_GUARD_H
#define TP_BINDING_GUARD_H

#include <lua.h>

/* Lua: catch_cancel(fn, …) and shield(seconds, fn, …) of taskpool.core. */
int l_core_catch_cancel(lua_State *L);
int l_core_shield(lua_State *L);

#endif
