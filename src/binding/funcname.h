/* SPDX-License-Identifier: MIT
 *
 * A name for a function, as far as one can be found: Lua functions have no name of their own. */
#ifndef TP_BINDING_FUNCNAME_H
#define TP_BINDING_FUNCNAME_H

#include <lua.h>

/* Pushes a name for the function at `index`: that of the caller's local variable or upvalue that
 * holds it, else of the global or the field of a loaded module, else the place where it was
 * defined, such as "hosts.lua:12", else "anonymous". */
void tp_funcname_push(lua_State *L, int index);

#endif
