/* SPDX-License-Identifier: MIT
 *
 * Arguments by name. */
#ifndef TP_EXEC_BIND_H
#define TP_EXEC_BIND_H

#include <lua.h>

/* Pushes the list of positional arguments made of a list (or nil) and a table of arguments by name
 * (or nil) for the function at `function`. Raises InvalidArgument that names the function and the
 * parameter. */
void tp_bind_arguments(lua_State *L, int function, int list, int named);

#endif
