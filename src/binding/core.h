/* SPDX-License-Identifier: MIT
 *
 * What `require "taskpool.core"` gives to Lua; the editor definitions in lua/taskpool/meta/
 * document it. */
#ifndef TP_BINDING_CORE_H
#define TP_BINDING_CORE_H

#include "exec/exec.h"
#include "host/host.h"
#include <lua.h>

/* Pushes the module's table. Opens the classes of pools in L. */
void tp_core_open(lua_State *L, tp_host *host);

/* The host of a function of this module: its first upvalue. */
tp_host *tp_core_host(lua_State *L);

/* ---- functions with a file of their own ---- */

int l_core_catch_cancel(lua_State *L);
int l_core_shield(lua_State *L);
int l_core_await(lua_State *L);
int l_core_run(lua_State *L);

#endif
