/* SPDX-License-Identifier: MIT
 *
 * What the tasks of a group have returned or raised; see kept.h.
 *
 * How it works. The records of the group are taken in the order in which its tasks have ended. Who
 * wants them in the order of the tasks has them put into a heap by their numbers; a record leaves
 * the heap when all tasks before it are done. Only its number and the id of its task are there, so
 * the values of a record that gives way to newer ones are gone here too. */
#include "binding/kept.h"
#include "base/heap.h"
#include "base/vec.h"
#include "binding/arguments.h"
#include "binding/handle.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "binding/task.h"
#include "exec/cancel.h"
#include "exec/deadlock.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "host/host.h"
#include "pool/pool.h"
#include "value/raise.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

const char *const tp_kept_fields[] = {"number", "id", "state", "took", "value", NULL};

/* A record that waits for its turn. */
typedef struct entry {
  uint64_t number; /* the task's place in the group */
  uint64_t task;   /* its id */
} entry;

static bool is_before(entry a, entry b) {
  return a.number < b.number;
}

static void put(entry *heap, size_t index, entry e) {
  heap[index] = e;
}

TP_HEAP(entries, entry, is_before, put)

/* A walk over the results of a group. */
typedef struct result_rows {
  tp_rows rows;
  tp_walk walk;          /* knows whether the pool is still there */
  uint64_t group;        /* its number, which no other group ever has */
  tp_record_place place; /* the last record that was taken */
  uint64_t given;        /* results that were given */
  bool is_ordered;       /* in the order of the tasks */
  bool has_limit;        /* `left` was asked for */
  bool stops;            /* does not wait for those to come, even in Lua */
  entry *heap;           /* if it is ordered: those that wait for their turn */
  size_t count;          /* how many */
  size_t capacity;       /* how many fit */
} result_rows;

tp_keep tp_kept_read(lua_State *L, int index, const char *what) {
  static const char *const names[] = {
      [TP_KEEP_ERRORS] = "errors", [TP_KEEP_NONE] = "none", [TP_KEEP_ALL] = "all"};
  if (lua_isnil(L, index))
    return TP_KEEP_ERRORS;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(lua_tostring(L, index), names[i]) == 0)
      return (tp_keep)i;
  tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'results' must be none, errors or all, not '%s'", what,
           lua_tostring(L, index));
}

/* ---- which record is next ---- */

static bool is_result(const tp_group *group, const tp_record *record) {
  if (group->results == TP_KEEP_ERRORS)
    return record->end != TP_END_OK;
  return group->results == TP_KEEP_ALL;
}

/* Forgets the entries whose records are gone, where there are more than a pool keeps. */
static void forget_gone(result_rows *of, const tp_records *records) {
  size_t kept = 0;
  for (size_t i = 0; i < of->count; i++)
    if (tp_records_find(records, of->heap[i].task))
      entries_rise(of->heap, kept, of->heap[i]), kept++;
  of->count = kept;
}

/* Puts a record among those that wait for their turn. */
static void hold(result_rows *of, lua_State *L, const tp_records *records,
                 const tp_record *record) {
  if (of->count == of->capacity && of->count > records->count * 2)
    forget_gone(of, records);
  entry *heap = tp_vec_reserve(of->heap, &of->capacity, of->count + 1, sizeof *heap);
  if (!heap)
    tp_raise(L, TP_NO_MEMORY, "no memory for the results of a group");
  of->heap = heap;
  entries_rise(heap, of->count++, (entry){record->number, record->task});
}

/* Whether it is the turn of the first entry: no task before it can have a result any more. */
static bool is_turn(const result_rows *of, const tp_group *group) {
  const tp_task *first = TAILQ_FIRST(&group->tasks);
  return of->count > 0 && (!first || of->heap[0].number < first->number);
}

/* Takes the first entry, of which there must be one. NULL: its record is gone. */
static const tp_record *take_first(result_rows *of, const tp_records *records) {
  uint64_t task = of->heap[0].task;
  of->count--;
  entries_remove(of->heap, of->count, 0);
  return tp_records_find(records, task);
}

/* ---- a result ---- */

/* Pushes what a task has returned or raised; returns how many values. The record may be gone when
 * this returns. */
static int push_values(lua_State *L, const tp_record *record) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  int count = (int)record->count;
  if (record->values == TP_NO_VALUES && record->reason) {
    tp_exec_cancel_push(L, record->reason);
    return 1;
  }
  if (record->values == TP_NO_VALUES)
    return 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, record->values);
  if (count == 1)
    return 1;
  luaL_checkstack(L, count + 1, "too many results");
  int list = lua_gettop(L);
  for (int i = 1; i <= count; i++)
    lua_rawgeti(L, list, i);
  lua_remove(L, list);
  return count;
}

/* Pushes a result as Lua code gets it: number, whether the task ended well, values. */
static void push_for_lua(lua_State *L, const tp_record *record) {
  lua_pushinteger(L, (lua_Integer)record->number);
  lua_pushboolean(L, record->end == TP_END_OK);
  push_values(L, record);
}

/* Replaces the `count` values on top by one: a value that stands alone is itself, else a list. */
static void join_values(lua_State *L, int count) {
  if (count == 1)
    return;
  lua_createtable(L, count, 1);
  lua_insert(L, -count - 1);
  for (int i = count; i > 0; i--)
    lua_rawseti(L, -i - 1, i);
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "n");
}

