/* SPDX-License-Identifier: MIT
 *
 * Pools as Lua sees them: userdata of the classes TaskPool and SimpleTaskPool. */
#ifndef TP_BINDING_CLASS_H
#define TP_BINDING_CLASS_H

#include "pool/pool.h"
#include <lua.h>

/* The user values of a SimpleTaskPool: what each of its tasks calls. */
enum {
  TP_PEG_FUNCTION = 1,
  TP_PEG_ARGUMENTS,
  TP_PEG_END_CALLBACK,
  TP_PEG_CANCEL_CALLBACK,
  TP_PEG_NAME,
  TP_PEG_THREADS, /* of any pool: the threads that its tasks run in */
  TP_PEG_FAILED,  /* nil, or the futures of kept calls that have failed, by the group's number */
  TP_PEG_VALUES = TP_PEG_FAILED
};

/* Pushes the userdata of a pool. */
void tp_pool_push(lua_State *L, tp_pool *pool);

/* The pool at `index`; raises InvalidArgument for anything else. */
tp_pool *tp_pool_check(lua_State *L, int index);

/* Lets go of a closed pool, which stays only as long as somebody holds it. */
void tp_pool_unpin(lua_State *L, tp_pool *pool);

/* The size that a checked number at `index` means: nil and infinity are no limit. */
uint64_t tp_pool_to_size(lua_State *L, int index);

/* Makes the classes' metatables. */
void tp_pool_open(lua_State *L);

/* Lua: TaskPool(options) and SimpleTaskPool(func, options). */
int l_task_pool_new(lua_State *L);
int l_simple_task_pool_new(lua_State *L);

/* Lua: on_scope_end(function): what a pool in a <close> variable does at the end of its scope. */
int l_core_on_scope_end(lua_State *L);

#endif
