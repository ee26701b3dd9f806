/* SPDX-License-Identifier: MIT
 *
 * The tasks of a pool as a list: those that are not done, or those that have ended in some way. */
#ifndef TP_BINDING_TASKS_H
#define TP_BINDING_TASKS_H

#include <lua.h>

/* The fields of the tables in the order in which people see them, ended by NULL. */
extern const char *const tp_tasks_fields[];

/* A method, called through its record. */
int l_pool_tasks(lua_State *L);

#endif
