/* SPDX-License-Identifier: MIT
 *
 * The methods that cancel tasks; see stop.h. */
#include "binding/stop.h"
#include "base/seconds.h"
#include "binding/handle.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "pool/flow.h"
#include "pool/view.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <string.h>

/* ---- the reason ---- */

/* The part of its own grace that a cancelled caller passes on, so that it sees the end of the tasks
 * that it cancels. */
#define GRACE_GIVEN_ON 0.9

/* The grace of a cancel that sets none. */
static double default_grace(const tp_pool *pool) {
  const tp_run *run = pool->owner;
  double left;
  bool is_cancelled = tp_exec_cancel_reason(run->exec, &left);
  return is_cancelled && left * GRACE_GIVEN_ON < run->grace ? left * GRACE_GIVEN_ON : run->grace;
}

/* The reason of a cancel; to be released by the caller, which must not raise meanwhile. */
static tp_cancel *reason(lua_State *L, const tp_pool *pool, const char *who, int message,
                         int grace) {
  const char *text = message ? lua_tostring(L, message) : NULL;
  double seconds = grace && !lua_isnil(L, grace) ? lua_tonumber(L, grace) : default_grace(pool);
  tp_cancel *cancel = tp_cancel_create(TP_CANCELLED, who, text, seconds);
  if (!cancel)
    tp_raise(L, TP_NO_MEMORY, "no memory to cancel");
  return cancel;
}

/* ---- the newest tasks ---- */

void tp_stop_newest(lua_State *L, tp_pool *pool, uint64_t count, const char *who) {
  tp_cancel *cancel = reason(L, pool, who, 0, 0);
  tp_flow_cancel_newest(pool, count, cancel);
  tp_cancel_release(cancel);
}

/* Tasks that are cancelled, the newest first; their ids are the rows. */
typedef struct stop_rows {
  tp_rows rows;
  tp_walk walk;      /* knows whether the pool is still there */
  tp_cancel *cancel; /* the reason */
} stop_rows;

static tp_rows_step stop_next(tp_rows *rows, lua_State *L) {
  stop_rows *of = (stop_rows *)rows;
  tp_task *task = of->walk.pool ? tp_view_newest(of->walk.pool) : NULL;
  if (!task)
    return TP_ROWS_END;
  lua_pushinteger(L, (lua_Integer)task->id);
  tp_flow_cancel_task(of->walk.pool, task, of->cancel);
  return TP_ROWS_FOUND;
}

static void close_stop(tp_rows *rows) {
  stop_rows *of = (stop_rows *)rows;
  tp_walk_close(&of->walk);
  tp_cancel_release(of->cancel);
}

/* Cancels the `most` newest running tasks, as their ids are taken. */
static int stop(lua_State *L, uint64_t most, const char *who) {
  tp_pool *pool = tp_handle_check(L, 1);
  const tp_rows rows = {
      .next = stop_next, .close = close_stop, .left = most < pool->running ? most : pool->running};
  stop_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_walk_open(&of->walk, pool);
  of->cancel = reason(L, pool, who, 0, 0);
  return 1;
}

int l_pool_stop(lua_State *L) {
  return stop(L, (uint64_t)lua_tointeger(L, 2), "stop");
}

int l_pool_stop_all(lua_State *L) {
  return stop(L, TP_UNLIMITED, "stop_all");
}

/* ---- tasks and groups by name ---- */

/* Raises if the target at `index`, a task's id or a group's name, cannot be cancelled. */
static void check_target(lua_State *L, const tp_pool *pool, int index) {
  tp_error error;
  if (lua_type(L, index) == LUA_TSTRING)
    tp_handle_check_group(L, pool, index);
  else if (!tp_pool_find_running(pool, (uint64_t)lua_tointeger(L, index), &error))
    tp_raise_error(L, &error);
}

/* Cancels the target at `index`, unless an earlier one was the same or its group. */
static void cancel_target(lua_State *L, tp_pool *pool, int index, tp_cancel *cancel) {
  if (lua_type(L, index) == LUA_TSTRING) {
    tp_group *group = tp_pool_find_group(pool, lua_tostring(L, index), NULL);
    if (group)
      tp_flow_cancel_group(pool, group, cancel);
    return;
  }
  tp_task *task = tp_pool_find_running(pool, (uint64_t)lua_tointeger(L, index), NULL);
  if (task)
    tp_flow_cancel_task(pool, task, cancel);
}

static int cancel_targets(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  int top = lua_gettop(L);
  for (int i = TP_SLOT_CANCEL_TARGET; i <= top; i++)
    check_target(L, pool, i);
  tp_cancel *cancel = reason(L, pool, "cancel", TP_SLOT_CANCEL_MSG, TP_SLOT_CANCEL_GRACE);
  for (int i = TP_SLOT_CANCEL_TARGET; i <= top; i++)
    cancel_target(L, pool, i, cancel);
  tp_cancel_release(cancel);
  return 0;
}

/* ---- tasks by what they are ---- */

