/* SPDX-License-Identifier: MIT
 *
 * The status of a pool and its groups, as tables.
 *
 * To add a field: set it where its table is made, and add its name to the list of fields, both in
 * status.c. */
#ifndef TP_BINDING_STATUS_H
#define TP_BINDING_STATUS_H

#include "pool/pool.h"
#include <lua.h>

/* The fields of the tables in the order in which people see them, ended by NULL. */
extern const char *const tp_status_fields[];
extern const char *const tp_status_list_fields[]; /* those of each pool in a list */
extern const char *const tp_status_group_fields[];

/* Pushes the table of a pool's status. */
void tp_status_push(lua_State *L, const tp_pool *pool);

/* ---- methods, called through their records ---- */

int l_pool_status(lua_State *L);
int l_pool_groups(lua_State *L);

#endif
