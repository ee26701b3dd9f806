/* SPDX-License-Identifier: MIT
 *
 * What a coroutine runs; see drive.h.
 *
 * Its thread runs one C function, `drive`, which calls the body of a call under a base lua_pcallk
 * frame and then, for a task, its callbacks; when it returns, the thread is at rest and can be
 * resumed anew. `drive` is its own continuation: `phase` says which part has just come back. */
#include "exec/drive.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/ending.h"
#include "exec/preempt.h"
#include "exec/ready.h"
#include "exec/state.h"
#include "pool/flow.h"

#include <lauxlib.h>

/* Pushes a callback with the task's id, whether it ended well, and its results or its error. */
static bool push_callback(tp_coro *coro, lua_State *L, tp_call_callback which, int *count) {
  const tp_group *group = coro->as.task.group;
  if (!tp_call_has_callback(group, which))
    return false;
  int results = lua_gettop(L) - tp_state_base(coro);
  luaL_checkstack(L, results + 6, "too many results");
  tp_call_push_callback(group, L, which);
  lua_pushinteger(L, (lua_Integer)coro->as.task.id);
  lua_pushboolean(L, !coro->failed);
  for (int i = 0; i < results; i++)
    lua_pushvalue(L, tp_state_base(coro) + 1 + i);
  *count = results + 2;
  return true;
}

static int drive(lua_State *L, int status, lua_KContext context);

/* Runs a callback if there is one. Returns the status that `drive` goes on with. */
static int run_callback(tp_coro *coro, lua_State *L, tp_coro_phase phase) {
  int count;
  bool is_end = phase == TP_PHASE_END_CALLBACK;
  coro->phase = (uint8_t)phase;
  if (!push_callback(coro, L, is_end ? TP_CALLBACK_END : TP_CALLBACK_CANCEL, &count))
    return LUA_OK;
  return lua_pcallk(L, count, 0, TP_STACK_HANDLER, (lua_KContext)coro, drive);
}

static bool is_ok(int status) {
  return status == LUA_OK || status == LUA_YIELD;
}

/* A callback is over; its error is on top if it failed, and changes nothing else. */
static void end_callback(tp_coro *coro, lua_State *L, int status, const char *part) {
  if (is_ok(status))
    return;
  tp_ending_report(coro, L, part);
  lua_pop(L, 1);
}

void tp_drive_end_job(tp_coro *coro, lua_State *L, bool ok) {
  tp_coro_done done = coro->as.job.done;
  coro->as.job.done = NULL;
  coro->phase = TP_PHASE_REST; /* no cancel is raised in what `done` calls */
  if (done)
    done(coro->as.job.context, L, ok, lua_gettop(L) - tp_state_base(coro));
  else if (!ok && !tp_exec_cancel_is_error(coro->exec, L, -1))
    tp_report_tell(coro->exec, coro, NULL, L, coro->as.job.what);
  tp_exec_cancel_clear(coro);
}

/* The body of a task is over. */
static void end_body(tp_coro *coro, lua_State *L, bool ok) {
  coro->failed = !ok;
  coro->cancelled = false;
  const tp_group *group = coro->as.task.group;
  if (!ok || coro->cancelling || group->submitted || group->results == TP_KEEP_ALL)
    tp_ending_run(coro, L, ok);
}

/* Calls the function above the base; in a coroutine that was cancelled before it began, fails at
 * once. */
static int run_body(tp_coro *coro, lua_State *L) {
  coro->phase = TP_PHASE_BODY;
  tp_preempt_prepare(coro->exec, L);
  if (!coro->cancelling || !coro->cancelling->reason)
    return lua_pcallk(L, lua_gettop(L) - tp_state_base(coro) - 1, LUA_MULTRET, TP_STACK_HANDLER,
                      (lua_KContext)coro, drive);
  lua_settop(L, tp_state_base(coro));
  tp_exec_cancel_push(L, coro->cancelling->reason);
  return LUA_ERRRUN;
}

/* Has the pool of the task that has just ended start another one in this coroutine, which saves a
 * round through the run queue. Not when the turn should look at the clock. */
static bool take_next(tp_coro *coro, tp_pool *pool) {
  tp_exec *exec = coro->exec;
  if (exec->budget.until_look <= 1)
    return false;
  exec->budget.until_look--;
  exec->handover.reusable = coro;
  if (tp_flow_feed(pool, 1))
    tp_ready_add_pool(pool->owner);
  exec->handover.reusable = NULL;
  return coro->as.task.state != TP_TASK_DONE;
}

/* Goes on with a task after the part that has come back with this status. A part that waits leaves
 * this function for good; `drive`, its continuation, calls it again. */
static void run_task(tp_coro *coro, lua_State *L, int status) {
  tp_task *task = &coro->as.task;
  tp_pool *pool = task->group->pool;
  switch ((tp_coro_phase)coro->phase) {
  case TP_PHASE_REST:
  case TP_PHASE_BODY:
  case TP_PHASE_PAUSE:
    end_body(coro, L, is_ok(status));
    status = coro->cancelled ? run_callback(coro, L, TP_PHASE_CANCEL_CALLBACK) : LUA_OK;
    /* fall through */
  case TP_PHASE_CANCEL_CALLBACK:
    end_callback(coro, L, status, "the cancel callback of ");
    if (!tp_call_has_callback(task->group, TP_CALLBACK_END))
      break;
    tp_flow_enter(pool, task, TP_TASK_ENDED);
    status = run_callback(coro, L, TP_PHASE_END_CALLBACK);
    /* fall through */
  case TP_PHASE_END_CALLBACK:
    end_callback(coro, L, status, "the end callback of ");
  }
  tp_flow_enter(pool, task, TP_TASK_DONE);
}

/* What a coroutine does all its life: runs a call, then comes to rest, or takes the next one. A
 * part that waits leaves this function, and comes back to it as its continuation; a task that has
 * waited leaves its place to those that are ready already. */
static int drive(lua_State *L, int status, lua_KContext context) {
  tp_coro *coro = (tp_coro *)context;
  bool has_waited = coro->phase != TP_PHASE_REST;
  bool goes_on;
  do {
    if (coro->phase == TP_PHASE_REST)
      status = run_body(coro, L);
    tp_pool *pool = coro->is_task ? coro->as.task.group->pool : NULL;
    if (pool)
      run_task(coro, L, status);
    else
      tp_drive_end_job(coro, L, is_ok(status));
    coro->phase = TP_PHASE_REST;
    if (coro->traced) /* by a failure that is not logged, such as that of a submitted call */
      tp_report_forget(coro, L);
    lua_settop(L, tp_state_base(coro));
    goes_on = pool && !has_waited && take_next(coro, pool);
  } while (goes_on);
  return 0;
}

int tp_drive_main(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, TP_STACK_CORO);
  tp_ready_count_begun(coro);
  coro->kept = 0;
  return drive(L, LUA_OK, (lua_KContext)coro);
}

int tp_drive_after_kill(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, TP_STACK_CORO);
  tp_exec_cancel_push(L, coro->cancelling->reason);
  return drive(L, LUA_ERRRUN, (lua_KContext)coro);
}
