/* SPDX-License-Identifier: MIT
 *
 * What is known of one task, as a table. */
#include "api/class.h"
#include "api/pool.h"
#include "exec/exec.h"
#include "value/error.h"

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

/* Pushes what came of a cancel; `record` is NULL while the task is still ending. */
static void push_cancel(lua_State *L, const tp_cancel *reason, const tp_record *record) {
  luaL_checkstack(L, 3, NULL);
  lua_createtable(L, 0, 6);
  set_string(L, "outcome", record ? tp_outcome_name(record->outcome) : "ending");
  set_string(L, "code", tp_code_name(reason->code));
  set_string(L, "who", reason->who);
  set_string(L, "message", reason->message);
  set_number(L, "when", reason->when);
  if (record)
    set_number(L, "took", record->took);
}

/* Sets what is known of the error of a task that has failed: the text at `index`. */
static void set_error(lua_State *L, int index) {
  const char *text = lua_tostring(L, index);
  lua_pushlstring(L, text, strcspn(text, "\n"));
  lua_setfield(L, -2, "error");
  set_string(L, "traceback", text);
}

static const char *state_name(const tp_task *task) {
  if (!task || task->state >= TP_TASK_ENDED)
    return "ended";
  return task->state == TP_TASK_CANCELLED ? "cancelled" : "running";
}

/* Pushes what is known of the task with that id. */
static int push_task(lua_State *L, const tp_pool *pool, uint64_t id) {
  tp_error error;
  tp_task *task = tp_task_table_find(&pool->tasks, id);
  tp_group *group = task ? task->group : NULL;
  if (!task && !tp_pool_remembers(pool, id, &group, &error))
    return tp_raise_error(L, &error);
  tp_record *record = tp_records_find(&pool->records, id);
  bool has_error = record && record->text;
  if (has_error) { /* before a finalizer can flush the pool */
    tp_pool_see_task(group, record);
    lua_pushstring(L, record->text);
  }
  const tp_cancel *reason = record ? record->reason : task ? tp_exec_reason(task) : NULL;
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, (lua_Integer)id);
  lua_setfield(L, -2, "id");
  if (group && group->name)
    set_string(L, "group", group->name);
  set_string(L, "state", state_name(task));
  if (has_error)
    set_error(L, -2);
  if (reason) {
    push_cancel(L, reason, record);
    lua_setfield(L, -2, "cancel");
  }
  return 1;
}

static void set_id(void *context, uint64_t id) {
  *(uint64_t *)context = id;
}

/* Pushes what is known of the one task of a group that has not started. */
static int push_waiting(lua_State *L, const tp_group *group) {
  lua_createtable(L, 0, 2);
  set_string(L, "group", group->name);
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
  if (group->started == 0)
    return push_waiting(L, group);
  if (group->started > 1)
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "group '%s' of %s has several tasks; give the id of one", group->name,
                    pool->label);
  tp_idset_each(&group->ids, set_id, &id);
  if (id == UINT64_MAX)
    return tp_raise(L, TP_TASK_NOT_FOUND, "the task of group '%s' of %s was flushed", group->name,
                    pool->label);
  return push_task(L, pool, id);
}

int l_pool_task(lua_State *L) {
  const tp_pool *pool = tp_pool_check(L, 1);
  if (lua_type(L, 2) == LUA_TSTRING)
    return push_task_of_group(L, pool);
  return push_task(L, pool, (uint64_t)lua_tointeger(L, 2));
}
