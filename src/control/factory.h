/* SPDX-License-Identifier: MIT
 *
 * Iterators from factories: at the prompt an iterable may be the name of a function that makes the
 * iterator. It may wait, so it is not called while the line is read, but on the first step. */
#ifndef TP_CONTROL_FACTORY_H
#define TP_CONTROL_FACTORY_H

#include <lua.h>

/* Replaces the function on top of the stack by an iterator function. On its first call that calls
 * the factory without arguments; from then on it steps what the factory returned, as a generic
 * `for` would: a function with state and control value, anything else that can be called, or a list
 * (honouring its field n). It ends with nil, for good. Factory and steps may wait; their errors
 * pass through. */
void tp_factory_push(lua_State *L);

#endif
