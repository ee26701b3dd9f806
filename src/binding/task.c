/* SPDX-License-Identifier: MIT
 *
 * What is known of one task, as a table. */
#include "binding/task.h"
#include "base/seconds.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "value/brief.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* `cancel` is a table itself; the traceback is long, and has a command of its own. */
const char *const tp_task_fields[] = {"id",    "group",      "number",   "state", "try",
                                      "args",  "started_at", "ended_at", "age",   "took",
                                      "error", "cancel",     NULL};

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

/* The longest text of a task's arguments that is shown. */
#define ARGUMENTS_SIZE 120

/* What is shown of a task. Making strings and tables may run finalizers, which may flush the pool.
 * So everything is read before, and the reason is kept. */
typedef struct facts {
  uint64_t id;
  const char *group;   /* name of its group, valid until the first string is made; NULL: none */
  const char *state;   /* static */
  tp_cancel *reason;   /* a reference; NULL: it was not cancelled */
  const char *outcome; /* static: what came of the cancel */
  double cancel_took;  /* seconds from the cancel to the end; below 0: it has not ended */
  int64_t number;      /* its place in its group; below 0: not known */
  double started_at;   /* seconds since 1970; 0: not known */
  double ended_at;     /* the same */
  double age;          /* of a live task, seconds */
  uint32_t tries;      /* of a live task: calls of its function */
  char arguments[ARGUMENTS_SIZE]; /* what it was called with, in short, "" if that is not known */
  char text[TP_RECORD_TEXT];      /* message and traceback of its error, "" for none */
} facts;

/* Pushes what came of a cancel. */
static void push_cancel(lua_State *L, const facts *of) {
  lua_createtable(L, 0, 6);
  set_string(L, "outcome", of->outcome);
  set_string(L, "code", tp_code_name(of->reason->code));
  set_string(L, "who", of->reason->who);
  set_string(L, "message", of->reason->message);
  set_number(L, "when", of->reason->when);
  if (of->cancel_took >= 0)
    set_number(L, "took", of->cancel_took);
}

void tp_task_set_seconds(lua_State *L, const char *key, double seconds) {
  set_number(L, key, tp_seconds_round(seconds));
}

/* Sets when the task has run. */
static void set_times(lua_State *L, const facts *of) {
  if (of->started_at)
    tp_task_set_seconds(L, "started_at", of->started_at);
  if (of->age >= 0)
    tp_task_set_seconds(L, "age", of->age);
  if (!of->ended_at)
    return;
  tp_task_set_seconds(L, "ended_at", of->ended_at);
  tp_task_set_seconds(L, "took", of->ended_at - of->started_at);
}

/* Lua: the table of these facts. Stack: the facts. */
static int l_push_facts(lua_State *L) {
  const facts *of = lua_touserdata(L, 1);
  lua_pushstring(L, of->group);
  lua_createtable(L, 0, 12);
  lua_insert(L, -2);
  lua_setfield(L, -2, "group");
  lua_pushinteger(L, (lua_Integer)of->id);
  lua_setfield(L, -2, "id");
  set_string(L, "state", of->state);
  if (of->number >= 0) {
    lua_pushinteger(L, (lua_Integer)of->number);
    lua_setfield(L, -2, "number");
  }
  if (of->tries) {
    lua_pushinteger(L, of->tries);
    lua_setfield(L, -2, "try");
  }
  if (of->arguments[0])
    set_string(L, "args", of->arguments);
  set_times(L, of);
  if (of->text[0]) {
    lua_pushlstring(L, of->text, strcspn(of->text, "\n"));
    lua_setfield(L, -2, "error");
    set_string(L, "traceback", of->text);
  }
  if (of->reason) {
    push_cancel(L, of);
    lua_setfield(L, -2, "cancel");
  }
  return 1;
}

/* The state of a task; one that is no longer there has ended. */
static const char *state_name(const tp_task *task, const tp_record *record) {
  if (task && task->state < TP_TASK_DONE)
    return tp_task_state_name(task->state);
  return record ? tp_record_end_name(record->end) : tp_task_state_name(TP_TASK_ENDED);
}

