/* SPDX-License-Identifier: MIT
 *
 * The methods of pools that wait until something has ended and then forget or close; see close.h.
 */
#include "binding/close.h"
#include "binding/executor.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "exec/wait.h"
#include "pool/flush.h"
#include "pool/pool.h"
#include "value/error.h"
#include "value/raise.h"

#include <lauxlib.h>

/* A task that waits for its own pool would wait for itself. */
static tp_pool *check_waiter(lua_State *L, const char *method) {
  tp_pool *pool = tp_handle_check(L, 1);
  tp_wait_check(tp_run_exec(pool), L);
  if (tp_exec_current_pool(tp_run_exec(pool)) == pool)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: a task cannot wait for its own pool (%s)", method,
             pool->label);
  return pool;
}

/* Raises the first error of the tasks, saying how many there were, unless `quietly`. */
static int raise_errors(lua_State *L, tp_pool *pool, bool quietly) {
  uint64_t errors = tp_run_take_errors(pool, L);
  if (!errors || quietly)
    return 0;
  if (errors > 1 && (lua_isstring(L, -1) || tp_error_code(L, -1))) {
    tp_code code = tp_error_code(L, -1);
    if (code)
      lua_getfield(L, -1, "message");
    lua_pushfstring(L, "%s (the first of %I errors)", lua_tostring(L, -1), (LUAI_UACINT)errors);
    if (code)
      tp_error_wrap(L, code);
  }
  return lua_error(L);
}

/* The stack of a flush. */
enum { FLUSH_POOL = 1, FLUSH_QUIETLY, FLUSH_TICKET, FLUSH_STEPS };

/* Steps of a flush between two looks at the clock. */
#define STEPS_MAX 64

/* Lua: the end of a flush that may not have come to its own. */
static int l_close_flush(lua_State *L) {
  tp_flush_close(lua_touserdata(L, 1));
  return 0;
}

/* Takes the steps of a flush, in several turns if there are many. */
static int take_steps(lua_State *L, int status, lua_KContext context) {
  tp_pool *pool = tp_handle_check(L, FLUSH_POOL);
  tp_exec *exec = tp_run_exec(pool);
  tp_flush *steps = lua_touserdata(L, FLUSH_STEPS);
  (void)context;
  if (status == LUA_YIELD)
    tp_wait_values(exec, L, FLUSH_STEPS);
  for (unsigned count = 1; tp_flush_step(steps); count++)
    if (count % STEPS_MAX == 0 && tp_wait_must_give_way(exec, L))
      return tp_wait_give_way(exec, L, take_steps, 0);
  lua_settop(L, FLUSH_TICKET);
  tp_future_forget_calls(L, FLUSH_POOL);
  return raise_errors(L, pool, lua_toboolean(L, FLUSH_QUIETLY));
}

static int begin_steps(lua_State *L, tp_pool *pool) {
  tp_flush *steps = lua_newuserdatauv(L, sizeof *steps, 0);
  *steps = (tp_flush){0};
  if (luaL_newmetatable(L, "taskpool.flush")) {
    lua_pushcfunction(L, l_close_flush);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, FLUSH_STEPS);
  tp_flush_open(steps, pool);
  return take_steps(L, LUA_OK, 0);
}

/* Waits until the pool is flushable for the ticket. */
static int flush(lua_State *L, int status, lua_KContext context) {
  (void)context;
  tp_pool *pool = tp_handle_check(L, FLUSH_POOL);
  if (status == LUA_YIELD)
    tp_wait_values(tp_run_exec(pool), L, FLUSH_TICKET);
  uint64_t ticket = (uint64_t)lua_tointeger(L, FLUSH_TICKET);
  if (tp_pool_is_flushable(pool, ticket))
    return begin_steps(L, pool);
  tp_run_wait(pool, L, TP_EVENT_DONE, ticket);
  return tp_wait_park(tp_run_exec(pool), L, flush, 0);
}

int l_pool_flush(lua_State *L) {
  const tp_pool *pool = check_waiter(L, "flush");
  lua_pushinteger(L, (lua_Integer)pool->next_ticket);
  return flush(L, LUA_OK, 0);
}

/* Waits until the pool is idle. */
static int gather_and_close(lua_State *L, int status, lua_KContext context) {
  (void)context;
  tp_pool *pool = tp_handle_check(L, 1);
  if (status == LUA_YIELD)
    tp_wait_values(tp_run_exec(pool), L, 2);
  if (pool->closed) /* another caller was first */
    return 0;
  if (!tp_pool_is_idle(pool)) {
    tp_run_wait(pool, L, TP_EVENT_IDLE, 0);
    return tp_wait_park(tp_run_exec(pool), L, gather_and_close, 0);
  }
  tp_pool_close(pool);
  tp_future_forget_calls(L, 1);
  tp_handle_unpin(L, pool);
  tp_executor_end(L, 1);
  return raise_errors(L, pool, lua_toboolean(L, 2));
}

int l_pool_gather_and_close(lua_State *L) {
  tp_pool *pool = check_waiter(L, "gather_and_close");
  if (pool->closed)
    return tp_raise(L, TP_POOL_IS_CLOSED, "%s is closed already", pool->label);
  tp_pool_set_locked(pool, true);
  tp_pool_set_paused(pool, false); /* calls that wait for its end must get in */
  return gather_and_close(L, LUA_OK, 0);
}

static int until_closed(lua_State *L, int status, lua_KContext context) {
  (void)context;
  tp_pool *pool = tp_handle_check(L, 1);
  if (status == LUA_YIELD)
    tp_wait_values(tp_run_exec(pool), L, 1);
  if (pool->closed) {
    lua_pushboolean(L, true);
    return 1;
  }
  tp_run_wait(pool, L, TP_EVENT_CLOSED, 0);
  return tp_wait_park(tp_run_exec(pool), L, until_closed, 0);
}

int l_pool_until_closed(lua_State *L) {
  check_waiter(L, "until_closed");
  return until_closed(L, LUA_OK, 0);
}
