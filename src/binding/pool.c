/* SPDX-License-Identifier: MIT
 *
 * The methods of pools, one short function for each record of method.c. They find their arguments
 * checked and in the slots of the record. */
#include "binding/pool.h"
#include "binding/arguments.h"
#include "binding/executor.h"
#include "binding/funcname.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "binding/kept.h"
#include "binding/policy.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "binding/stop.h"
#include "exec/bind.h"
#include "exec/call.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "exec/run.h"
#include "exec/wait.h"
#include "pool/flow.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static const tp_run *run_of(lua_State *L) {
  return tp_handle_check(L, 1)->owner;
}

/* ---- adding work ---- */

/* Adds the group of a call; the option at `executor` (0: none) may send it to threads. */
static tp_group *add_group(lua_State *L, const tp_call_parts *parts,
                           const tp_group_options *options, int executor) {
  tp_error error;
  tp_pool *pool = tp_handle_check(L, parts->pool);
  if (!tp_pool_check_group(pool, options, &error))
    tp_raise_error(L, &error);
  tp_call_parts routed = *parts;
  tp_executor_route(L, &routed, executor);
  tp_call *call = tp_call_create(tp_run_exec(pool), L, &routed);
  tp_group *group = tp_pool_add_group(pool, options, call, &error);
  if (!group) {
    tp_call_destroy(call, L);
    tp_raise_error(L, &error);
  }
  return group;
}

/* Adds a group, by default named "<method>-<function>-group-<i>", and returns its name to Lua. */
static int add_named_group(lua_State *L, const tp_call_parts *parts, tp_group_options options,
                           const char *method) {
  char prefix[200];
  tp_funcname_push(L, parts->function);
  snprintf(prefix, sizeof prefix, "%s-%.150s-group", method, lua_tostring(L, -1));
  options.prefix = prefix;
  lua_pushstring(L, add_group(L, parts, &options, 0)->name);
  return 1;
}

static double to_weight(lua_State *L, int index) {
  return lua_isnil(L, index) ? TP_WEIGHT_DEFAULT : lua_tonumber(L, index);
}

/* The option `retries`, or what the pool at [1] says. */
static tp_retry read_retries(lua_State *L, int index, const char *method) {
  return tp_policy_retries(L, index, method, &run_of(L)->retry);
}

int l_pool_apply(lua_State *L) {
  tp_bind_arguments(L, TP_SLOT_APPLY_FUNC, TP_SLOT_APPLY_ARGS, TP_SLOT_APPLY_KWARGS);
  return add_named_group(
      L,
      &(tp_call_parts){.pool = TP_SLOT_POOL,
                       .function = TP_SLOT_APPLY_FUNC,
                       .items = lua_gettop(L),
                       .end_callback = TP_SLOT_APPLY_END_CALLBACK,
                       .cancel_callback = TP_SLOT_APPLY_CANCEL_CALLBACK,
                       .spread = TP_SPREAD_SAME,
                       .times = (uint64_t)luaL_optinteger(L, TP_SLOT_APPLY_NUM, TP_NUM_DEFAULT),
                       .timeout = TP_SLOT_APPLY_TIMEOUT,
                       .retry = read_retries(L, TP_SLOT_APPLY_RETRIES, "apply")},
      (tp_group_options){.name = lua_tostring(L, TP_SLOT_APPLY_GROUP_NAME),
                         .limit = TP_UNLIMITED,
                         .rate = tp_policy_rate(L, TP_SLOT_APPLY_RATE, "apply"),
                         .results = tp_kept_read(L, TP_SLOT_APPLY_RESULTS, "apply"),
                         .weight = to_weight(L, TP_SLOT_APPLY_WEIGHT)},
      "apply");
}

/* The parameter `num_concurrent` at `index`. */
static uint64_t to_concurrency(lua_State *L, int index, const char *method) {
  uint64_t limit = tp_arguments_to_size(L, index);
  if (limit == 0)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'num_concurrent' must be at least 1", method);
  return limit;
}

