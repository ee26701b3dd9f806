/* SPDX-License-Identifier: MIT
 *
 * Values out, for programs: the JSON of a Lua value, as framed answers of the control server hold
 * it.
 *
 * Integers stay integers; inf and nan, which JSON lacks, are the strings "inf", "-inf" and "nan".
 * A list is an array (nil in it null), a set a sorted array, any other table an object whose keys
 * are turned into text; an error is {"code", "message"}. Functions, userdata and threads are
 * strings such as "function: 0x…". Bytes in a string that are not UTF-8 are \xNN. A table inside
 * itself, below depth TP_JSON_DEPTH or after TP_JSON_NODES values is "...". */
#ifndef TP_VALUE_JSON_H
#define TP_VALUE_JSON_H

#include <jansson.h>
#include <lua.h>

#define TP_JSON_DEPTH 32
#define TP_JSON_NODES 100000

/* The JSON of the value at `index`, owned by the caller. NULL: no memory. Calls no metamethod;
 * raises only for lack of memory for the stack, before it owns anything. */
json_t *tp_json_create(lua_State *L, int index);

/* Pushes what JSON says: null as nil, an object or an array as a table. Raises only for lack of
 * memory. */
void tp_json_push(lua_State *L, const json_t *json);

/* The JSON string of `length` bytes at `bytes`, owned by the caller. NULL: no memory. */
json_t *tp_json_string(const char *bytes, size_t length);

#endif
