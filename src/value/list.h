/* SPDX-License-Identifier: MIT
 *
 * How long a list is. Lua does not know that of a list with nil in it, so such a list says it: in a
 * field `n`, as table.pack does, or, if we have made it, hidden in its metatable. */
#ifndef TP_VALUE_LIST_H
#define TP_VALUE_LIST_H

#include <lua.h>
#include <stdbool.h>

/* Marks the table at `index`, which has no metatable, as a list of that length. */
void tp_list_mark(lua_State *L, int index, lua_Integer length);

/* The length that the table at `index` was marked with; -1: it was not. */
lua_Integer tp_list_marked(lua_State *L, int index);

/* The length of the list at `index`: what it says, else its border. */
lua_Integer tp_list_length(lua_State *L, int index);

/* Whether the table at `index` has keys but no list items, so that it was probably not meant as a
 * list. */
bool tp_list_has_keys_only(lua_State *L, int index);

#endif
