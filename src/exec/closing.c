/* SPDX-License-Identifier: MIT
 *
 * Runs the <close> variables of threads that are not resumed again; see closing.h. */
#include "exec/closing.h"
#include "exec/preempt.h"
#include "exec/state.h"

#include <lauxlib.h>

/* How deep one closing may run inside another: Lua does not count the C stack that this takes. */
#define CLOSES_MAX 32

/* Frames that are looked through for values with __close: to find a frame takes as long as it is
 * deep. A thread with more is closed without proxies, or, if its hooks are off, never. */
#define FRAMES_MAX 4000

/* lua_resetthread, with the executor knowing which thread runs. A hook that has not fired goes to
 * `next`. */
static int reset(tp_exec *exec, lua_State *thread, lua_State *next) {
  if (exec->preemption.closes == CLOSES_MAX) {
    lua_pushliteral(thread, "the <close> variables of the coroutine cannot be run: too many inside "
                            "of each other");
    return LUA_ERRRUN;
  }
  tp_context before = tp_state_enter(exec, exec->context.coro, thread, false);
  tp_state_release(exec, thread);
  exec->preemption.closes++;
  int status = lua_resetthread(thread);
  exec->preemption.closes--;
  tp_state_leave(exec, before);
  tp_preempt_hand_on(exec, thread, next);
  return status;
}

int tp_closing_run(tp_exec *exec, lua_State *L, lua_State *thread) {
  return reset(exec, thread, L);
}

/* ---- by proxy ---- */

/* The upvalues of a proxy. */
enum { EXEC = 1, THREAD, ERROR, CLOSE };

/* Lua: stands in for a __close. In the thread that is closed, it calls it in another one, where
 * hooks are on; elsewhere it just calls it. */
static int l_proxy(lua_State *L) {
  tp_exec *exec = lua_touserdata(L, lua_upvalueindex(EXEC));
  bool is_closed = L == lua_touserdata(L, lua_upvalueindex(THREAD));
  lua_settop(L, 2);
  if (is_closed && lua_isnil(L, 2)) {
    lua_pushvalue(L, lua_upvalueindex(ERROR));
    lua_replace(L, 2);
  }
  lua_pushvalue(L, lua_upvalueindex(CLOSE));
  lua_insert(L, 1);
  if (!is_closed) {
    lua_call(L, 2, 0);
    return 0;
  }
  lua_State *other = lua_newthread(L);
  lua_insert(L, 1);
  lua_xmove(L, other, 3);
  tp_context before = tp_state_enter(exec, exec->context.coro, other, exec->context.waitable);
  tp_preempt_hand_on(exec, L, other);
  int status = lua_pcall(other, 2, 0, 0);
  tp_state_leave(exec, before);
  tp_preempt_hand_on(exec, other, L);
  if (status == LUA_OK)
    return 0;
  lua_xmove(other, L, 1);
  return lua_error(L);
}

/* Looks at the value on top of L, and pops it: if it has a __close, the table at `proxies` gets a
 * proxy of it under its metatable. `error` is the index of the error. */
static void add_proxy(tp_exec *exec, lua_State *L, lua_State *thread, int proxies, int error) {
  int top = lua_gettop(L) - 1;
  if (lua_getmetatable(L, -1)) {
    int metatable = top + 2;
    lua_pushvalue(L, metatable);
    bool is_new = lua_rawget(L, proxies) == LUA_TNIL;
    lua_pushvalue(L, metatable);
    lua_pushlightuserdata(L, exec);
    lua_pushlightuserdata(L, thread);
    lua_pushvalue(L, error);
    lua_pushliteral(L, "__close");
    if (lua_rawget(L, metatable) != LUA_TNIL && is_new) {
      lua_pushcclosure(L, l_proxy, CLOSE);
      lua_rawset(L, proxies);
    }
  }
  lua_settop(L, top);
}

/* Adds proxies for all values in the frames of the thread. False: it is in too many frames. */
static bool add_proxies(tp_exec *exec, lua_State *L, lua_State *thread, int proxies, int error) {
  lua_Debug info;
  luaL_checkstack(L, 10, NULL);
  if (!lua_checkstack(thread, 2))
    return false;
  for (int level = 0; lua_getstack(thread, level, &info); level++) {
    if (level == FRAMES_MAX)
      return false;
    for (int local = 1; lua_getlocal(thread, &info, local); local++) {
      lua_xmove(thread, L, 1);
      add_proxy(exec, L, thread, proxies, error);
    }
  }
  return true;
}

/* Puts the proxies at `proxies` into their metatables, or what they stand for back. Allocates
 * nothing, so that it cannot stop half way. */
static void install(lua_State *L, int proxies, bool on) {
  for (lua_pushnil(L); lua_next(L, proxies); lua_pop(L, 1)) {
    lua_pushliteral(L, "__close");
    if (on)
      lua_pushvalue(L, -2);
    else
      lua_getupvalue(L, -2, CLOSE);
    lua_rawset(L, -4);
  }
}

/* Closes the thread by proxy, with the error on top of L for its handlers; pops that, and returns
 * the status. */
static int close_by_proxy(tp_exec *exec, lua_State *L, lua_State *thread, lua_State *next) {
  luaL_checkstack(L, 4, NULL);
  int error = lua_gettop(L), proxies = error + 1;
  lua_newtable(L);
  bool is_complete = add_proxies(exec, L, thread, proxies, error);
  int status = LUA_ERRRUN;
  if (is_complete || lua_status(thread) == LUA_YIELD) {
    install(L, proxies, true);
    status = reset(exec, thread, next);
    install(L, proxies, false);
  } else {
    tp_state_hold(thread);
    lua_pushliteral(thread, "the <close> variables of the coroutine cannot be run: too many calls");
  }
  lua_settop(L, error - 1);
  return status;
}

void tp_closing_run_by_proxy(tp_exec *exec, lua_State *L, lua_State *thread) {
  luaL_checkstack(L, 1, NULL);
  lua_pushvalue(L, -1);
  if (close_by_proxy(exec, L, thread, L) == LUA_OK)
    return;
  lua_xmove(thread, L, 1);
  lua_remove(L, -2);
}

/* Closes the thread and all that it waits in, the innermost first, with the error on top of L. */
static void close_chain(tp_exec *exec, lua_State *L, lua_State *thread, lua_State *next) {
  lua_State *inner = exec->preemption.waited_in(thread);
  if (inner)
    close_chain(exec, L, inner, thread);
  lua_pushvalue(L, -1);
  close_by_proxy(exec, L, thread, next);
}

void tp_closing_kill(tp_exec *exec, lua_State *L, lua_State *thread) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  close_chain(exec, L, thread, NULL);
}
