/* SPDX-License-Identifier: MIT
 *
 * pcall, xpcall, coroutine.resume, wrap, close and status for code that runs in tasks. They do what
 * the standard ones do, and four things more: a wait inside an inner coroutine parks the whole
 * task, and keeps others from resuming that coroutine; the error of a cancel is not caught but
 * raised on; and the executor knows which thread runs, so that it can interrupt it.
 *
 * A wait deep inside yields the innermost coroutine; `resume` sees that the task was parked, and
 * yields in turn, outwards until the executor. After the wake each continuation takes the values
 * one level further in. */
#include "exec/luastd.h"
#include "exec/cancel.h"
#include "exec/closing.h"
#include "exec/preempt.h"
#include "exec/state.h"

#include <lauxlib.h>
#include <string.h>

static tp_exec *exec_of(lua_State *L) {
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- pcall and xpcall ---- */

/* Ends a protected call: `context` values below the results are not results. */
static int end_pcall(lua_State *L, int status, lua_KContext context) {
  if (status == LUA_OK || status == LUA_YIELD)
    return lua_gettop(L) - (int)context;
  tp_preempt_has_raised(exec_of(L), L);
  if (tp_exec_cancel_is_error(exec_of(L), L, -1))
    return lua_error(L);
  lua_pushboolean(L, false);
  lua_insert(L, -2);
  return 2;
}

static int l_pcall(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, true);
  lua_insert(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, end_pcall);
  return end_pcall(L, status, 0);
}

/* Whether the function was called by a hook: hooks are off, so it can run for ever. */
static bool is_in_hook(lua_State *L) {
  lua_Debug info;
  return lua_getstack(L, 0, &info) && lua_getinfo(L, "n", &info) &&
         strcmp(info.namewhat, "hook") == 0;
}

/* Lua: calls the user's message handler, but for cancels, and for the error of what ran too long.
 * Upvalues: executor, handler. */
static int l_handler(lua_State *L) {
  if (tp_exec_cancel_is_error(exec_of(L), L, 1) || is_in_hook(L))
    return 1;
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, 1);
  return 1;
}

static int l_xpcall(lua_State *L) {
  int count = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 2);
  lua_pushcclosure(L, l_handler, 2);
  lua_replace(L, 2);
  lua_pushboolean(L, true);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  int status = lua_pcallk(L, count - 2, LUA_MULTRET, 2, 2, end_pcall);
  return end_pcall(L, status, 2);
}

/* ---- the ends of inner coroutines ---- */

/* Closes an inner coroutine that has ended in the error on top of L; an error of closing takes its
 * place. One that a hook has ended is closed already, or cannot be. */
static void close_ended(lua_State *L, lua_State *inner) {
  tp_exec *exec = exec_of(L);
  int status = lua_status(inner);
  if (tp_state_is_held(inner))
    return;
  if (status == LUA_YIELD) {
    tp_closing_run_by_proxy(exec, L, inner);
  } else if (status != LUA_OK && tp_closing_run(exec, L, inner) != LUA_OK) {
    lua_pop(L, 1);
    lua_xmove(inner, L, 1);
  }
}

/* An inner coroutine was ended by the task's cancel, which is on top of L: runs its <close>
 * variables, and raises the cancel on. */
static int raise_on(lua_State *L, lua_State *inner) {
  close_ended(L, inner);
  return lua_error(L);
}

/* ---- inner coroutines ---- */

/* What a resume came to. */
typedef enum outcome { RETURNED, FAILED, WAITS } outcome;

/* Resumes the coroutine with the `count` values on top of L. RETURNED: its `*count` values are on
 * top of L; FAILED: one error value is. */
