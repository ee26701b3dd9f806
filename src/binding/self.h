/* SPDX-License-Identifier: MIT
 *
 * What a task is told of itself. */
#ifndef TP_BINDING_SELF_H
#define TP_BINDING_SELF_H

#include <lua.h>

/* Functions of taskpool.core. */
int l_core_task(lua_State *L);
int l_core_tries(lua_State *L);

#endif
