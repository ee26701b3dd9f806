/* SPDX-License-Identifier: MIT
 *
 * Waiting for groups and tasks of a pool; see wait.h.
 *
 * What is waited for is noted by numbers, which outlive the records: a group may be flushed, a task
 * forgotten, and both have ended then. The targets are waited for one after the other. */
#include "binding/wait.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "binding/slots.h"
#include "exec/deadlock.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "exec/timer.h"
#include "exec/wait.h"
#include "value/error.h"
#include "value/raise.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A group or a task. */
typedef struct target {
  bool is_group;
  uint64_t number; /* of the group, or id of the task */
} target;

/* The stack of the method while it waits. */
enum {
  POOL = TP_SLOT_POOL,
  DEADLINE = TP_SLOT_WAIT_TIMEOUT, /* in place of it */
  QUIETLY = TP_SLOT_WAIT_RETURN_EXCEPTIONS,
  TARGETS = TP_SLOT_WAIT_TARGET,
  TOP = TARGETS
};

/* ---- what is waited for ---- */

static target to_group(lua_State *L, const tp_pool *pool, int index) {
  const tp_group *group = tp_handle_check_group(L, pool, index);
  const tp_task *self = tp_exec_current_task(tp_run_exec(pool));
  if (self && self->group == group)
    tp_raise(L, TP_INVALID_ARGUMENT, "wait: a task cannot wait for its own group '%s'",
             group->name);
  return (target){.is_group = true, .number = group->number};
}

static target to_task(lua_State *L, const tp_pool *pool, uint64_t id) {
  if (id >= pool->next_id)
    tp_raise(L, TP_TASK_NOT_FOUND, "%s has no task with id %" PRIu64, pool->label, id);
  const tp_task *self = tp_exec_current_task(tp_run_exec(pool));
  if (self && self->group->pool == pool && self->id == id)
    tp_raise(L, TP_INVALID_ARGUMENT, "wait: a task cannot wait for itself");
  return (target){.number = id};
}

/* Replaces the arguments from `first` on by what they mean. */
static void read_targets(lua_State *L, const tp_pool *pool, int first) {
  int count = lua_gettop(L) - first + 1;
  target *targets = lua_newuserdatauv(L, sizeof *targets * (size_t)count, 0);
  for (int i = 0; i < count; i++)
    targets[i] = lua_type(L, first + i) == LUA_TNUMBER
                     ? to_task(L, pool, (uint64_t)lua_tointeger(L, first + i))
                     : to_group(L, pool, first + i);
  lua_replace(L, first);
  lua_settop(L, first);
}

static bool has_ended(const tp_pool *pool, const target *of) {
  if (!of->is_group)
    return tp_pool_has_ended(pool, of->number);
  const tp_group *group = tp_pool_find_number(pool, of->number);
  return !group || group->finished;
}

/* ---- waiting ---- */

static int time_out(lua_State *L, const tp_pool *pool, const target *of) {
  if (of->is_group)
    return tp_raise(L, TP_TIMED_OUT, "group '%s' of %s has not ended in that time",
                    tp_group_label(tp_pool_find_number(pool, of->number)), pool->label);
  return tp_raise(L, TP_TIMED_OUT, "%s_Task-%" PRIu64 " has not ended in that time", pool->label,
                  of->number);
}

/* ---- failures ---- */

/* Room for the words about one target. Making strings may run finalizers, which may flush the pool.
 * So the words are written here first. */
enum { WORDS_SIZE = 512 };

static int first_line(const char *text) {
  size_t length = strcspn(text, "\n");
  return length < 200 ? (int)length : 200;
}

/* Says how many tasks of a group have failed, if any have. */
static bool tell_group(lua_State *L, tp_group *group, char words[WORDS_SIZE]) {
  if (!group || !group->ends.failed)
    return false;
  tp_pool_see_group(group);
  tp_future_see_call(L, POOL, group);
  const tp_record *first = tp_records_first_error(group);
  snprintf(words, WORDS_SIZE, "%" PRIu64 " of %" PRIu64 " tasks of group '%.200s' failed%s%.*s",
           group->ends.failed, group->started, tp_group_label(group),
           first ? ", the first with: " : "", first ? first_line(first->text) : 0,
           first ? first->text : "");
  return true;
}

/* Says with what a task has failed, if it has. */
static bool tell_task(lua_State *L, const tp_pool *pool, uint64_t id, char words[WORDS_SIZE]) {
  tp_record *record = tp_records_find(&pool->records, id);
  tp_group *group = NULL;
  if (!record || !record->text)
    return false;
  tp_pool_remembers(pool, id, &group, NULL);
  tp_pool_see_task(group, record);
  tp_future_see_call(L, POOL, group);
  snprintf(words, WORDS_SIZE, "%s_Task-%" PRIu64 " failed: %.*s", pool->label, id,
           first_line(record->text), record->text);
  return true;
}

/* All targets have ended: raises TaskFailed if tasks failed, unless `quietly`. */
static int end_wait(lua_State *L, const tp_pool *pool, const target *targets, lua_KContext count) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushliteral(L, "");
  bool has_failed = false;
  for (const target *of = targets; of < targets + count; of++) {
    char words[WORDS_SIZE];
    if (!(of->is_group ? tell_group(L, tp_pool_find_number(pool, of->number), words)
                       : tell_task(L, pool, of->number, words)))
      continue;
    lua_pushfstring(L, "%s%s%s", lua_tostring(L, -1), has_failed ? "; " : "", words);
    lua_replace(L, -2);
    has_failed = true;
  }
  if (!has_failed || lua_toboolean(L, QUIETLY))
    return 0;
  tp_error_wrap(L, TP_TASK_FAILED);
  return lua_error(L);
}

/* Waits for the targets from number `context` on. */
static int wait_for(lua_State *L, int status, lua_KContext context) {
  tp_pool *pool = tp_handle_check(L, POOL);
  tp_exec *exec = tp_run_exec(pool);
  const target *targets = lua_touserdata(L, TARGETS);
  lua_KContext count = (lua_KContext)(lua_rawlen(L, TARGETS) / sizeof *targets);
  double deadline = lua_tonumber(L, DEADLINE);
  if (status == LUA_YIELD)
    tp_wait_values(exec, L, TOP);
  while (context < count && has_ended(pool, &targets[context]))
    context++;
  if (context == count)
    return end_wait(L, pool, targets, count);
  const target *next = &targets[context];
  if (tp_wait_is_late(exec, deadline))
    return time_out(L, pool, next);
  tp_run_wait(pool, L, next->is_group ? TP_EVENT_FINISHED : TP_EVENT_ENDED, next->number);
  bool is_fed = next->is_group && tp_pool_find_number(pool, next->number)->feed == TP_FEED_WAITING;
  if (deadline == HUGE_VAL && !is_fed && !tp_deadlock_check(exec, L, pool))
    return tp_deadlock_raise(exec, L, pool);
  return tp_wait_park_until(exec, L, deadline, wait_for, context);
}

int l_pool_wait(lua_State *L) {
  const tp_pool *pool = tp_handle_check(L, POOL);
  tp_exec *exec = tp_run_exec(pool);
  tp_wait_check(exec, L);
  read_targets(L, pool, TP_SLOT_WAIT_TARGET);
  lua_pushnumber(L, lua_isnil(L, TP_SLOT_WAIT_TIMEOUT)
                        ? HUGE_VAL
                        : tp_timer_seconds(exec) + lua_tonumber(L, TP_SLOT_WAIT_TIMEOUT));
  lua_replace(L, DEADLINE);
  return wait_for(L, LUA_OK, 0);
}