/* What a task must be. */
typedef struct fit {
  const void *function; /* it calls this one; NULL: any */
  uint64_t older;       /* it started so many nanoseconds ago */
  bool waiting, busy;   /* it may wait for something; it may not */
} fit;

/* Running tasks that are cancelled; their ids are the rows. */
typedef struct fit_rows {
  tp_rows rows;
  tp_view_tasks tasks; /* those that may be asked for */
  fit fit;             /* those that are */
  tp_cancel *cancel;   /* the reason; NULL: they are only shown */
} fit_rows;

static bool does_fit(const fit *of, tp_task *task) {
  const tp_pool *pool = task->group->pool;
  return (tp_exec_waits(task) ? of->waiting : of->busy) &&
         pool->ops->now(pool) - task->started >= of->older &&
         (!of->function || tp_call_is_of(task->group, of->function));
}

static tp_rows_step fit_next(tp_rows *rows, lua_State *L) {
  fit_rows *of = (fit_rows *)rows;
  tp_task *task;
  tp_view_step step = tp_view_next_task(&of->tasks, &task);
  if (step == TP_VIEW_NO_MEMORY)
    tp_raise(L, TP_NO_MEMORY, "no memory to look at all tasks");
  if (step != TP_VIEW_PASSED && step != TP_VIEW_FOUND)
    return TP_ROWS_END;
  if (step == TP_VIEW_PASSED || !does_fit(&of->fit, task))
    return TP_ROWS_NONE;
  lua_pushinteger(L, (lua_Integer)task->id);
  if (of->cancel)
    tp_flow_cancel_task(task->group->pool, task, of->cancel);
  return TP_ROWS_FOUND;
}

static void close_fit(tp_rows *rows) {
  fit_rows *of = (fit_rows *)rows;
  tp_view_close_tasks(&of->tasks);
  tp_cancel_release(of->cancel);
}

/* Reads the state at `index` (nil: running). */
static void read_state(lua_State *L, int index, fit *of) {
  const char *state = luaL_optstring(L, index, "running");
  bool is_running = strcmp(state, "running") == 0;
  of->waiting = is_running || strcmp(state, "waiting") == 0;
  of->busy = is_running || strcmp(state, "busy") == 0;
  if (!of->waiting && !of->busy)
    tp_raise(L, TP_INVALID_ARGUMENT, "cancel: 'state' must be running, waiting or busy, not '%s'",
             state);
}

static int cancel_fitting(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  const tp_rows rows = {.next = fit_next, .close = close_fit, .left = TP_UNLIMITED, .is_set = true};
  tp_view_filter filter = {.state = TP_TASK_RUNNING};
  fit asked = {.function = lua_topointer(L, TP_SLOT_CANCEL_FUNCTION_NAME),
               .older = tp_seconds_to_nanoseconds(lua_tonumber(L, TP_SLOT_CANCEL_OLDER))};
  read_state(L, TP_SLOT_CANCEL_STATE, &asked);
  if (!lua_isnil(L, TP_SLOT_CANCEL_GROUP))
    filter.group = tp_handle_check_group(L, pool, TP_SLOT_CANCEL_GROUP);
  fit_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_view_open_tasks(&of->tasks, pool, &filter);
  of->fit = asked;
  if (!lua_toboolean(L, TP_SLOT_CANCEL_DRY_RUN))
    of->cancel = reason(L, pool, "cancel", TP_SLOT_CANCEL_MSG, TP_SLOT_CANCEL_GRACE);
  return 1;
}

int l_pool_cancel(lua_State *L) {
  bool has_targets = !lua_isnone(L, TP_SLOT_CANCEL_TARGET) && !lua_isnil(L, TP_SLOT_CANCEL_TARGET);
  bool has_options = lua_toboolean(L, TP_SLOT_CANCEL_DRY_RUN);
  for (int i = TP_SLOT_CANCEL_GROUP; i < TP_SLOT_CANCEL_DRY_RUN; i++)
    has_options = has_options || !lua_isnil(L, i);
  if (has_targets == has_options)
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "cancel: either name tasks and groups, or say by options what they are");
  return has_targets ? cancel_targets(L) : cancel_fitting(L);
}

/* ---- groups ---- */

int l_pool_cancel_group(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  tp_group *group = tp_handle_check_group(L, pool, TP_SLOT_CANCEL_GROUP_NAME);
  tp_cancel *cancel =
      reason(L, pool, "cancel_group", TP_SLOT_CANCEL_GROUP_MSG, TP_SLOT_CANCEL_GROUP_GRACE);
  tp_flow_cancel_group(pool, group, cancel);
  tp_cancel_release(cancel);
  return 0;
}

int l_pool_cancel_all(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  tp_cancel *cancel =
      reason(L, pool, "cancel_all", TP_SLOT_CANCEL_ALL_MSG, TP_SLOT_CANCEL_ALL_GRACE);
  tp_flow_cancel_all(pool, cancel);
  tp_cancel_release(cancel);
  return 0;
}
