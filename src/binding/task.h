/* SPDX-License-Identifier: MIT
 *
 * What is known of one task, as a table. */
#ifndef TP_BINDING_TASK_H
#define TP_BINDING_TASK_H

#include "pool/pool.h"
#include <lua.h>

/* The fields of what is known of a task, in the order in which people see them, ended by NULL. */
extern const char *const tp_task_fields[];

/* Pushes the table of what is known of the task with that id, whose error counts as seen then.
 * Raises TaskNotFound. Returns 1. */
int tp_task_push(lua_State *L, tp_pool *pool, uint64_t id);

/* Sets a field of the table on top to seconds, to the millisecond. */
void tp_task_set_seconds(lua_State *L, const char *key, double seconds);

/* A method, called through its record. */
int l_pool_task(lua_State *L);

#endif
