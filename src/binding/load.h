/* SPDX-License-Identifier: MIT
 *
 * Modules that are loaded for a control session.
 *
 * Such a module is loaded in a coroutine of its own, which may wait, is preempted like any task,
 * and has a time limit. Meanwhile it may not act as a script does: see tp_load_check. */
#ifndef TP_BINDING_LOAD_H
#define TP_BINDING_LOAD_H

#include "value/module.h"
#include <lua.h>
#include <stdbool.h>

/* Pushes a userdata for the module, to be filled by the caller: the argument of l_load. */
tp_module *tp_load_push_module(lua_State *L);

/* Lua: load(module): loads that module, again if it is loaded, and waits for it. If it is being
 * loaded already, waits for that. Returns what tp_lost_push says of the old one. Raises what
 * tp_module_load fails with. */
int l_load(lua_State *L);

/* Raises Denied if what runs is a module that is being loaded for a session, or a job which it
 * started; `what` says what a module may not do. */
void tp_load_check(lua_State *L, const char *what);

/* Lua: reload(module). */
int l_core_reload(lua_State *L);

/* The name of a job that starts now, for tp_exec_start: a job that such a module starts has its
 * name, any other is called `other`. */
const char *tp_load_job_name(lua_State *L, const char *other);

#endif
