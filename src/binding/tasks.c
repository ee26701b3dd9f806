/* SPDX-License-Identifier: MIT
 *
 * The tasks of a pool as a list; see tasks.h.
 *
 * Where they are sorted, each step looks at one task. Those that come first, as many as are asked
 * for, are kept in a heap by id, and looked up again when it is their turn. */
#include "binding/tasks.h"
#include "base/heap.h"
#include "base/seconds.h"
#include "base/vec.h"
#include "binding/arguments.h"
#include "binding/handle.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "binding/task.h"
#include "binding/waiting.h"
#include "exec/report.h"
#include "pool/view.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

const char *const tp_tasks_fields[] = {"id", "group", "state", "age", "busy", "at", "why", NULL};

/* ---- which tasks ---- */

/* A state that can be asked for. */
typedef struct state {
  const char *name;
  bool is_waiting;    /* those that have not started have it */
  bool is_live;       /* live tasks have it, … */
  tp_task_state live; /* … in this state */
  bool is_ended;      /* tasks that have ended have it, … */
  tp_task_end end;    /* … so */
} state;

static const state states[] = {
    {.name = "waiting", .is_waiting = true},
    {.name = "running", .is_live = true, .live = TP_TASK_RUNNING},
    {.name = "ended", .is_live = true, .live = TP_TASK_ENDED},
    {.name = "ok", .is_ended = true, .end = TP_END_OK},
    {.name = "failed", .is_ended = true, .end = TP_END_FAILED},
    {.name = "cancelled",
     .is_live = true,
     .live = TP_TASK_CANCELLED,
     .is_ended = true,
     .end = TP_END_CANCELLED},
    {.name = "timed-out", .is_ended = true, .end = TP_END_TIMED_OUT},
};

/* The state whose name is at `index`; for nil, any that live tasks are in. */
static state to_state(lua_State *L, int index) {
  if (lua_isnil(L, index))
    return (state){.is_live = true, .live = TP_TASK_NEW};
  for (size_t i = 0; i < sizeof states / sizeof *states; i++)
    if (strcmp(lua_tostring(L, index), states[i].name) == 0)
      return states[i];
  tp_raise(L, TP_INVALID_ARGUMENT,
           "tasks: 'state' must be waiting, running, ended, ok, failed, cancelled or timed-out, "
           "not '%s'",
           lua_tostring(L, index));
}

/* ---- in which order ---- */

/* What tasks are sorted by. */
typedef enum order { BY_NONE, BY_AGE, BY_BUSY, BY_ID, BY_GROUP } order;

static order to_order(lua_State *L, int index) {
  static const char *const names[] = {
      [BY_AGE] = "age", [BY_BUSY] = "busy", [BY_ID] = "id", [BY_GROUP] = "group"};
  if (lua_isnil(L, index))
    return BY_NONE;
  for (order by = BY_AGE; by <= BY_GROUP; by++)
    if (strcmp(lua_tostring(L, index), names[by]) == 0)
      return by;
  tp_raise(L, TP_INVALID_ARGUMENT, "tasks: 'sort' must be age, busy, id or group, not '%s'",
           lua_tostring(L, index));
}

/* A task in the order: the smallest key comes first, among equals the smallest id. */
typedef struct ranked {
  uint64_t key;
  uint64_t id;
} ranked;

static bool is_after(ranked a, ranked b) {
  return a.key != b.key ? a.key > b.key : a.id > b.id;
}

static void put(ranked *heap, size_t index, ranked r) {
  heap[index] = r;
}

TP_HEAP(last, ranked, is_after, put)

static uint64_t key_of_live(order by, const tp_task *task) {
  const tp_pool *pool = task->group->pool;
  switch (by) {
  case BY_AGE:
    return UINT64_MAX - (pool->ops->now(pool) - task->started);
  case BY_BUSY:
    return UINT64_MAX - task->busy;
  case BY_GROUP:
    return task->group->number;
  default:
    return task->id;
  }
}

