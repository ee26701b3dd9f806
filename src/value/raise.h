/* SPDX-License-Identifier: MIT
 *
 * Raising errors of ours in Lua. */
#ifndef TP_VALUE_RAISE_H
#define TP_VALUE_RAISE_H

#include "taskpool.h"
#include <lua.h>

/* Raises {code, message}. Never returns; the int is for `return tp_raise(…)`. */
int tp_raise(lua_State *L, tp_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/* Raises what `error` holds. Never returns. */
int tp_raise_error(lua_State *L, const tp_error *error) __attribute__((noreturn));

#endif
