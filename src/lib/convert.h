/* SPDX-License-Identifier: MIT
 *
 * Values between C and Lua. A set is a list in C; an error is what its text says. */
#ifndef TP_LIB_CONVERT_H
#define TP_LIB_CONVERT_H

#include "taskpool.h"
#include <lua.h>

/* Pushes a value (NULL: nil). Raises InvalidArgument for one that is too deep, NoMemory. */
void tp_convert_push(lua_State *L, const tp_value *value);

/* The `count` values from `first` on in one block, for free(). It points to nothing of Lua's. NULL:
 * InvalidArgument that names the value (such as "result 2.fn") for what is not a value of C;
 * NoMemory. */
tp_value *tp_convert_read(lua_State *L, int first, int count, const char *what, tp_error *error);

/* A copy of `count` values in one block, for free(). NULL: no memory. */
tp_value *tp_convert_copy(const tp_value *values, size_t count);

/* The value at `index` if that needs no memory: its strings are Lua's. False: it is a table, or not
 * a value of C. */
bool tp_convert_view(lua_State *L, int index, tp_value *value);

/* Says in `error` (NULL is allowed) what the error value at `index` says. */
void tp_convert_error(lua_State *L, int index, tp_error *error);

/* Pushes the error table of an error. */
void tp_convert_push_error(lua_State *L, const tp_error *error);

#endif