static int map(lua_State *L, tp_spread spread, const char *method) {
  int number = TP_SLOT_MAP_NUM_CONCURRENT;
  uint64_t limit =
      lua_isnil(L, number) ? TP_NUM_CONCURRENT_DEFAULT : to_concurrency(L, number, method);
  return add_named_group(L,
                         &(tp_call_parts){.pool = TP_SLOT_POOL,
                                          .function = TP_SLOT_MAP_FUNC,
                                          .items = TP_SLOT_MAP_ITERABLE,
                                          .end_callback = TP_SLOT_MAP_END_CALLBACK,
                                          .cancel_callback = TP_SLOT_MAP_CANCEL_CALLBACK,
                                          .spread = spread,
                                          .timeout = TP_SLOT_MAP_TIMEOUT,
                                          .retry = read_retries(L, TP_SLOT_MAP_RETRIES, method)},
                         (tp_group_options){.name = lua_tostring(L, TP_SLOT_MAP_GROUP_NAME),
                                            .limit = limit,
                                            .rate = tp_policy_rate(L, TP_SLOT_MAP_RATE, method),
                                            .results = tp_kept_read(L, TP_SLOT_MAP_RESULTS, method),
                                            .weight = to_weight(L, TP_SLOT_MAP_WEIGHT)},
                         method);
}

int l_pool_map(lua_State *L) {
  return map(L, TP_SPREAD_ONE, "map");
}

int l_pool_starmap(lua_State *L) {
  return map(L, TP_SPREAD_LIST, "starmap");
}

int l_pool_doublestarmap(lua_State *L) {
  return map(L, TP_SPREAD_NAMED, "doublestarmap");
}

void tp_pool_push_submitted(lua_State *L, bool waits) {
  const char *method = waits ? "submit" : "submit_nowait";
  enum { FUTURE = TP_SLOT_SUBMIT_GROUP_NAME + 1, BOUND };
  lua_settop(L, TP_SLOT_SUBMIT_GROUP_NAME);
  if (!lua_isnil(L, TP_SLOT_SUBMIT_EXECUTOR))
    tp_executor_is_named(L, method, TP_SLOT_SUBMIT_EXECUTOR);
  tp_future *future = tp_future_push(L, tp_state_host(L));
  tp_bind_arguments(L, TP_SLOT_SUBMIT_FUNC, TP_SLOT_SUBMIT_ARGS, TP_SLOT_SUBMIT_KWARGS);
  tp_group *group =
      add_group(L,
                &(tp_call_parts){.pool = TP_SLOT_POOL,
                                 .function = TP_SLOT_SUBMIT_FUNC,
                                 .items = BOUND,
                                 .spread = TP_SPREAD_SAME,
                                 .times = 1,
                                 .timeout = TP_SLOT_SUBMIT_TIMEOUT,
                                 .retry = read_retries(L, TP_SLOT_SUBMIT_RETRIES, method),
                                 .done = tp_future_done,
                                 .context = future,
                                 .future = FUTURE},
                &(tp_group_options){.name = lua_tostring(L, TP_SLOT_SUBMIT_GROUP_NAME),
                                    .limit = 1,
                                    .weight = to_weight(L, TP_SLOT_SUBMIT_WEIGHT),
                                    .results = tp_kept_read(L, TP_SLOT_SUBMIT_RESULTS, method),
                                    .submitted = true,
                                    .waits = waits},
                TP_SLOT_SUBMIT_EXECUTOR);
  tp_future_expect_call(future, group);
  lua_settop(L, FUTURE);
}

int l_pool_submit_nowait(lua_State *L) {
  tp_pool_push_submitted(L, false);
  return 1;
}

int l_pool_submit(lua_State *L) {
  if (lua_toboolean(L, TP_SLOT_SUBMIT_NOWAIT))
    return l_pool_submit_nowait(L);
  tp_wait_check(tp_run_exec(tp_handle_check(L, TP_SLOT_POOL)), L);
  tp_pool_push_submitted(L, true);
  lua_replace(L, 1);
  lua_settop(L, 1);
  return tp_future_await(L, HUGE_VAL, true);
}

int l_pool_set_weight(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  tp_flow_weigh_group(pool, tp_handle_check_group(L, pool, TP_SLOT_SET_WEIGHT_GROUP_NAME),
                      lua_tonumber(L, TP_SLOT_SET_WEIGHT_WEIGHT));
  return 0;
}

