/* SPDX-License-Identifier: MIT
 *
 * Pools whose tasks run in threads, and single calls there; see executor.h. */
#include "binding/executor.h"
#include "binding/arguments.h"
#include "binding/handle.h"
#include "exec/call.h"
#include "exec/run.h"
#include "exec/wait.h"
#include "thread/threads.h"
#include "value/name.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

bool tp_executor_is_named(lua_State *L, const char *what, int executor) {
  const char *name = lua_tostring(L, executor);
  bool is_thread = strcmp(name, "thread") == 0;
  if (!is_thread && strcmp(name, "coroutine") != 0)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'executor' must be coroutine or thread, not '%s'", what,
             name);
  return is_thread;
}

bool tp_executor_is_asked(lua_State *L, const char *what, int executor) {
  bool is_asked = !lua_isnil(L, executor) && tp_executor_is_named(L, what, executor);
  if (lua_isnil(L, executor + 1))
    return is_asked;
  if (!is_asked)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'threads' needs executor = \"thread\"", what);
  lua_Integer count = lua_tointeger(L, executor + 1);
  if (count < 1 || count > TP_THREADS_MAX)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'threads' must be 1 to %d, not %lld", what,
             TP_THREADS_MAX, (long long)count);
  return true;
}

void tp_executor_equip(lua_State *L, tp_pool *pool, int count) {
  const tp_run *run = pool->owner;
  tp_threads_push(L, tp_state_host(L),
                  &(tp_threads_options){.count = (unsigned)lua_tointeger(L, count),
                                        .pool = pool,
                                        .label = pool->label,
                                        .grace = run->grace});
  lua_setiuservalue(L, -2, TP_HANDLE_THREADS);
}

/* Pushes the set of threads that a call must run in. Returns false and pushes nothing if it runs in
 * none. */
static bool push_set(lua_State *L, int pool, int executor) {
  bool is_given = executor && !lua_isnil(L, executor);
  bool is_thread = is_given && tp_executor_is_named(L, "submit", executor);
  if (is_given && !is_thread)
    return false;
  if (lua_getiuservalue(L, pool, TP_HANDLE_THREADS) == LUA_TUSERDATA)
    return true;
  lua_pop(L, 1);
  if (is_thread)
    tp_threads_push_default(L, tp_state_host(L));
  return is_thread;
}

void tp_executor_route(lua_State *L, tp_call_parts *parts, int executor) {
  luaL_checkstack(L, 4, NULL);
  if (!push_set(L, parts->pool, executor))
    return;
  tp_threads_push_call(L, -1, parts->function);
  parts->signature = parts->function;
  parts->function = lua_gettop(L);
}

void tp_executor_end(lua_State *L, int pool) {
  luaL_checkstack(L, 2, NULL);
  if (lua_getiuservalue(L, pool, TP_HANDLE_THREADS) == LUA_TUSERDATA)
    tp_threads_close(L, -1);
  lua_pop(L, 1);
}

/* ---- single calls ---- */

static int after_call(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

int l_core_blocking(lua_State *L) {
  static const tp_param function = {.name = "func", .type = TP_PARAM_FUNCTION};
  tp_host *host = tp_state_host(L);
  luaL_checkany(L, 1);
  tp_arguments_check(L, 1, "blocking", &function);
  tp_wait_begin(host->exec, L);
  tp_threads_push_default(L, host);
  tp_threads_push_call(L, -1, 1);
  lua_replace(L, 1);
  lua_pop(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_call);
  return after_call(L, LUA_OK, 0);
}
