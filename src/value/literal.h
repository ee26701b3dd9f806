/* SPDX-License-Identifier: MIT
 *
 * Literals: text in Lua, Python or JSON spelling becomes one Lua value. Nothing is evaluated.
 *
 *     nil None null   true True false False   12  -3  0x1F  1.5e3  .5  5.
 *     'it\'s'  "\n \t \\ \/ \x41 \u00e9 \ud83d\ude00 \u{e9} \065"
 *     {1, 2, x = 3}   ['a', "b",]   [[0, 10], [10, 20]]   (1, 2)
 *     {'k': 1}   {["k"] = 1}   {1: 'a'}
 *
 * Brackets make tables, and the spellings may be mixed. `()` and `(1,)` are lists, `(1)` is 1 as in
 * Python. A list with nil in it is marked with its length (list.h). A key given twice and nil as a
 * key are errors. Integers stay integers; a number that does not fit (64 bits, or a finite float)
 * is an error. In strings \ddd is decimal as in Lua, \x and \ddd make bytes, \u makes UTF-8; a line
 * break or NUL must be escaped. There is no spelling for inf and nan.
 *
 * How it works: one loop over the text with an explicit stack of open brackets (no recursion), at
 * most TP_LITERAL_DEPTH deep and TP_LITERAL_NODES values in all. To add a constant: one row in the
 * table of words; an escape of one letter: one row in the table of escapes. */
#ifndef TP_VALUE_LITERAL_H
#define TP_VALUE_LITERAL_H

#include "taskpool.h"
#include <lua.h>
#include <stddef.h>

#define TP_LITERAL_DEPTH 32
#define TP_LITERAL_NODES 100000

/* Reads one literal from the start of `text` (leading blanks are skipped), pushes its value and
 * stores in `*used` how many bytes it took; what follows is the caller's. On failure pushes nothing
 * and fills `error` with InvalidArgument and a message that ends in "at column N" (1 = the first
 * byte of `text`). May raise only for lack of memory: call it protected. */
bool tp_literal_read(lua_State *L, const char *text, size_t length, size_t *used, tp_error *error);

/* The same from the byte `*at` of `text` on, which then moves past the literal; columns still
 * count from the first byte of `text`. */
bool tp_literal_read_at(lua_State *L, const char *text, size_t length, size_t *at, tp_error *error);

#endif
