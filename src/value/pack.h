/* SPDX-License-Identifier: MIT
 *
 * Values between Lua states: a list of values to bytes (MessagePack) and back.
 *
 *     nil, booleans, strings       as they are; a string may hold any bytes
 *     integers, floats             each as what it is: 1 and 1.0 stay two things
 *     a table 1..n without holes   an array
 *     any other table              a map of its keys; so holes stay holes
 *     sets and error tables        a map that is marked, and gets its metatable back
 *
 * Other metatables are not sent. A table that is in two places becomes two. What cannot be sent is
 * refused with its path: functions, userdata, coroutines, tables inside themselves or deeper than
 * TP_PACK_DEPTH, tables as keys, and all that is more than TP_PACK_SIZE bytes. No metamethod is
 * called.
 *
 * Built without the library msgpack-c, nothing can be packed. */
#ifndef TP_VALUE_PACK_H
#define TP_VALUE_PACK_H

#include "base/bytes.h"
#include "taskpool.h"
#include <lua.h>
#include <stddef.h>

/* How deep tables may be in tables. */
#define TP_PACK_DEPTH 32

/* How many bytes one list of values has at most. */
#define TP_PACK_SIZE ((size_t)64 << 20)

/* Whether this build can pack. */
bool tp_pack_is_available(void);

/* Appends the `count` values from `first` on. `what` and `where` are for messages: "argument" and
 * "to a thread" in "argument 2.x is a function, which cannot be sent to a thread". False:
 * InvalidArgument, NoMemory; `out` is as long as before. Never raises; L needs room for some values
 * on its stack. */
bool tp_pack(tp_bytes *out, lua_State *L, int first, int count, const char *what, const char *where,
             tp_error *error);

/* Pushes the values of a list and returns how many there were. Raises NoMemory, and InvalidArgument
 * for bytes that tp_pack has not made. */
int tp_pack_push(lua_State *L, const char *data, size_t length);

#endif
