/* SPDX-License-Identifier: MIT
 *
 * What can be called: functions, and tables and userdata with __call. */
#ifndef TP_VALUE_CALLABLE_H
#define TP_VALUE_CALLABLE_H

#include <lua.h>
#include <stdbool.h>

/* Whether the value at `index` can be called. */
bool tp_callable_is(lua_State *L, int index);

/* Pushes the function that runs when the value at `index` is called. Returns how many of its
 * parameters do not take arguments of the caller: 1 where that is the value itself. */
int tp_callable_push_function(lua_State *L, int index);

/* Whether the value at `index` has that metamethod. */
bool tp_callable_has(lua_State *L, int index, const char *metamethod);

#endif
