/* SPDX-License-Identifier: MIT
 *
 * The events of pools, groups and tasks as a stream of rows, for Lua and for control sessions.
 *
 * To add a field: set it in `push_table`, and add its name to tp_follow_fields; people see it in
 * `push_text`. */
#ifndef TP_BINDING_FOLLOW_H
#define TP_BINDING_FOLLOW_H

#include "host/follower.h"
#include <lua.h>

/* How many events may wait for who follows them, if nothing else is said. */
#define TP_FOLLOW_LIMIT_DEFAULT 10000

/* The fields of an event's table. */
extern const char *const tp_follow_fields[];

/* Pushes a tp_rows of the events of the host that the filter lets through. `limit` may wait. Raises
 * NoMemory. */
void tp_follow_push(lua_State *L, tp_host *host, const tp_follower_filter *filter, size_t limit);

/* The kinds that the words at `index` (nil: all) name. Raises InvalidArgument. */
unsigned tp_follow_check_kinds(lua_State *L, int index);

/* Lua: events{kind, group, pool, limit}: what a `for` goes over. */
int l_core_events(lua_State *L);

#endif
