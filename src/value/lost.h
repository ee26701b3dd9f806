/* SPDX-License-Identifier: MIT
 *
 * What is lost when the new text of a module takes the place of the old one: its state, which is
 * the fields of the module and the local variables of its functions. What the new text has too, and
 * with the same value, is not lost; functions are not state. */
#ifndef TP_VALUE_LOST_H
#define TP_VALUE_LOST_H

#include <lua.h>

/* Pushes a sentence on what of the old module at `old` is lost with the new one at `new`, or nil.
 */
void tp_lost_push(lua_State *L, int old, int new);

#endif
