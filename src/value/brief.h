/* SPDX-License-Identifier: MIT
 *
 * Values in a few words, such as the arguments of a task in a list of tasks: `1, "a\n", [1, 2,
 * ...]`. What does not fit is left out, and no more than that is looked at, however large a table
 * is. */
#ifndef TP_VALUE_BRIEF_H
#define TP_VALUE_BRIEF_H

#include <lua.h>
#include <stddef.h>

/* Writes the items of the list at `index`, whose length is at "n", to the `size` bytes at `to`, at
 * least 16. Calls no metamethod, allocates nothing, and needs some places on the stack. */
void tp_brief_write_list(lua_State *L, int index, char *to, size_t size);

#endif
