/* SPDX-License-Identifier: MIT
 *
 * How an executor is found from a Lua state, and a coroutine from its task; see state.h. */
#include "exec/state.h"

#include <stddef.h>

const char tp_state_held_mark;

/* Its address is the registry key of the executor. */
static const char exec_key;

void tp_state_open(lua_State *L, tp_exec *exec) {
  lua_pushlightuserdata(L, exec);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &exec_key);
}

tp_exec *tp_state_exec_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exec_key);
  tp_exec *exec = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return exec;
}

tp_coro *tp_state_coro_of(tp_task *task) {
  return (tp_coro *)((char *)task - offsetof(tp_coro, as.task));
}
