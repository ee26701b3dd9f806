/* SPDX-License-Identifier: MIT
 *
 * One coroutine, from its start to its end. Where they come from: slot.c.
 *
 * Its thread runs one C function, `drive`, which calls the body of a call under a base lua_pcallk
 * frame and then, for a task, its callbacks; when it returns, the thread is at rest and can be
 * resumed anew. `drive` is its own continuation: `phase` says which part has just come back.
 *
 * Stack of the thread while it runs: [1] the message handler, above it the function and arguments,
 * or the results, of the present call. At rest it is empty. */
#include "exec/closing.h"
#include "exec/ending.h"
#include "exec/slice.h"
#include "value/error.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stddef.h>
#include <stdio.h>

/* Its address is the registry key of the executor. */
static const char exec_key;

void tp_coro_open(lua_State *L, tp_exec *exec) {
  lua_pushlightuserdata(L, exec);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &exec_key);
}

tp_exec *tp_exec_of(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &exec_key);
  tp_exec *exec = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return exec;
}

tp_coro *tp_coro_of(tp_task *task) {
  return (tp_coro *)((char *)task - offsetof(tp_coro, as.task));
}

/* ---- telling of errors ---- */

/* Reports a task's error, naming the task and what failed in it. */
static void report_task(tp_coro *coro, lua_State *L, const char *part) {
  const tp_task *task = &coro->as.task;
  char who[512];
  snprintf(who, sizeof who, "%s%s_Task-%" PRIu64 " of group '%s'", part, task->group->pool->label,
           task->id, tp_group_label(task->group));
  tp_report_tell(coro->exec, coro, L, who);
}

/* ---- the parts of a task ---- */

/* Tells who waits for the results of a submitted call; no cancel is raised in what that calls.
 * False: nobody does. */
static bool tell(tp_coro *coro, lua_State *L, bool ok) {
  const tp_group *group = coro->as.task.group;
  if (!group->submitted)
    return false;
  coro->phase = TP_PHASE_REST;
  bool told = tp_call_tell(group, L, ok, lua_gettop(L) - 1);
  coro->phase = TP_PHASE_BODY;
  return told;
}

/* The body of a task that was cancelled, limited or shielded is over: says what came of that. */
static void end_ending(tp_coro *coro, lua_State *L, bool ok) {
  tp_task *task = &coro->as.task;
  tp_pool *pool = task->group->pool;
  if (coro->ending->reason) {
    coro->cancelled = !ok && tp_exec_is_cancel(coro->exec, L, -1);
    tp_ending_keep_record(coro);
  }
  if (coro->cancelled) {
    tp_ending_record(coro, L);
    tp_run_event(pool, TP_EVENT_CANCELLED, task);
  }
  tp_ending_clear(coro);
}

/* Notes that a task has failed: message and traceback are kept, and logged unless somebody was
 * told.
 */
static void end_failed(tp_coro *coro, lua_State *L, bool is_told) {
  tp_task *task = &coro->as.task;
  bool is_unseen = !is_told && !tp_call_has_callback(task->group, TP_PHASE_END_CALLBACK);
  luaL_checkstack(L, 4, NULL);
  tp_report_push(coro, L);
  tp_records_add_error(&task->group->pool->records, task->id, lua_tostring(L, -1), is_unseen);
  lua_pop(L, 1);
  if (is_told)
    return;
  report_task(coro, L, "");
  tp_run_count_error(task->group, L, is_unseen);
}

/* How the body of a task has ended that did not return; a cancel that it obeyed is on top of L. */
static tp_task_end end_of(const tp_coro *coro, lua_State *L) {
  if (!coro->cancelled)
    return TP_END_FAILED;
  return tp_error_code(L, -1) == TP_TIMED_OUT ? TP_END_TIMED_OUT : TP_END_CANCELLED;
}

