/* SPDX-License-Identifier: MIT
 *
 * Retries: the body of a task that is tried again when its function fails.
 *
 * How it works. Such a task runs l_retry with its policy, the function and its arguments. Each try
 * calls a copy of them: all but the last under a protected call, whose failure is told, and slept
 * upon like any other wait, so a cancel ends it; the last one with nothing in between, so that its
 * error goes the usual way. The task's record counts the tries.
 *
 * Not tried again is what a cancel has ended, and an error that taskpool.no_retry has wrapped: a
 * userdata of its own type, which is taken off where the error leaves the task. Such an error is
 * raised on; its traceback is the one that the handler of the try has kept.
 *
 * Stack of l_retry: [1] the policy, [2] the function, up to `base` its arguments; above them the
 * handler and the present try. */
#include "exec/retry.h"
#include "exec/preempt.h"
#include "exec/report.h"
#include "exec/state.h"
#include "exec/wait.h"
#include "pool/flow.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The longest pause between two tries, seconds. */
#define PAUSE_MAX 3600.0

/* Its address is the registry key of the metatable of wrapped errors. The error is the user value
 * of such a userdata. */
static const char refusal_key;

#define REFUSAL_TYPE "taskpool.no_retry"

/* ---- errors that are not to be tried again ---- */

/* Allocates nothing. */
bool tp_retry_is_refused(lua_State *L) {
  if (lua_type(L, -1) != LUA_TUSERDATA || !lua_checkstack(L, 2) || !lua_getmetatable(L, -1))
    return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &refusal_key);
  bool is_same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return is_same;
}

/* Lua: prints as the error does. */
static int l_refusal_tostring(lua_State *L) {
  lua_settop(L, 1);
  if (tp_retry_is_refused(L))
    lua_getiuservalue(L, 1, 1);
  luaL_tolstring(L, -1, NULL);
  return 1;
}

/* Pushes the metatable. */
static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &refusal_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushcfunction(L, l_refusal_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, REFUSAL_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &refusal_key);
}

void tp_retry_refuse(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  if (tp_retry_is_refused(L))
    return;
  lua_newuserdatauv(L, 0, 1);
  lua_insert(L, -2);
  lua_setiuservalue(L, -2, 1);
  push_metatable(L);
  lua_setmetatable(L, -2);
}

void tp_retry_unwrap(lua_State *L) {
  if (!tp_retry_is_refused(L))
    return;
  lua_getiuservalue(L, -1, 1);
  lua_remove(L, -2);
}

/* ---- the pause ---- */

/* A number from -1 to 1, another one for each task and time. */
static double draw(const tp_coro *coro) {
  uint64_t mixed = uv_hrtime() + coro->park * UINT64_C(0x9E3779B97F4A7C15);
  mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
  return ldexp((double)((mixed ^ (mixed >> 31)) >> 11), -52) - 1;
}

static double at_most(double value, double most) {
  return value < most ? value : most;
}

/* How long to wait after so many tries, seconds. */
static double pause_after(const tp_coro *coro, const tp_retry *retry, uint32_t tries) {
  double pause = at_most(ldexp(retry->backoff, (int)tries - 1), PAUSE_MAX);
  return at_most(pause * (1 + retry->jitter * draw(coro)), PAUSE_MAX);
}

/* ---- the tries ---- */

/* Tells of the try to come. The error of the last one is on top of L. */
static void tell(tp_coro *coro, lua_State *L, const tp_retry *policy, double pause) {
  tp_task *task = &coro->as.task;
  tp_pool *pool = task->group->pool;
  char words[300], when[40] = "at once";
  tp_report_push_traceback(coro->exec, L);
  const char *message = lua_tostring(L, -1), *end = strstr(message, "\nstack traceback:");
  if (pause > 0)
    snprintf(when, sizeof when, "in %.3g s", pause);
  snprintf(words, sizeof words, " %s (try %u of %u): %.*s", when, task->tries + 1U, policy->n + 1U,
           end ? (int)(end - message < 240 ? end - message : 240) : 240, message);
  tp_flow_count_retry(pool);
  tp_pool_tell_words(pool, TP_EVENT_RETRIED, task, words);
}

/* Whether the error on top of L, which has ended a try, leads to another one. */
static bool is_retried(const tp_coro *coro, lua_State *L) {
  bool is_cancelled = coro->cancelling && coro->cancelling->reason;
  return !is_cancelled && !tp_retry_is_refused(L);
}

static bool is_ok(int status) {
  return status == LUA_OK || status == LUA_YIELD;
}

static int begin_try(lua_State *L, tp_coro *coro, int base);

/* The pause is over. */
static int paused(lua_State *L, int status, lua_KContext base) {
  (void)status;
  tp_exec *exec = tp_state_exec_of(L);
  tp_wait_values(exec, L, (int)base);
  return begin_try(L, exec->context.coro, (int)base);
}

/* A try but the last has come back with this status. */
static int end_try(lua_State *L, int status, lua_KContext base) {
  tp_exec *exec = tp_state_exec_of(L);
  tp_coro *coro = exec->context.coro;
  if (is_ok(status))
    return lua_gettop(L) - (int)base - 1;
  tp_preempt_has_raised(exec, L);
  if (!is_retried(coro, L)) {
    coro->reported = true;
    return lua_error(L);
  }
  const tp_retry *policy = lua_touserdata(L, 1);
  double pause = pause_after(coro, policy, coro->as.task.tries);
  tell(coro, L, policy, pause);
  lua_settop(L, (int)base);
  coro->phase = TP_PHASE_PAUSE;
  return tp_wait_pause(exec, L, pause, paused, base);
}

/* The last try has returned. */
static int end_last(lua_State *L, int status, lua_KContext base) {
  (void)status;
  return lua_gettop(L) - (int)base - 1;
}

static int begin_try(lua_State *L, tp_coro *coro, int base) {
  const tp_retry *policy = lua_touserdata(L, 1);
  coro->phase = TP_PHASE_BODY;
  luaL_checkstack(L, base + LUA_MINSTACK, "too many arguments");
  lua_pushcfunction(L, tp_report_handler);
  for (int i = 2; i <= base; i++)
    lua_pushvalue(L, i);
  if (++coro->as.task.tries <= policy->n)
    return end_try(L, lua_pcallk(L, base - 2, LUA_MULTRET, base + 1, base, end_try), base);
  lua_callk(L, base - 2, LUA_MULTRET, base, end_last);
  return end_last(L, LUA_OK, base);
}

static int l_retry(lua_State *L) {
  tp_coro *coro = tp_state_exec_of(L)->context.coro;
  coro->as.task.tries = 0;
  return begin_try(L, coro, lua_gettop(L));
}

int tp_retry_push_body(lua_State *L, const tp_retry *policy) {
  lua_pushcfunction(L, l_retry);
  lua_pushlightuserdata(L, (void *)policy);
  return 2;
}
