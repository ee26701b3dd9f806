/* SPDX-License-Identifier: MIT
 *
 * The userdata by which Lua holds a pool, of the class TaskPool or SimpleTaskPool. */
#ifndef TP_BINDING_HANDLE_H
#define TP_BINDING_HANDLE_H

#include "pool/pool.h"
#include <lua.h>

/* The kinds of pools, one for each class; also as bits, for what is on several of them. */
enum { TP_ON_TASK_POOL = 1, TP_ON_SIMPLE_POOL = 2, TP_ON_ALL = 3 };

/* The user values of a handle. The first ones are of a SimpleTaskPool: what its tasks call. */
enum {
  TP_HANDLE_FUNCTION = 1,
  TP_HANDLE_ARGUMENTS,
  TP_HANDLE_END_CALLBACK,
  TP_HANDLE_CANCEL_CALLBACK,
  TP_HANDLE_NAME,
  TP_HANDLE_THREADS, /* of any pool: the threads that its tasks run in */
  TP_HANDLE_FAILED,  /* nil, or the futures of kept calls that have failed, by the group's number */
  TP_HANDLE_VALUES = TP_HANDLE_FAILED
};

/* The class of that kind of pools, which is the name of its metatable. */
const char *tp_handle_class(int kind);

/* Fills the metatable on top with what every handle needs, and prepares L for handles. */
void tp_handle_open(lua_State *L);

/* Makes a pool and pushes its handle, which stays until tp_handle_unpin. `name` may be NULL. Raises
 * NotAvailable, NoMemory. */
tp_pool *tp_handle_create(lua_State *L, int kind, const char *name, uint64_t size);

/* Pushes the handle of a pool. */
void tp_handle_push(lua_State *L, tp_pool *pool);

/* The pool whose handle is at `index`; raises InvalidArgument for anything else. */
tp_pool *tp_handle_check(lua_State *L, int index);

/* The pool's group whose name is the string at `index`; raises TaskGroupNotFound. */
tp_group *tp_handle_check_group(lua_State *L, const tp_pool *pool, int index);

/* Frees the pools of a closed host whose state lives on: their handles are of no use any more. */
void tp_handle_clear_all(lua_State *L, tp_host *host);

/* Releases a closed pool, which is freed when no Lua code holds its handle. */
void tp_handle_unpin(lua_State *L, tp_pool *pool);

#endif