/* The body of a task is over: says how. */
static void end_body(tp_coro *coro, lua_State *L, bool ok) {
  if (!ok)
    tp_retry_unwrap(L);
  coro->failed = !ok;
  coro->cancelled = false;
  if (coro->ending)
    end_ending(coro, L, ok);
  if (!ok)
    coro->as.task.end = end_of(coro, L);
  bool is_told = tell(coro, L, ok) && !coro->as.task.group->known_by_name;
  if (coro->failed && !coro->cancelled)
    end_failed(coro, L, is_told);
}

/* Pushes a callback with the task's id, whether it ended well, and its results or its error. */
static bool push_callback(tp_coro *coro, lua_State *L, tp_coro_phase phase, int *count) {
  const tp_group *group = coro->as.task.group;
  if (!tp_call_has_callback(group, phase))
    return false;
  int results = lua_gettop(L) - 1;
  luaL_checkstack(L, results + 6, "too many results");
  tp_call_push_callback(group, L, phase);
  lua_pushinteger(L, (lua_Integer)coro->as.task.id);
  lua_pushboolean(L, !coro->failed);
  for (int i = 0; i < results; i++)
    lua_pushvalue(L, 2 + i);
  *count = results + 2;
  return true;
}

static int drive(lua_State *L, int status, lua_KContext context);

/* Runs a callback if there is one. Returns the status that `drive` goes on with. */
static int run_callback(tp_coro *coro, lua_State *L, tp_coro_phase phase) {
  int count;
  coro->phase = (uint8_t)phase;
  if (!push_callback(coro, L, phase, &count))
    return LUA_OK;
  return lua_pcallk(L, count, 0, 1, (lua_KContext)coro, drive);
}

static bool is_ok(int status) {
  return status == LUA_OK || status == LUA_YIELD;
}

/* A callback is over; its error is on top if it failed, and changes nothing else. */
static void end_callback(tp_coro *coro, lua_State *L, int status, const char *part) {
  if (is_ok(status))
    return;
  report_task(coro, L, part);
  lua_pop(L, 1);
}

static void end_job(tp_coro *coro, lua_State *L, bool ok) {
  tp_coro_done done = coro->as.job.done;
  coro->as.job.done = NULL;
  coro->phase = TP_PHASE_REST; /* no cancel is raised in what `done` calls */
  if (done)
    done(coro->as.job.context, L, ok, lua_gettop(L) - 1);
  else if (!ok && !tp_exec_is_cancel(coro->exec, L, -1))
    tp_report_tell(coro->exec, coro, L, coro->as.job.what);
  tp_ending_clear(coro);
}

/* Calls the function at [2]; in a coroutine that was cancelled before it began, fails at once. */
static int run_body(tp_coro *coro, lua_State *L) {
  coro->phase = TP_PHASE_BODY;
  tp_slice_prepare(coro->exec, L);
  if (!coro->ending || !coro->ending->reason)
    return lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 1, (lua_KContext)coro, drive);
  lua_settop(L, 1);
  tp_ending_push(L, coro->ending->reason);
  return LUA_ERRRUN;
}

/* Has the pool of the task that has just ended start another one in this coroutine, which saves a
 * round through the run queue. Not when the turn should look at the clock. */
static bool take_next(tp_coro *coro, tp_pool *pool) {
  tp_exec *exec = coro->exec;
  if (exec->until_look <= 1)
    return false;
  exec->until_look--;
  exec->spare = coro;
  if (tp_pool_feed(pool, 1))
    tp_run_queue(pool->owner);
  bool taken = !exec->spare;
  exec->spare = NULL;
  return taken;
}

/* Goes on with a task behind the part that has come back with this status. A part that waits leaves
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
    if (!tp_call_has_callback(task->group, TP_PHASE_END_CALLBACK))
      break;
    tp_pool_enter(pool, task, TP_TASK_ENDED);
    status = run_callback(coro, L, TP_PHASE_END_CALLBACK);
    /* fall through */
  case TP_PHASE_END_CALLBACK:
    end_callback(coro, L, status, "the end callback of ");
  }
  tp_pool_enter(pool, task, TP_TASK_DONE);
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
      end_job(coro, L, is_ok(status));
    coro->phase = TP_PHASE_REST;
    if (coro->traced) /* by a failure that is nobody's concern, as that of a submitted call */
      tp_report_forget(coro, L);
    lua_settop(L, 1);
    goes_on = pool && !has_waited && take_next(coro, pool);
  } while (goes_on);
  return 0;
}