/* Pushes a result as a table. */
static void push_table(lua_State *L, const result_rows *of, const tp_record *record) {
  uint64_t number = record->number, id = record->task;
  double took = record->ended - record->started;
  tp_task_end end = record->end;
  bool has_value = record->values != TP_NO_VALUES || record->reason;
  join_values(L, push_values(L, record));
  lua_createtable(L, 0, 7);
  lua_insert(L, -2);
  if (!has_value) {
    lua_pop(L, 1);
    lua_pushnil(L);
  }
  lua_setfield(L, -2, "value");
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, "number");
  lua_pushinteger(L, (lua_Integer)id);
  lua_setfield(L, -2, "id");
  lua_pushboolean(L, end == TP_END_OK);
  lua_setfield(L, -2, "ok");
  lua_pushstring(L, tp_record_end_name(end));
  lua_setfield(L, -2, "state");
  tp_task_set_seconds(L, "took", took);
  if (of->rows.form != TP_ROWS_JSON)
    return;
  lua_pushliteral(L, "result");
  lua_setfield(L, -2, "event");
}

static tp_rows_step give(result_rows *of, lua_State *L, tp_group *group, const tp_record *record) {
  tp_record *seen = tp_records_find(&group->pool->records, record->task);
  tp_pool_see_task(group, seen);
  of->given++;
  if (of->rows.is_stream && of->rows.form == TP_ROWS_TABLES)
    push_for_lua(L, record);
  else
    push_table(L, of, record);
  return TP_ROWS_FOUND;
}

/* ---- rows ---- */

/* Says how many results this walk did not get because others have taken their places. */
static void tell_dropped(const result_rows *of, lua_State *L, const tp_group *group) {
  const tp_ends *ends = &group->ends;
  uint64_t expected = group->results == TP_KEEP_ALL
                          ? group->started - group->occupying
                          : ends->failed + ends->cancelled + ends->timed_out;
  uint64_t missing = expected > of->given ? expected - of->given : 0;
  if (group->dropped < missing)
    missing = group->dropped;
  if (!missing || group->results == TP_KEEP_NONE)
    return;
  tp_log_record about = tp_log_about(NULL, group, NULL);
  tp_log_write_about(&tp_state_host(L)->log, TP_LOG_WARNING, &about,
                     "%" PRIu64 " results of group '%s' were dropped: %s keeps the newest %" PRIu64
                     " (keep_results)",
                     missing, tp_group_label(group), group->pool->label, group->pool->records.most);
}

/* There is nothing now. */
static tp_rows_step wait_for_more(result_rows *of, lua_State *L, const tp_group *group) {
  tp_pool *pool = group->pool;
  tp_exec *exec = tp_run_exec(pool);
  bool waits = of->rows.is_stream && !of->stops;
  if (group->finished || !waits) {
    if (group->finished && of->rows.left > 0)
      tell_dropped(of, L, group);
    return TP_ROWS_END;
  }
  tp_run_wait(pool, L, TP_EVENT_MOVED, group->number);
  if (group->feed != TP_FEED_WAITING && !tp_deadlock_check(exec, L, pool))
    tp_deadlock_raise(exec, L, pool);
  return TP_ROWS_WAITING;
}

static tp_rows_step next_result(tp_rows *rows, lua_State *L) {
  result_rows *of = (result_rows *)rows;
  tp_pool *pool = of->walk.pool;
  tp_group *group = pool ? tp_pool_find_number(pool, of->group) : NULL;
  if (!group || (!of->has_limit && !rows->is_stream && of->given == TP_LIMIT_DEFAULT))
    return TP_ROWS_END;
  const tp_record *record = tp_records_next(&pool->records, group, &of->place);
  if (record && !is_result(group, record))
    return TP_ROWS_NONE;
  if (record && of->is_ordered) {
    hold(of, L, &pool->records, record);
    return TP_ROWS_NONE;
  }
  bool takes = !record && is_turn(of, group);
  if (takes)
    record = take_first(of, &pool->records);
  if (record)
    return give(of, L, group, record);
  return takes ? TP_ROWS_NONE : wait_for_more(of, L, group);
}

static void close_results(tp_rows *rows) {
  result_rows *of = (result_rows *)rows;
  tp_walk_close(&of->walk);
  free(of->heap);
}

int l_pool_results(lua_State *L) {
  tp_error error;
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  const tp_group *group =
      tp_pool_find_group(pool, lua_tostring(L, TP_SLOT_RESULTS_GROUP_NAME), &error);
  if (!group)
    return tp_raise_error(L, &error);
  const tp_task *self = tp_exec_current_task(tp_run_exec(pool));
  if (self && group == self->group)
    return tp_raise(L, TP_INVALID_ARGUMENT, "results: a task cannot wait for its own group '%s'",
                    group->name);
  bool has_limit = !lua_isnil(L, TP_SLOT_RESULTS_LIMIT);
  bool is_told = !lua_isnil(L, TP_SLOT_RESULTS_FOLLOW);
  bool follows = lua_toboolean(L, TP_SLOT_RESULTS_FOLLOW);
  const tp_rows rows = {.next = next_result,
                        .close = close_results,
                        .left =
                            has_limit ? tp_arguments_to_size(L, TP_SLOT_RESULTS_LIMIT) : UINT64_MAX,
                        .is_stream = follows,
                        .waits_in_lua = true};
  result_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_walk_open(&of->walk, pool);
  of->group = group->number;
  of->is_ordered = lua_toboolean(L, TP_SLOT_RESULTS_ORDERED);
  of->has_limit = has_limit;
  of->stops = is_told && !follows;
  return 1;
}