static outcome step(lua_State *L, lua_State *inner, int *count) {
  tp_exec *exec = exec_of(L);
  if (!lua_checkstack(inner, *count)) {
    lua_pop(L, *count);
    lua_pushliteral(L, "too many arguments to resume");
    return FAILED;
  }
  lua_xmove(L, inner, *count);
  tp_coro *coro = exec->context.coro;
  bool is_waitable = exec->context.waitable && L == exec->context.thread && lua_isyieldable(L);
  tp_preempt_prepare(exec, inner);
  tp_state_release(exec, inner);
  tp_context before = tp_state_enter(exec, coro, inner, is_waitable);
  int status = lua_resume(inner, L, *count, count);
  tp_state_leave(exec, before);
  if (status == LUA_YIELD && tp_preempt_has_abandoned(exec, inner)) {
    tp_exec_cancel_push(L, coro->cancelling->reason);
    return FAILED;
  }
  if (status == LUA_YIELD && coro && coro->state != TP_CORO_RUNNING) {
    tp_state_hold(inner);
    return WAITS;
  }
  tp_preempt_hand_on(exec, inner, L);
  bool ok = status == LUA_OK || status == LUA_YIELD;
  if (!ok)
    *count = 1;
  if (!lua_checkstack(L, *count + 1)) {
    lua_pop(inner, *count);
    lua_pushliteral(L, "too many results to resume");
    return FAILED;
  }
  lua_xmove(inner, L, *count);
  if (!ok && tp_preempt_has_raised(exec, inner)) /* hooks are off in it now */
    tp_closing_run_by_proxy(exec, L, inner);
  return ok ? RETURNED : FAILED;
}

static int resume(lua_State *L, int count);

/* The wait of the inner coroutine is over. Stack: [1] it, above it what the wake brought. */
static int resumed(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return resume(L, lua_gettop(L) - 1);
}

/* coroutine.resume of [1] with the `count` values above it. */
static int resume(lua_State *L, int count) {
  lua_State *inner = lua_tothread(L, 1);
  switch (step(L, inner, &count)) {
  case RETURNED:
    lua_pushboolean(L, true);
    lua_insert(L, -(count + 1));
    return count + 1;
  case FAILED:
    if (tp_exec_cancel_is_error(exec_of(L), L, -1))
      return raise_on(L, inner);
    lua_pushboolean(L, false);
    lua_insert(L, -2);
    return 2;
  case WAITS:
    break;
  }
  return lua_yieldk(L, 0, 0, resumed);
}

static lua_State *check_thread(lua_State *L) {
  lua_State *inner = lua_tothread(L, 1);
  luaL_argexpected(L, inner, 1, "coroutine");
  return inner;
}

/* Whether a coroutine can be resumed; pushes why if it cannot. */
static bool can_resume(lua_State *L, lua_State *inner) {
  int status = lua_status(inner);
  lua_Debug info;
  if (tp_state_is_held(inner)) {
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
    return false;
  }
  if (status == LUA_YIELD)
    return true;
  bool is_running = inner == L || lua_getstack(inner, 0, &info);
  if (status == LUA_OK && !is_running && lua_gettop(inner) > 0)
    return true;
  if (status == LUA_OK && is_running)
    lua_pushliteral(L, "cannot resume non-suspended coroutine");
  else
    lua_pushliteral(L, "cannot resume dead coroutine");
  return false;
}

static int l_resume(lua_State *L) {
  lua_State *inner = check_thread(L);
  if (can_resume(L, inner))
    return resume(L, lua_gettop(L) - 1);
  lua_pushboolean(L, false);
  lua_insert(L, -2);
  return 2;
}

static int step_wrapped(lua_State *L, int count);

static int wrapped_resumed(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return step_wrapped(L, lua_gettop(L));
}

/* Raises the error value on top, with the place of the caller as the standard wrap does. */
static int raise_wrapped(lua_State *L, lua_State *inner) {
  if (tp_exec_cancel_is_error(exec_of(L), L, -1))
    return raise_on(L, inner);
  int status = lua_status(inner);
  if (status != LUA_YIELD)
    close_ended(L, inner);
  if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
    luaL_where(L, 1);
    lua_insert(L, -2);
    lua_concat(L, 2);
  }
  return lua_error(L);
}