/* A task is not fresh any more. */
static void leave_fresh(tp_coro *coro) {
  coro->exec->fresh -= coro->fresh;
  coro->fresh = false;
}

int tp_coro_main(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  leave_fresh(coro);
  lua_pushcfunction(L, tp_report_handler);
  lua_replace(L, 1);
  return drive(L, LUA_OK, (lua_KContext)coro);
}

/* ---- running ---- */

void tp_coro_begin(tp_coro *coro, int nargs) {
  if (coro->state == TP_CORO_RUNNING) /* it was the spare one */
    return;
  coro->fresh = coro->is_task;
  coro->exec->fresh += coro->fresh;
  tp_exec_queue(coro, nargs + 2);
}

/* Calls a function that closes a coroutine's thread, as a part of that. Pushes its one result onto
 * the executor's L, or its error. */
static int close_thread(tp_coro *coro, lua_CFunction function) {
  tp_exec *exec = coro->exec;
  lua_State *L = exec->L, *running = exec->running;
  tp_coro *outer = exec->current;
  exec->current = coro;
  tp_slice_begin_closing(exec, coro->L);
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, coro);
  int status = lua_pcall(L, 1, 1, 0);
  tp_slice_end_closing(exec);
  exec->current = outer;
  exec->running = running;
  return status;
}

/* Lua: closes the thread of a coroutine that is given up. Stack: the coroutine. Returns the error
 * that says so. */
static int l_give_up(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  tp_ending_push(L, NULL);
  lua_pushvalue(L, -1);
  if (lua_status(coro->L) == LUA_YIELD)
    tp_closing_kill(coro->exec, L, coro->L);
  lua_settop(L, 2);
  return 1;
}

/* Pushes onto the executor's L the error that has ended a thread, or, where it is still alive,
 * closes it and says why. Never raises. */
static lua_State *push_failure(tp_coro *coro) {
  lua_State *L = coro->exec->L;
  lua_checkstack(L, LUA_MINSTACK); /* a function of C has that many places anyway */
  if (lua_status(coro->L) > LUA_YIELD)
    lua_xmove(coro->L, L, 1);
  else
    close_thread(coro, l_give_up);
  return L;
}

/* Does what is left to do for a task whose thread has ended. Its error is on top of L. */
static void end_task(tp_coro *coro, lua_State *L) {
  tp_task *task = &coro->as.task;
  if (task->state == TP_TASK_NEW || task->state == TP_TASK_DONE)
    return;
  tp_pool *pool = task->group->pool;
  task->end = TP_END_FAILED;
  tp_run_count_error(task->group, L, true);
  tp_call_tell(task->group, L, false, 1);
  tp_pool_enter(pool, task, TP_TASK_DONE);
}

/* The thread ended instead of coming to rest, for lack of memory outside of the base frame, or is
 * to be given up. All who wait for its end are told. */
static void bury(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  leave_fresh(coro);
  lua_State *L = push_failure(coro);
  int top = lua_gettop(L);
  tp_coro *outer = exec->current;
  exec->current = NULL;
  tp_report_tell(exec, coro, L, coro->is_task ? "a task's ending" : coro->as.job.what);
  if (exec->taken == coro)
    exec->taken = NULL;
  tp_call_recover(exec);
  if (coro->is_task)
    end_task(coro, L);
  else
    end_job(coro, L, false);
  exec->current = outer;
  lua_settop(L, top - 1);
  tp_report_forget(coro, L);
  exec->live--;
  tp_coro_destroy(coro);
}

/* Lua: goes on with a killed coroutine behind its body. Stack: the coroutine. */
static int l_after_kill(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  lua_pushcfunction(L, tp_report_handler);
  lua_replace(L, 1);
  tp_ending_push(L, coro->ending->reason);
  return drive(L, LUA_ERRRUN, (lua_KContext)coro);
}

