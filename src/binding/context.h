/* SPDX-License-Identifier: MIT
 *
 * What the functions of taskpool.core know. */
#ifndef TP_BINDING_CONTEXT_H
#define TP_BINDING_CONTEXT_H

#include "host/host.h"
#include <lua.h>

/* The host of the running function of taskpool.core: its first upvalue. */
static inline tp_host *tp_context_host(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

#endif
