/* SPDX-License-Identifier: MIT
 *
 * What a task is told of itself; see self.h.
 *
 * Nothing is made for tasks that do not ask. A function that runs in a thread for a task of the
 * owner is told of that task. */
#include "binding/self.h"
#include "binding/context.h"
#include "exec/call.h"
#include "exec/exec.h"
#include "thread/origin.h"

#include <lauxlib.h>

static void set_count(lua_State *L, const char *key, uint64_t count) {
  lua_pushinteger(L, (lua_Integer)count);
  lua_setfield(L, -2, key);
}

/* Lua: task(): a table of what is known of the running task; nil outside of one. */
int l_core_task(lua_State *L) {
  const tp_exec *exec = tp_context_host(L)->exec;
  const tp_task *task = tp_exec_current_task(exec);
  tp_origin_facts facts;
  if (!tp_origin_read(exec, &facts))
    return 0;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_createtable(L, 0, 6);
  set_count(L, "id", facts.id);
  set_count(L, "number", facts.number);
  set_count(L, "try", facts.tries);
  lua_pushstring(L, facts.group);
  lua_setfield(L, -2, "group");
  lua_pushstring(L, facts.pool);
  lua_setfield(L, -2, "pool");
  if (task)
    tp_call_push_arguments(task, L);
  else
    tp_origin_push_arguments(L, exec);
  lua_setfield(L, -2, "args");
  return 1;
}

/* Lua: tries(): which try of its function the running task is at; nil outside of a task. */
int l_core_tries(lua_State *L) {
  tp_origin_facts facts;
  if (!tp_origin_read(tp_context_host(L)->exec, &facts))
    return 0;
  lua_pushinteger(L, facts.tries);
  return 1;
}
