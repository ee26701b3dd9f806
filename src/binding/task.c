/* SPDX-License-Identifier: MIT
 *
 * What is known of one task, as a table. */
#include "binding/task.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "exec/cancel.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <string.h>

static void set_string(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

static void set_number(lua_State *L, const char *key, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, key);
}

/* What is shown of a task. Making strings and tables may run finalizers, which may flush the pool.
 * So everything is read before, and the reason is kept. */
typedef struct facts {
  uint64_t id;
  const char *group;   /* name of its group, valid until the first string is made; NULL: none */
  const char *state;   /* static */
  tp_cancel *reason;   /* a reference; NULL: it was not cancelled */
  const char *outcome; /* static: what came of the cancel */
  double took;         /* seconds from the cancel to the end; below 0: it has not ended */
  char text[TP_RECORD_TEXT]; /* message and traceback of its error, "" for none */
} facts;

/* Pushes what came of a cancel. */
static void push_cancel(lua_State *L, const facts *of) {
  lua_createtable(L, 0, 6);
  set_string(L, "outcome", of->outcome);
  set_string(L, "code", tp_code_name(of->reason->code));
  set_string(L, "who", of->reason->who);
  set_string(L, "message", of->reason->message);
  set_number(L, "when", of->reason->when);
  if (of->took >= 0)
    set_number(L, "took", of->took);
}

/* Lua: the table of these facts. Stack: the facts. */
static int l_push_facts(lua_State *L) {
  const facts *of = lua_touserdata(L, 1);
  lua_pushstring(L, of->group);
  lua_createtable(L, 0, 6);
  lua_insert(L, -2);
  lua_setfield(L, -2, "group");
  lua_pushinteger(L, (lua_Integer)of->id);
  lua_setfield(L, -2, "id");
  set_string(L, "state", of->state);
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
static const char *state_name(const tp_task *task) {
  return tp_task_state_name(task && task->state < TP_TASK_DONE ? task->state : TP_TASK_ENDED);
}

/* Reads what is known of the task with that id of the pool in slot 1, whose error counts as seen
 * then. Keeps the reason. False: TaskNotFound. */
static bool read_facts(lua_State *L, uint64_t id, facts *of, tp_error *error) {
  const tp_pool *pool = tp_handle_check(L, 1);
  tp_task *task = tp_task_find(&pool->tasks, id);
  tp_group *group = task ? task->group : NULL;
  if (!task && !tp_pool_remembers(pool, id, &group, error))
    return false;
  tp_record *record = tp_records_find(&pool->records, id);
  tp_cancel *reason = record ? record->reason : task ? tp_exec_cancel_reason_of(task) : NULL;
  *of = (facts){.id = id,
                .group = group ? group->name : NULL,
                .state = state_name(task),
                .reason = reason ? tp_cancel_keep(reason) : NULL,
                .outcome = record ? tp_record_outcome_name(record->outcome) : "ending",
                .took = record ? record->took : -1};
  if (record && record->text) {
    tp_pool_see_task(group, record);
    tp_future_see_call(L, 1, group);
    strcpy(of->text, record->text);
  }
  return true;
}

/* Pushes what is known of the task with that id. */
static int push_task(lua_State *L, uint64_t id) {
  tp_error error;
  facts of;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!read_facts(L, id, &of, &error))
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
static int push_task_of_group(lua_State *L, const tp_pool *pool) {
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
  return push_task(L, id);
}

int l_pool_task(lua_State *L) {
  if (lua_type(L, 2) == LUA_TSTRING)
    return push_task_of_group(L, tp_handle_check(L, 1));
  return push_task(L, (uint64_t)lua_tointeger(L, 2));
}
