/* SPDX-License-Identifier: MIT
 *
 * Lua states, and the host that one belongs to. */
#ifndef TP_HOST_STATE_H
#define TP_HOST_STATE_H

#include "taskpool.h"
#include <lua.h>

/* A Lua state with the standard libraries, whose memory `allocate` gives; NULL: realloc and free.
 * NULL: NoMemory. */
lua_State *tp_state_create(lua_Alloc allocate, void *context, tp_error *error);

/* Tells a state which host it belongs to. May raise for lack of memory. */
void tp_state_set_host(lua_State *L, tp_host *host);

/* The host that a Lua state belongs to. Never NULL in a state that taskpool was opened in. */
tp_host *tp_state_host(lua_State *L);

#endif
