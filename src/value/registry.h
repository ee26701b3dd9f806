/* SPDX-License-Identifier: MIT
 *
 * Tables of our own in the registry of a Lua state. */
#ifndef TP_VALUE_REGISTRY_H
#define TP_VALUE_REGISTRY_H

#include <lua.h>

/* Pushes the table whose registry key is the address `key`; makes it the first time. `mode` is as
 * in a metatable: "k" or "v" for weak keys or values; NULL: neither is weak. */
void tp_registry_push_table(lua_State *L, const void *key, const char *mode);

#endif
