/* SPDX-License-Identifier: MIT
 *
 * Read by the analysers of scripts/lint before each source: what they cannot see by themselves and
 * would report wrongly for. */
#define _GNU_SOURCE /* a source can no longer ask for it when this has been read */

#include "../../include/taskpool.h"
#include <uthash.h>

typedef struct lua_State lua_State;

/* What never returns. */
int lua_error(lua_State *L) __attribute__((noreturn));
int luaL_error(lua_State *L, const char *format, ...) __attribute__((noreturn));

/* Deleting from a hash table: the macro's own tests make them think that the table may be NULL. */
void tp_analysis_delete(void *head, void *handle);
#undef HASH_DELETE_HH
#define HASH_DELETE_HH(hh, head, handle) tp_analysis_delete(&(head), handle)
