/* SPDX-License-Identifier: MIT
 *
 * The end of a task's function; see ending.h.
 *
 * What is written here may run finalizers, which may flush the pool: so a record is looked up each
 * time. */
#include "exec/ending.h"
#include "base/seconds.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "exec/run.h"
#include "exec/state.h"
#include "pool/flow.h"
#include "value/brief.h"
#include "value/error.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The longest text of a task's arguments that is kept. */
#define ARGUMENTS_SIZE 120

void tp_ending_report(tp_coro *coro, lua_State *L, const char *part) {
  const tp_task *task = &coro->as.task;
  char who[512];
  snprintf(who, sizeof who, "%s%s_Task-%" PRIu64 " of group '%s'", part, task->group->pool->label,
           task->id, tp_group_label(task->group));
  tp_report_tell(coro->exec, coro, NULL, L, who);
}

/* ---- the record ---- */

/* The record of a task; NULL: no memory. */
static tp_record *record_of(const tp_task *task) {
  return tp_records_add(&task->group->pool->records, task);
}

/* What a task was called with. */
typedef struct arguments {
  const tp_task *task;       /* which task */
  char text[ARGUMENTS_SIZE]; /* in a few words */
} arguments;

/* Lua: writes the text. Stack: the arguments. */
static int l_write_arguments(lua_State *L) {
  arguments *of = lua_touserdata(L, 1);
  tp_call_push_arguments(of->task, L);
  tp_brief_write_list(L, -1, of->text, sizeof of->text);
  return 0;
}

/* Keeps the arguments in the record of a task, if there is memory for them. */
static void keep_arguments(const tp_task *task, lua_State *L) {
  arguments of = {.task = task};
  if (!lua_checkstack(L, 2))
    return;
  lua_pushcfunction(L, l_write_arguments);
  lua_pushlightuserdata(L, &of);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    return;
  }
  tp_record *record = record_of(task);
  if (record)
    record->arguments = strdup(of.text);
}

/* Lua: a reference to the values: to one itself, else to a list of them. Stack: the values. */
static int l_refer(lua_State *L) {
  int count = lua_gettop(L);
  luaL_checkstack(L, 4, NULL);
  if (count != 1) {
    lua_createtable(L, count, 1);
    for (int i = 1; i <= count; i++) {
      lua_pushvalue(L, i);
      lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, count);
    lua_setfield(L, -2, "n");
  }
  lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
  return 1;
}

/* Keeps the values on top of L in the record of a task, if there is memory for them. */
static void keep_values(const tp_task *task, lua_State *L, int count) {
  int first = lua_gettop(L) - count + 1;
  if (!lua_checkstack(L, count + 2))
    return;
  lua_pushcfunction(L, l_refer);
  for (int i = 0; i < count; i++)
    lua_pushvalue(L, first + i);
  bool is_kept = lua_pcall(L, count, 1, 0) == LUA_OK;
  int values = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  tp_record *record = is_kept ? record_of(task) : NULL;
  if (record)
    tp_record_set_values(&task->group->pool->records, record, values, (uint32_t)count);
  else if (is_kept)
    luaL_unref(L, LUA_REGISTRYINDEX, values);
}

/* The error of a cancel is made of the reason, when it is asked for. */
static void keep_results(const tp_coro *coro, lua_State *L, bool ok) {
  const tp_task *task = &coro->as.task;
  tp_keep results = task->group->results;
  if (ok && results == TP_KEEP_ALL)
    keep_values(task, L, lua_gettop(L) - tp_state_base(coro));
  else if (!ok && !coro->cancelled && results != TP_KEEP_NONE)
    keep_values(task, L, 1);
}

/* Keeps when the task has run and how it has ended. */
static void keep_record(const tp_coro *coro, lua_State *L) {
  const tp_task *task = &coro->as.task;
  tp_record *record = record_of(task);
  if (!record)
    return;
  record->end = task->end;
  record->ended = tp_seconds_wall();
  record->started = record->ended - tp_seconds_of(tp_timer_steady(coro->exec) - task->started);
  if (task->end != TP_END_CANCELLED) /* of which there may be millions at once */
    keep_arguments(task, L);
}

/* ---- the parts of the end ---- */

/* Tells who waits for the results of a submitted call; no cancel is raised in what that calls.
 * False: nobody does. */
static bool tell(tp_coro *coro, lua_State *L, bool ok) {
  const tp_group *group = coro->as.task.group;
  if (!group->submitted)
    return false;
  coro->phase = TP_PHASE_REST;
  bool told = tp_call_tell(group, L, ok, lua_gettop(L) - tp_state_base(coro));
  coro->phase = TP_PHASE_BODY;
  return told;
}

/* The body of a task that was cancelled, limited or shielded is over: says what came of that. */
static void end_cancel(tp_coro *coro, lua_State *L, bool ok) {
  tp_task *task = &coro->as.task;
  tp_pool *pool = task->group->pool;
  if (coro->cancelling->reason) {
    coro->cancelled = !ok && tp_exec_cancel_is_error(coro->exec, L, -1);
    tp_exec_cancel_record(coro, record_of(task));
  }
  if (coro->cancelled) {
    tp_exec_cancel_add_fields(coro, L);
    tp_pool_tell(pool, TP_EVENT_CANCELLED, task);
  }
  tp_exec_cancel_clear(coro);
}

/* Notes that a task has failed: keeps message and traceback, and logs them unless somebody was
 * told.
 */
static void end_failed(tp_coro *coro, lua_State *L, bool is_told) {
  tp_task *task = &coro->as.task;
  bool is_unseen = !is_told && !tp_call_has_callback(task->group, TP_CALLBACK_END);
  luaL_checkstack(L, 4, NULL);
  tp_report_push(coro, L);
  tp_record *record = record_of(task);
  if (record)
    tp_record_set_error(record, lua_tostring(L, -1), is_unseen);
  lua_pop(L, 1);
  if (is_told)
    return;
  tp_ending_report(coro, L, "");
  tp_run_count_error(task->group, L, is_unseen);
}

/* How the body of a task has ended that did not return; a cancel that it obeyed is on top of L. */
static tp_task_end end_of(const tp_coro *coro, lua_State *L) {
  if (!coro->cancelled)
    return TP_END_FAILED;
  return tp_error_code(L, -1) == TP_TIMED_OUT ? TP_END_TIMED_OUT : TP_END_CANCELLED;
}

void tp_ending_run(tp_coro *coro, lua_State *L, bool ok) {
  bool was_cancelled = coro->cancelling && coro->cancelling->reason;
  if (!ok)
    tp_retry_unwrap(L);
  if (coro->cancelling)
    end_cancel(coro, L, ok);
  if (!ok)
    coro->as.task.end = end_of(coro, L);
  if (!ok || was_cancelled || coro->as.task.group->results == TP_KEEP_ALL) {
    keep_record(coro, L);
    keep_results(coro, L, ok);
  }
  bool is_told = tell(coro, L, ok) && !coro->as.task.group->known_by_name;
  if (coro->failed && !coro->cancelled)
    end_failed(coro, L, is_told);
}
