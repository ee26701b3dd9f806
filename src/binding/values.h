/* SPDX-License-Identifier: MIT
 *
 * The results of a call, or its error, kept as one value: a list with its length in `n`. */
#ifndef TP_BINDING_VALUES_H
#define TP_BINDING_VALUES_H

#include <lua.h>

/* Pushes the list of the `count` values from `first` on, which stay where they are. */
void tp_values_pack(lua_State *L, int first, int count);

/* Pushes the values of the list at `index`; returns how many. */
int tp_values_unpack(lua_State *L, int index);

#endif