int l_pool_set_concurrency(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  tp_flow_limit_group(pool, tp_handle_check_group(L, pool, TP_SLOT_SET_CONCURRENCY_GROUP_NAME),
                      to_concurrency(L, TP_SLOT_SET_CONCURRENCY_NUM, "set_concurrency"));
  return 0;
}

int l_pool_start(lua_State *L) {
  uint64_t times = (uint64_t)lua_tointeger(L, 2);
  for (int i = TP_HANDLE_FUNCTION; i <= TP_HANDLE_CANCEL_CALLBACK; i++)
    lua_getiuservalue(L, 1, i);
  const tp_group *group =
      add_group(L,
                &(tp_call_parts){.pool = 1,
                                 .function = 2 + TP_HANDLE_FUNCTION,
                                 .items = 2 + TP_HANDLE_ARGUMENTS,
                                 .end_callback = 2 + TP_HANDLE_END_CALLBACK,
                                 .cancel_callback = 2 + TP_HANDLE_CANCEL_CALLBACK,
                                 .spread = TP_SPREAD_SAME,
                                 .times = times,
                                 .retry = run_of(L)->retry},
                &(tp_group_options){.prefix = "start-group",
                                    .limit = TP_UNLIMITED,
                                    .results = run_of(L)->results,
                                    .weight = TP_WEIGHT_DEFAULT},
                0);
  lua_pushstring(L, group->name);
  return 1;
}

/* ---- looking, locking, resizing ---- */

int l_pool_func_name(lua_State *L) {
  lua_getiuservalue(L, 1, TP_HANDLE_NAME);
  return 1;
}

static int push_size(lua_State *L, uint64_t size) {
  if (size == TP_UNLIMITED)
    lua_pushnumber(L, HUGE_VAL);
  else
    lua_pushinteger(L, (lua_Integer)size);
  return 1;
}

int l_pool_size(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  if (!lua_isnil(L, 2)) {
    tp_error error;
    uint64_t size = tp_arguments_to_size(L, 2);
    if (!tp_scale_check_size(pool, size, &error))
      return tp_raise_error(L, &error);
    tp_pool_resize(pool, size);
    return 0;
  }
  return push_size(L, pool->size);
}

int l_pool_scale(lua_State *L) {
  tp_error error;
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  if (!tp_scale_by(pool, lua_tointeger(L, TP_SLOT_SCALE_BY), &error))
    return tp_raise_error(L, &error);
  if (lua_toboolean(L, TP_SLOT_SCALE_HARD) && pool->running > pool->size)
    tp_stop_newest(L, pool, pool->running - pool->size, "scale");
  return push_size(L, pool->size);
}

int l_pool_queue_limit(lua_State *L) {
  return push_size(L, tp_handle_check(L, 1)->queue_limit);
}

int l_pool_order(lua_State *L) {
  lua_pushstring(L, tp_pool_order_name(tp_handle_check(L, 1)->order));
  return 1;
}

int l_pool_lock(lua_State *L) {
  tp_pool_set_locked(tp_handle_check(L, 1), true);
  return 0;
}

int l_pool_unlock(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  if (pool->closed)
    return tp_raise(L, TP_POOL_IS_CLOSED, "%s is closed and stays locked", pool->label);
  tp_pool_set_locked(pool, false);
  return 0;
}

static int push_boolean(lua_State *L, bool value) {
  lua_pushboolean(L, value);
  return 1;
}

static int push_count(lua_State *L, uint64_t count) {
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

static int set_paused(lua_State *L, tp_pool *pool, bool paused) {
  if (pool->closed)
    return tp_raise(L, TP_POOL_IS_CLOSED, "%s is closed and takes no work", pool->label);
  if (paused != pool->paused)
    tp_pool_set_paused(pool, paused);
  return push_boolean(L, paused);
}

int l_pool_pause(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, 1);
  bool resumes = lua_toboolean(L, 2) && pool->paused;
  return set_paused(L, pool, !resumes);
}

int l_pool_resume(lua_State *L) {
  return set_paused(L, tp_handle_check(L, 1), false);
}