static int step_wrapped(lua_State *L, int count) {
  lua_State *inner = lua_tothread(L, lua_upvalueindex(2));
  switch (step(L, inner, &count)) {
  case RETURNED:
    return count;
  case FAILED:
    return raise_wrapped(L, inner);
  case WAITS:
    break;
  }
  return lua_yieldk(L, 0, 0, wrapped_resumed);
}

/* Lua: what coroutine.wrap returns. Upvalues: executor, coroutine. */
static int l_wrapped(lua_State *L) {
  lua_State *inner = lua_tothread(L, lua_upvalueindex(2));
  if (!can_resume(L, inner))
    return raise_wrapped(L, inner);
  return step_wrapped(L, lua_gettop(L));
}

static int l_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_State *inner = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, inner, 1);
  lua_pushcclosure(L, l_wrapped, 2);
  return 1;
}

/* Lua: close. What an error of a <close> variable is, false and its value; a cancel is raised on.
 */
static int l_close(lua_State *L) {
  lua_State *inner = check_thread(L);
  lua_Debug info;
  bool is_active = lua_status(inner) == LUA_OK && lua_getstack(inner, 0, &info);
  if (inner == L || is_active || tp_state_is_held(inner))
    return luaL_error(L, "cannot close a %s coroutine", inner == L ? "running" : "normal");
  if (tp_closing_run(exec_of(L), L, inner) == LUA_OK) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_pushboolean(L, false);
  lua_xmove(inner, L, 1);
  return tp_exec_cancel_is_error(exec_of(L), L, -1) ? lua_error(L) : 2;
}

/* Lua: status. A coroutine in which a task waits is "normal", like one that has resumed another.
 * Upvalues: executor, the standard function. */
static int l_status(lua_State *L) {
  if (tp_state_is_held(check_thread(L))) {
    lua_pushliteral(L, "normal");
    return 1;
  }
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* Lua: the next values of a coroutine that serves as an iterator. Upvalues: executor, coroutine. */
static int l_next_values(lua_State *L) {
  lua_settop(L, 0);
  lua_State *inner = lua_tothread(L, lua_upvalueindex(2));
  bool is_dead = lua_status(inner) == LUA_OK && lua_gettop(inner) == 0;
  return is_dead ? 0 : l_wrapped(L);
}

void tp_luastd_push_iterator(lua_State *L, tp_exec *exec) {
  lua_pushlightuserdata(L, exec);
  lua_insert(L, -2);
  lua_pushcclosure(L, l_next_values, 2);
}

/* The inner coroutine that a thread waits in; NULL: none. */
static lua_State *waited_in(lua_State *L) {
  lua_Debug info;
  if (!lua_checkstack(L, 2) || !lua_getstack(L, 0, &info))
    return NULL;
  int top = lua_gettop(L);
  lua_getinfo(L, "f", &info);
  lua_CFunction function = lua_tocfunction(L, -1);
  if (function == l_wrapped || function == l_next_values)
    lua_getupvalue(L, -1, 2);
  else if (function == l_resume)
    lua_getlocal(L, &info, 1);
  lua_State *inner = lua_tothread(L, -1);
  lua_settop(L, top);
  return inner && tp_state_is_held(inner) ? inner : NULL;
}

void tp_luastd_open(lua_State *L, tp_exec *exec) {
  static const luaL_Reg base[] = {{"pcall", l_pcall}, {"xpcall", l_xpcall}, {NULL, NULL}};
  static const luaL_Reg coroutine[] = {
      {"resume", l_resume}, {"wrap", l_wrap}, {"close", l_close}, {NULL, NULL}};
  exec->preemption.waited_in = waited_in;
  lua_pushglobaltable(L);
  lua_pushlightuserdata(L, exec);
  luaL_setfuncs(L, base, 1);
  lua_getfield(L, -1, "coroutine");
  lua_pushlightuserdata(L, exec);
  luaL_setfuncs(L, coroutine, 1);
  lua_pushlightuserdata(L, exec);
  lua_getfield(L, -2, "status");
  lua_pushcclosure(L, l_status, 2);
  lua_setfield(L, -2, "status");
  lua_pop(L, 2);
}
