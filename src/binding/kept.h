/* SPDX-License-Identifier: MIT
 *
 * What the tasks of a group have returned or raised, as a list for a control session, and as a
 * stream for Lua code and for those who follow it. */
#ifndef TP_BINDING_KEPT_H
#define TP_BINDING_KEPT_H

#include "pool/group.h"
#include <lua.h>

/* The fields of the tables in the order in which people see them, ended by NULL. */
extern const char *const tp_kept_fields[];

/* Which results the option `results` of `what` at `index`, or nil, asks for. Raises
 * InvalidArgument. */
tp_keep tp_kept_read(lua_State *L, int index, const char *what);

/* A method, called through its record. */
int l_pool_results(lua_State *L);

#endif