int l_pool_paused(lua_State *L) {
  return push_boolean(L, tp_handle_check(L, 1)->paused);
}

int l_pool_is_locked(lua_State *L) {
  return push_boolean(L, tp_handle_check(L, 1)->locked);
}

int l_pool_is_closed(lua_State *L) {
  return push_boolean(L, tp_handle_check(L, 1)->closed);
}

int l_pool_is_full(lua_State *L) {
  return push_boolean(L, tp_pool_is_at_limit(tp_handle_check(L, 1)));
}

int l_pool_num_running(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->running);
}

int l_pool_num_cancelled(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->cancelled);
}

int l_pool_num_ended(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->ended);
}

int l_pool_num_ok(lua_State *L) {
  return push_count(L, tp_pool_ok(tp_handle_check(L, 1)));
}

int l_pool_num_failed(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->ends.failed);
}

int l_pool_num_cancelled_total(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->ends.cancelled);
}

int l_pool_num_timed_out(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->ends.timed_out);
}

int l_pool_num_retried(lua_State *L) {
  return push_count(L, tp_handle_check(L, 1)->retried);
}

int l_pool_num_waiting(lua_State *L) {
  return push_count(L, tp_pool_waiting(tp_handle_check(L, 1)));
}

/* The ids of some groups, as they were when the walk began. */
typedef struct id_rows {
  tp_rows rows;
  uint64_t from;   /* ids below it have come */
  size_t count;    /* groups */
  tp_idset sets[]; /* of each */
} id_rows;

static tp_rows_step next_id(tp_rows *rows, lua_State *L) {
  id_rows *of = (id_rows *)rows;
  uint64_t next = UINT64_MAX, id;
  for (size_t i = 0; i < of->count; i++)
    if (tp_idset_next(&of->sets[i], of->from, &id) && id < next)
      next = id;
  if (next == UINT64_MAX)
    return TP_ROWS_END;
  of->from = next + 1;
  lua_pushinteger(L, (lua_Integer)next);
  return TP_ROWS_FOUND;
}

static void close_ids(tp_rows *rows) {
  id_rows *of = (id_rows *)rows;
  for (size_t i = 0; i < of->count; i++)
    tp_idset_clear(&of->sets[i]);
}

int l_pool_get_group_ids(lua_State *L) {
  static const tp_rows rows = {
      .next = next_id, .close = close_ids, .left = UINT64_MAX, .is_set = true};
  const tp_pool *pool = tp_handle_check(L, 1);
  size_t count = (size_t)lua_gettop(L) - 1;
  id_rows *of = tp_rows_push(L, sizeof *of + count * sizeof *of->sets, &rows);
  of->count = count;
  for (size_t i = 0; i < count; i++)
    if (!tp_idset_copy(&of->sets[i], &tp_handle_check_group(L, pool, (int)i + 2)->ids))
      return tp_raise(L, TP_NO_MEMORY, "no memory for the ids of a group");
  return 1;
}

/* Pushes message and traceback of an error in one line, as those of tasks that run. */
static void push_traceback(lua_State *L, const char *text) {
  luaL_Buffer line;
  luaL_buffinit(L, &line);
  for (const char *from = text; *from;) {
    size_t length = strcspn(from, "\n");
    if (strncmp(from, "stack traceback:", length) != 0) {
      luaL_addstring(&line, from > text ? " < " : "");
      luaL_addlstring(&line, from, length);
    }
    from += length;
    from += strspn(from, "\n \t");
  }
  luaL_pushresult(&line);
}

int l_pool_traceback(lua_State *L) {
  const tp_pool *pool = tp_handle_check(L, 1);
  uint64_t id = (uint64_t)lua_tointeger(L, 2);
  tp_error error;
  tp_task *task = tp_task_find(&pool->tasks, id);
  const tp_record *record = task ? NULL : tp_records_find(&pool->records, id);
  if (task)
    tp_report_push_stack(L, task);
  else if (record && record->text)
    push_traceback(L, lua_pushstring(L, record->text));
  else if (!tp_pool_find_running(pool, id, &error))
    return tp_raise_error(L, &error);
  return 1;
}