static uint64_t key_of_ended(order by, const tp_record *record) {
  switch (by) {
  case BY_AGE:
    return UINT64_MAX - tp_seconds_to_nanoseconds(record->ended - record->started);
  case BY_GROUP:
    return record->group ? record->group->number : UINT64_MAX;
  default:
    return record->task;
  }
}

/* ---- rows ---- */

/* A walk over live tasks, and then over records of others, that returns tables. */
typedef struct task_rows {
  tp_rows rows;
  tp_view_tasks live;
  tp_view_ended ended;
  bool has_live;  /* live tasks are asked for, and not all of them have come */
  bool has_ended; /* tasks that have ended are asked for */
  order by;       /* what they are sorted by */
  ranked *heap; /* if they are sorted: the first ones so far, the last of these at the top; then …
                 */
  size_t count; /* … of which so many are not sorted yet, … */
  size_t ranks; /* … all of them … */
  size_t given; /* … and those that have come */
  size_t capacity; /* how many fit */
  bool is_ranked;  /* all tasks are in the heap */
} task_rows;

static void push_live(lua_State *L, tp_task *task) {
  const tp_pool *pool = task->group->pool;
  lua_createtable(L, 0, 9);
  lua_pushinteger(L, (lua_Integer)task->id);
  lua_setfield(L, -2, "id");
  lua_pushinteger(L, (lua_Integer)task->number);
  lua_setfield(L, -2, "number");
  if (task->group->name) {
    lua_pushstring(L, task->group->name);
    lua_setfield(L, -2, "group");
  }
  lua_pushstring(L, tp_task_state_name(task->state));
  lua_setfield(L, -2, "state");
  tp_task_set_seconds(L, "age", tp_seconds_of(pool->ops->now(pool) - task->started));
  tp_task_set_seconds(L, "busy", tp_seconds_of(task->busy));
  tp_report_push_place(L, task);
  lua_setfield(L, -3, "why");
  lua_setfield(L, -2, "at");
  tp_report_push_stack(L, task);
  lua_setfield(L, -2, "calls");
}

/* Puts a task among those that come first, if it does. */
static tp_rows_step rank(task_rows *of, lua_State *L, ranked entry) {
  if (of->count == of->rows.left) {
    if (is_after(of->heap[0], entry))
      last_sink(of->heap, of->count, 0, entry);
    return TP_ROWS_NONE;
  }
  ranked *heap = tp_vec_reserve(of->heap, &of->capacity, of->count + 1, sizeof *heap);
  if (!heap)
    tp_raise(L, TP_NO_MEMORY, "no memory for the list of tasks");
  of->heap = heap;
  last_rise(heap, of->count++, entry);
  return TP_ROWS_NONE;
}

static tp_rows_step next_live(task_rows *of, lua_State *L) {
  tp_task *task;
  switch (tp_view_next_task(&of->live, &task)) {
  case TP_VIEW_PASSED:
    return TP_ROWS_NONE;
  case TP_VIEW_FOUND:
    if (of->by)
      return rank(of, L, (ranked){key_of_live(of->by, task), task->id});
    push_live(L, task);
    return TP_ROWS_FOUND;
  case TP_VIEW_NO_MEMORY:
    tp_raise(L, TP_NO_MEMORY, "no memory for the list of tasks");
  default:
    of->has_live = false;
    return of->has_ended ? TP_ROWS_NONE : TP_ROWS_END;
  }
}

/* Sets where the error on top comes from, if it says so as Lua's errors do: "path/jobs.lua:12: …".
 */
static void set_origin(lua_State *L) {
  const char *error = lua_tostring(L, -1), *at = error;
  size_t length = error ? strcspn(error, ":") : 0, digits = 0;
  if (length && error[length] == ':')
    digits = strspn(error + length + 1, "0123456789");
  if (!digits || error[length + 1 + digits] != ':')
    return;
  for (const char *c = error; c < error + length; c++)
    at = *c == '/' ? c + 1 : at;
  lua_pushlstring(L, at, (size_t)(error + length + 1 + digits - at));
  lua_setfield(L, -3, "at");
}

