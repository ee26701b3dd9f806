/* SPDX-License-Identifier: MIT
 *
 * What `require "taskpool.core"` gives to Lua; the editor definitions in lua/taskpool/meta/
 * document it. */
#ifndef TP_BINDING_CORE_H
#define TP_BINDING_CORE_H

#include "host/host.h"
#include <lua.h>

/* Pushes the module's table. Opens the classes of pools in L. */
void tp_core_open(lua_State *L, tp_host *host);

#endif