/* Reads what is known of a live task. */
static void read_live(lua_State *L, const tp_pool *pool, const tp_task *task, facts *of) {
  of->number = (int64_t)task->number;
  of->age = tp_seconds_of(pool->ops->now(pool) - task->started);
  of->started_at = tp_seconds_wall() - of->age;
  of->tries = task->tries;
  tp_call_push_arguments(task, L);
  tp_brief_write_list(L, -1, of->arguments, sizeof of->arguments);
  lua_pop(L, 1);
}

/* Reads what a record has kept. */
static void read_record(const tp_record *record, facts *of) {
  of->number = (int64_t)record->number;
  of->started_at = record->started;
  of->ended_at = record->ended;
  of->age = -1;
  of->tries = 0;
  if (record->arguments)
    snprintf(of->arguments, sizeof of->arguments, "%s", record->arguments);
}

/* Somebody has looked at the failure of a call that may have a future. */
static void see_call(lua_State *L, tp_pool *pool, const tp_group *group) {
  tp_handle_push(L, pool);
  if (!lua_isnil(L, -1))
    tp_future_see_call(L, lua_gettop(L), group);
  lua_pop(L, 1);
}

/* Reads what is known of the task with that id, whose error counts as seen
 * then. Keeps the reason. False: TaskNotFound. */
static bool read_facts(lua_State *L, tp_pool *pool, uint64_t id, facts *of, tp_error *error) {
  tp_task *task = tp_task_find(&pool->tasks, id);
  *of = (facts){.id = id, .cancel_took = -1, .number = -1, .age = -1};
  if (task)
    read_live(L, pool, task, of); /* which may run finalizers */
  task = tp_task_find(&pool->tasks, id);
  tp_record *record = tp_records_find(&pool->records, id);
  tp_group *group = task ? task->group : record ? record->group : NULL;
  if (!task && !record && !tp_pool_remembers(pool, id, &group, error))
    return false;
  tp_cancel *reason = record ? record->reason : task ? tp_exec_cancel_reason_of(task) : NULL;
  of->group = group ? group->name : NULL;
  of->state = state_name(task, record);
  of->reason = reason ? tp_cancel_keep(reason) : NULL;
  of->outcome = record ? tp_record_outcome_name(record->outcome) : "ending";
  if (record) {
    of->cancel_took = record->took;
    read_record(record, of);
  }
  if (record && record->text) {
    tp_pool_see_task(group, record);
    see_call(L, pool, group);
    strcpy(of->text, record->text);
  }
  return true;
}

int tp_task_push(lua_State *L, tp_pool *pool, uint64_t id) {
  tp_error error;
  facts of;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!read_facts(L, pool, id, &of, &error))
    return tp_raise_error(L, &error);
  lua_pushcfunction(L, l_push_facts);
  lua_pushlightuserdata(L, &of);
  int status = lua_pcall(L, 1, 1, 0);
  tp_cancel_release(of.reason);
  return status == LUA_OK ? 1 : lua_error(L);
}

static void set_id(void *context, uint64_t id) {
  *(uint64_t *)context = id;
}

/* Pushes what is known of the one task, not yet started, of the group whose name is at [2]. */
static int push_waiting(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushvalue(L, 2);
  lua_setfield(L, -2, "group");
  set_string(L, "state", "waiting");
  return 1;
}

/* Pushes what is known of the one task of the group whose name is at [2]. */
static int push_task_of_group(lua_State *L, tp_pool *pool) {
  tp_error error;
  uint64_t id = UINT64_MAX;
  const tp_group *group = tp_pool_find_group(pool, lua_tostring(L, 2), &error);
  if (!group)
    return tp_raise_error(L, &error);
  if (group->started == 0 && group->finished)
    return tp_raise(L, TP_TASK_NOT_FOUND, "group '%s' of %s has ended without any task",
                    group->name, pool->label);
  if (group->started == 0)
    return push_waiting(L);
  if (group->started > 1)
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "group '%s' of %s has several tasks; give the id of one", group->name,
                    pool->label);
  tp_idset_each(&group->ids, set_id, &id);
  if (id == UINT64_MAX)
    return tp_raise(L, TP_TASK_NOT_FOUND, "the task of group '%s' of %s was flushed", group->name,
                    pool->label);
  return tp_task_push(L, pool, id);
}

int l_pool_task(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING)
    return push_task_of_group(L, tp_handle_check(L, 1));
  return tp_task_push(L, tp_handle_check(L, 1), (uint64_t)lua_tointeger(L, 2));
}
