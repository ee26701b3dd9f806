/* SPDX-License-Identifier: MIT
 *
 * Waiting for groups and tasks of a pool. */
#ifndef TP_BINDING_WAIT_H
#define TP_BINDING_WAIT_H

#include <lua.h>

/* The method `wait`, called through its record. */
int l_pool_wait(lua_State *L);

#endif
