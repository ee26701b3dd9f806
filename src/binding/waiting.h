/* SPDX-License-Identifier: MIT
 *
 * The tasks that a pool has accepted and not started, as a list. */
#ifndef TP_BINDING_WAITING_H
#define TP_BINDING_WAITING_H

#include "pool/pool.h"
#include <lua.h>

/* Pushes rows: the tasks of that group (NULL: of all) that have not started, as far as is known, at
 * most so many. */
void tp_waiting_push(lua_State *L, tp_pool *pool, const tp_group *group, uint64_t most);

#endif
