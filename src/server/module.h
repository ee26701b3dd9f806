/* SPDX-License-Identifier: MIT
 *
 * taskpool.control.core for Lua. */
#ifndef TP_SERVER_MODULE_H
#define TP_SERVER_MODULE_H

#include <lua.h>

/* Lua: the loader of the module; its table has the function `serve`. */
int luaopen_taskpool_control_core(lua_State *L);

#endif
