/* SPDX-License-Identifier: MIT
 *
 * The functions that a control session may name, for people who do not know their names. */
#ifndef TP_VALUE_FUNCTIONS_H
#define TP_VALUE_FUNCTIONS_H

#include "value/exposure.h"
#include <lua.h>
#include <stdbool.h>

/* Takes a name and what it is, in one line. False: no more are needed. */
typedef bool tp_functions_visit(void *context, const char *name, const char *what);

/* Visits the functions whose names begin with `beginning`: those of modules that are loaded, and
 * those that were exposed under a name. A module that is not loaded is visited as "module.".
 * Loads nothing and runs no Lua code; raises only for lack of memory. */
void tp_functions_visit_all(lua_State *L, const tp_exposure *names, const char *beginning,
                            tp_functions_visit *take, void *context);

/* The same for the names of modules. */
void tp_functions_visit_modules(lua_State *L, const tp_exposure *names, const char *beginning,
                                tp_functions_visit *take, void *context);

#endif
