/* SPDX-License-Identifier: MIT
 *
 * Values out: what an answer of the control server shows of a Lua value, as text for people.
 *
 *     a string                  as it is
 *     an integer, a float       as Lua prints it; inf, -inf, nan
 *     nil, true, false          by that name
 *     a list                    [1, "a", nil]; a table with the field n is n long
 *     a set                     {1, 2, 3}, in order
 *     any other table           {"k": 1, "l": 2}, keys in order; strings in tables are in quotes
 *     an error table            CODE: message
 *     anything else             function: 0x55d0c0ffee00
 *
 * No metamethod is ever called. A table deeper than 32, inside itself, or beyond the first 8 MiB of
 * the text prints as "...". The text is one line of valid UTF-8: control characters are escaped as
 * \n, \t, \x1b, \u0085, bytes that are not UTF-8 as \xff. */
#ifndef TP_VALUE_TEXT_H
#define TP_VALUE_TEXT_H

#include <lua.h>
#include <stddef.h>

/* The metatable name of a set: a table whose keys are its members. */
#define TP_SET_TYPE "taskpool.set"

/* Pushes the text of the value at `index`. Raises only for lack of memory. */
void tp_text_push(lua_State *L, int index);

/* Pushes `bytes` with control characters escaped as above. The bytes must not move while Lua
 * allocates: they are in a string on the stack, or in memory that is not Lua's. */
void tp_text_escape(lua_State *L, const char *bytes, size_t length);

#endif
