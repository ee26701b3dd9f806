/* SPDX-License-Identifier: MIT
 *
 * The Lua modules of the core, as `require` finds them. */
#ifndef TP_LIB_LUAOPEN_H
#define TP_LIB_LUAOPEN_H

#include "host/host.h"

/* Puts taskpool.core and taskpool.control.core where `require` finds them in the host's state. May
 * raise. */
void tp_luaopen_preload(tp_host *host);

/* Has `require` load the modules again, for another host in the same state. */
void tp_luaopen_unload(lua_State *L);

/* Lua: the entry of build/lua/taskpool/core.so, for a stock interpreter: a host is made in its
 * state. */
TP_API int luaopen_taskpool_core(lua_State *L);

#endif