/* Lua: closes the thread of a killed coroutine, and gives it a new one. Stack: the coroutine. */
static int l_kill(lua_State *L) {
  tp_coro *coro = lua_touserdata(L, 1);
  lua_State *fresh = lua_newthread(L);
  tp_ending_push(L, coro->ending->reason);
  tp_closing_kill(coro->exec, L, coro->L);
  lua_pushvalue(L, 2);
  tp_coro_set_thread(coro, L);
  lua_pushcfunction(fresh, l_after_kill);
  lua_pushlightuserdata(fresh, coro);
  coro->nargs = 1;
  return 0;
}

/* How often it is tried to kill a coroutine where there is no memory for it, a turn each time. */
enum { KILLS_MAX = 100 };

/* Kills a coroutine: its thread is not resumed again, but closed within a budget; what comes behind
 * the body runs in a new one. False: no memory; to be tried again. */
static bool kill_off(tp_coro *coro) {
  coro->ending->killed = true;
  coro->cut = false;
  coro->ending->doomed = close_thread(coro, l_kill) != LUA_OK;
  lua_pop(coro->exec->L, 1);
  return !coro->ending->doomed;
}

/* Kills a doomed coroutine, or gives it up. False: it is not to be resumed now. */
static bool kill_doomed(tp_coro *coro) {
  bool is_lost = tp_ending_is_lost(coro);
  if (!is_lost && kill_off(coro))
    return true;
  if (!is_lost && ++coro->ending->kills < KILLS_MAX)
    tp_exec_queue(coro, 0);
  else
    bury(coro);
  return false;
}

bool tp_coro_resume(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  if (coro->ending && coro->ending->doomed && !kill_doomed(coro))
    return false;
  tp_coro *outer = exec->current;
  bool waitable = exec->waitable;
  int nresults;
  exec->current = coro;
  exec->waitable = true;
  coro->state = TP_CORO_RUNNING;
  lua_State *outer_running = exec->running;
  exec->running = coro->L;
  tp_thread_let_go(exec, coro->L);
  exec->resumes++;
  int status = lua_resume(coro->L, exec->L, coro->nargs, &nresults);
  exec->running = outer_running;
  exec->current = outer;
  if (status == LUA_YIELD)
    tp_thread_hold(coro->L);
  if (coro->ending && status == LUA_YIELD)
    tp_ending_watch(coro);
  exec->waitable = waitable;
  if (status == LUA_OK) {
    tp_coro_give_back(coro);
  } else if (status != LUA_YIELD) {
    bury(coro);
  } else if (coro->state == TP_CORO_RUNNING) { /* coroutine.yield() outside of an inner coroutine:
                                                  let the others run */
    lua_pop(coro->L, nresults);
    tp_exec_queue(coro, 0);
  } else {
    return coro->state == TP_CORO_OFFERING;
  }
  return false;
}

static tp_coro *start(tp_exec *exec, lua_State *L, int nargs, bool urgent, const char *what,
                      tp_coro_done done, void *context) {
  tp_coro *coro = tp_coro_take(exec, L);
  if (!lua_checkstack(coro->L, nargs + 1)) {
    lua_settop(coro->L, 0);
    tp_coro_give_back(coro);
    tp_raise(L, TP_NO_MEMORY, "no memory for the arguments of a call");
  }
  lua_xmove(L, coro->L, nargs + 1);
  coro->is_task = false;
  coro->urgent = urgent;
  coro->as.job.done = done;
  coro->as.job.context = context;
  coro->as.job.what = what;
  coro->as.job.tries = 0;
  tp_coro_begin(coro, nargs);
  return coro;
}

tp_coro *tp_exec_start(tp_exec *exec, lua_State *L, int nargs, const char *what, tp_coro_done done,
                       void *context) {
  return start(exec, L, nargs, false, what, done, context);
}

void tp_exec_detach(tp_coro *coro) {
  coro->as.job.done = NULL;
}

tp_coro *tp_exec_start_urgent(tp_exec *exec, lua_State *L, int nargs, const char *what,
                              tp_coro_done done, void *context) {
  return start(exec, L, nargs, true, what, done, context);
}
