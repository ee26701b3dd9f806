/* SPDX-License-Identifier: MIT
 *
 * await: waits for the callback of any luv function.
 *
 * The callback is a C closure that knows the wake id of the wait. It wakes the task with its
 * arguments; if it is called before the task has parked, it keeps them. A wait that is cancelled
 * cancels the request, or closes the handle, that the function has returned; what cannot be stopped
 * goes on, and its late result is dropped. */
#include "binding/await.h"
#include "binding/context.h"
#include "exec/park.h"
#include "exec/timer.h"
#include "exec/wait.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <string.h>

/* Slots of the waiting frame. */
enum { BOX = 1, CALLBACK, BASE = CALLBACK };

/* Lua: the callback. Upvalues: host, wake id, box (a table: the arguments of an early call). */
static int l_callback(lua_State *L) {
  tp_wake_id id = (tp_wake_id)lua_tointeger(L, lua_upvalueindex(2));
  int count = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(3));
  bool is_early = lua_getfield(L, -1, "early") == LUA_TTABLE;
  lua_settop(L, count + 1);
  if (!is_early) {
    lua_pop(L, 1);
    tp_host *host = tp_context_host(L);
    host->dropped_results += !tp_park_wake(host->exec, id, L, count);
    return 0;
  }
  lua_insert(L, 1);
  lua_createtable(L, count, 1);
  lua_insert(L, 2);
  for (int i = count; i >= 1; i--)
    lua_rawseti(L, 2, i);
  lua_pushinteger(L, count);
  lua_setfield(L, 2, "n");
  lua_setfield(L, 1, "values");
  lua_pushnil(L);
  lua_setfield(L, 1, "early");
  return 0;
}

/* Turns the `count` arguments of a callback on top into results: errors come first, as strings. */
static int results(lua_State *L, int count) {
  int first = lua_gettop(L) - count + 1;
  if (count == 0 || (count == 1 && lua_isnil(L, first))) {
    lua_pushboolean(L, true);
    return 1;
  }
  if (lua_isnil(L, first))
    return count - 1;
  if (lua_type(L, first) != LUA_TSTRING)
    return count;
  const char *message = lua_tostring(L, first);
  const char *colon = strchr(message, ':');
  lua_pushnil(L);
  lua_pushvalue(L, first);
  lua_pushlstring(L, message, colon ? (size_t)(colon - message) : strlen(message));
  return 3;
}

/* Lua: releases what the function has returned: a request is cancelled, a handle closed. */
static int l_release(lua_State *L) {
  static const char *const methods[] = {"cancel", "close"};
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (lua_getfield(L, 1, methods[i]) != LUA_TNIL) {
      lua_pushvalue(L, 1);
      lua_call(L, 1, 0);
      return 0;
    }
    lua_pop(L, 1);
  }
  return 0;
}

/* The wait was cancelled. What cannot be released ends by itself, and its result is dropped. */
static void release(lua_State *L) {
  lua_pushcfunction(L, l_release);
  if (lua_getfield(L, BOX, "handle") != LUA_TUSERDATA || lua_pcall(L, 1, 0, 0) != LUA_OK)
    lua_settop(L, BASE);
}

static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_exec *exec = (tp_exec *)context;
  tp_timer_end_outside(exec);
  if (tp_wait_is_cut(exec))
    release(L);
  return results(L, tp_wait_values(exec, L, BASE));
}

/* The function has returned: its failure is the result; else waits for the callback. */
static int after_call(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_exec *exec = (tp_exec *)context;
  int count = lua_gettop(L) - BASE;
  if (count > 0 && !lua_toboolean(L, BASE + 1)) {
    lua_pushnil(L);
    lua_replace(L, BASE + 1);
    return count;
  }
  if (count > 0) {
    lua_pushvalue(L, BASE + 1);
    lua_setfield(L, BOX, "handle");
  }
  lua_settop(L, BASE);
  lua_pushnil(L);
  lua_setfield(L, BOX, "early");
  if (lua_getfield(L, BOX, "values") == LUA_TTABLE) {
    lua_getfield(L, -1, "n");
    int values = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, values + 4, "too many values");
    for (int i = 1; i <= values; i++)
      lua_rawgeti(L, BASE + 1, i);
    return results(L, values);
  }
  lua_settop(L, BASE);
  /* If the function itself has waited, it has used up the id that the callback was made with. */
  if (lua_tointeger(L, CALLBACK) != (lua_Integer)tp_wait_id(exec, L))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "await: the function must not wait before it has passed the callback on");
  tp_timer_begin_outside(exec);
  return tp_wait_park(exec, L, after_wait, (lua_KContext)exec);
}

/* Lua: await(fn, …). */
int l_core_await(lua_State *L) {
  tp_host *host = tp_context_host(L);
  if (!lua_isfunction(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT, "await: expected a function, not %s",
                    luaL_typename(L, 1));
  tp_wait_check(host->exec, L);
  int count = lua_gettop(L);
  luaL_checkstack(L, 8, NULL);
  lua_createtable(L, 0, 2);
  lua_newtable(L);
  lua_setfield(L, -2, "early");
  lua_insert(L, 1);
  lua_pushinteger(L, (lua_Integer)tp_wait_id(host->exec, L));
  lua_insert(L, 2);
  lua_pushlightuserdata(L, host);
  lua_pushvalue(L, CALLBACK);
  lua_pushvalue(L, BOX);
  lua_pushcclosure(L, l_callback, 3);
  lua_callk(L, count, LUA_MULTRET, (lua_KContext)host->exec, after_call);
  return after_call(L, LUA_OK, (lua_KContext)host->exec);
}