/* Pushes the table of what is known of a task that has ended. */
static void push_ended(lua_State *L, tp_pool *pool, uint64_t id) {
  tp_task_push(L, pool, id);
  lua_getfield(L, -1, "took");
  lua_setfield(L, -2, "age");
  lua_getfield(L, -1, "error");
  set_origin(L);
  lua_setfield(L, -2, "why");
}

static tp_rows_step next_ended(task_rows *of, lua_State *L) {
  const tp_record *record;
  switch (tp_view_next_ended(&of->ended, &record)) {
  case TP_VIEW_PASSED:
    return TP_ROWS_NONE;
  case TP_VIEW_FOUND:
    if (of->by)
      return rank(of, L, (ranked){key_of_ended(of->by, record), record->task});
    push_ended(L, of->ended.pool, record->task);
    return TP_ROWS_FOUND;
  default:
    return TP_ROWS_END;
  }
}

/* Gives the tasks that were ranked: first sorts them, by putting the last one to the end again and
 * again. One that has gone meanwhile is passed over. */
static tp_rows_step next_ranked(task_rows *of, lua_State *L) {
  if (of->count > 0) {
    ranked top = of->heap[0];
    of->count--;
    last_remove(of->heap, of->count, 0);
    of->heap[of->count] = top;
    return TP_ROWS_NONE;
  }
  if (of->given == of->ranks)
    return TP_ROWS_END;
  uint64_t id = of->heap[of->given++].id;
  tp_task *task = tp_task_find(&of->ended.pool->tasks, id);
  const tp_record *record = tp_records_find(&of->ended.pool->records, id);
  if (task && (!of->has_ended || task->state < TP_TASK_ENDED))
    push_live(L, task);
  else if (record)
    push_ended(L, of->ended.pool, id);
  return task || record ? TP_ROWS_FOUND : TP_ROWS_NONE;
}

static tp_rows_step next_task(tp_rows *rows, lua_State *L) {
  task_rows *of = (task_rows *)rows;
  if (!of->live.walk.pool) /* the pool is gone */
    return TP_ROWS_END;
  if (of->is_ranked)
    return next_ranked(of, L);
  tp_rows_step step = of->has_live ? next_live(of, L) : next_ended(of, L);
  if (step != TP_ROWS_END || !of->by)
    return step;
  of->is_ranked = true;
  of->ranks = of->count;
  return TP_ROWS_NONE;
}

static void close_tasks(tp_rows *rows) {
  task_rows *of = (task_rows *)rows;
  tp_view_close_tasks(&of->live);
  free(of->heap);
}

/* The group whose name is at `index`; NULL for nil. */
static const tp_group *to_group(lua_State *L, const tp_pool *pool, int index) {
  tp_error error;
  if (lua_isnil(L, index))
    return NULL;
  const tp_group *group = tp_pool_find_group(pool, lua_tostring(L, index), &error);
  if (!group)
    tp_raise_error(L, &error);
  return group;
}

int l_pool_tasks(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  state asked = to_state(L, TP_SLOT_TASKS_STATE);
  order by = to_order(L, TP_SLOT_TASKS_SORT);
  const tp_group *group = to_group(L, pool, TP_SLOT_TASKS_GROUP);
  if (asked.is_waiting) {
    tp_waiting_push(L, pool, group, tp_arguments_to_limit(L, TP_SLOT_TASKS_LIMIT));
    return 1;
  }
  const tp_rows rows = {.next = next_task,
                        .close = close_tasks,
                        .left = tp_arguments_to_limit(L, TP_SLOT_TASKS_LIMIT)};
  tp_view_filter filter = {.group = group, .state = asked.live};
  task_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_view_open_tasks(&of->live, pool, &filter);
  of->by = by;
  of->has_live = asked.is_live;
  of->has_ended = asked.is_ended;
  of->ended = (tp_view_ended){
      .pool = pool, .has_group = group, .group = group ? group->number : 0, .end = asked.end};
  return 1;
}
