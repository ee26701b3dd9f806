/* SPDX-License-Identifier: MIT
 *
 * Iterators: userdata that are called for the values of each next step, as a generic `for` calls
 * its function, and end with nil, for good. What they call may wait; its errors pass through. As a
 * <close> variable one closes the fourth value of its `for`, as Lua 5.4 does. */
#ifndef TP_VALUE_ITERATOR_H
#define TP_VALUE_ITERATOR_H

#include <lua.h>

/* Replaces four values on top of the stack, as a generic `for` takes them (function, state, control
 * and closing value), by an iterator. */
void tp_iterator_push(lua_State *L);

/* Replaces something on top, which is called without arguments, by an iterator over its results. */
void tp_iterator_push_calls(lua_State *L);

/* Replaces a list on top that has metamethods by an iterator over its items: as many as __len says,
 * else up to the first nil. */
void tp_iterator_push_list(lua_State *L);

/* Replaces a function that makes the iterator, and its argument (nil: none), on top by an iterator.
 * The function is called at the first step, because it may wait. What it returns is stepped as a
 * generic `for` would: a function with state, control and closing value, anything else that can be
 * called, or a list. */
void tp_iterator_push_made(lua_State *L);

#endif
