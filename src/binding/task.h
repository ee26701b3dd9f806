/* SPDX-License-Identifier: MIT
 *
 * What is known of one task, as a table. */
#ifndef TP_BINDING_TASK_H
#define TP_BINDING_TASK_H

#include <lua.h>

/* A method, called through its record. */
int l_pool_task(lua_State *L);

#endif
