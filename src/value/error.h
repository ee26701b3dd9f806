/* SPDX-License-Identifier: MIT
 *
 * Errors as values. In C an error is a tp_error (taskpool.h). In Lua it is a table {code, message}
 * with a metatable that prints it as "CODE: message". This file turns the one into the other.
 *
 * To add a kind of error: one line in TP_CODES of taskpool.h. */
#ifndef TP_VALUE_ERROR_H
#define TP_VALUE_ERROR_H

#include "taskpool.h"
#include <lua.h>

/* The name of the metatable of errors in the registry, and what getmetatable(e) shows in Lua. */
#define TP_ERROR_TYPE "taskpool.error"

/* Replaces the message on top of the stack by the error table {code, message}. Raises only for lack
 * of memory. */
void tp_error_wrap(lua_State *L, tp_code code);

/* The same with room for more fields, which the caller adds. */
void tp_error_wrap_for(lua_State *L, tp_code code, int fields);

/* Makes the table on top of the stack an error table: gives it their metatable. Raises only for
 * lack of memory. */
void tp_error_mark(lua_State *L);

/* The code of the error value at `index`; TP_OK if it is not an error table of taskpool. Never
 * raises and calls nothing, so it may be asked in any state. */
tp_code tp_error_code(lua_State *L, int index);

/* The code of the error value at `index` as text: "ScriptError" for a value that has none. It lives
 * as long as the value keeps it. Never raises, as above. */
const char *tp_error_name(lua_State *L, int index);

/* Pushes "CODE: message" for the error table at `index`, without calling metamethods. Raises only
 * for lack of memory. */
void tp_error_push_text(lua_State *L, int index);

#endif
