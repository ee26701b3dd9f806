/* SPDX-License-Identifier: MIT
 *
 * The classes TaskPool and SimpleTaskPool. */
#ifndef TP_BINDING_CLASS_H
#define TP_BINDING_CLASS_H

#include <lua.h>

/* Makes the classes' metatables. */
void tp_class_open(lua_State *L);

/* Lua: TaskPool(options) and SimpleTaskPool(func, options). */
int l_task_pool_new(lua_State *L);
int l_simple_task_pool_new(lua_State *L);

/* Lua: on_scope_end(function): what a pool in a <close> variable does at the end of its scope. */
int l_core_on_scope_end(lua_State *L);

#endif
