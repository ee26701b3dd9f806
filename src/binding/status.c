/* SPDX-License-Identifier: MIT
 *
 * What a pool, its groups and its tasks are like; see status.h. */
#include "binding/status.h"
#include "binding/arguments.h"
#include "binding/handle.h"
#include "exec/report.h"
#include "exec/run.h"
#include "exec/timer.h"
#include "pool/flow.h"
#include "value/raise.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Rows of an answer where nothing is said. */
#define LIMIT_DEFAULT 100

const char *const tp_status_fields[] = {
    "pool",  "size",   "running",         "waiting",   "cancelled",    "ended",
    "ok",    "failed", "cancelled_total", "timed_out", "retried",      "groups",
    "order", "locked", "paused",          "closed",    "queued",       "queue_limit",
    "min",   "max",    "interval",        "decision",  "decision_age", NULL};

const char *const tp_status_list_fields[] = {"pool",   "size",   "running",  "waiting", "order",
                                             "locked", "paused", "decision", NULL};

/* What fits a line of 80 columns: the ended tasks are the sum of four of them. */
const char *const tp_status_group_fields[] = {"group",     "running",   "waiting", "ok",  "failed",
                                              "cancelled", "timed_out", "limit",   "why", NULL};

const char *const tp_status_task_fields[] = {"id", "group", "state", "at", NULL};

/* ---- fields of the table on top ---- */

static void set_count(lua_State *L, const char *field, uint64_t count) {
  lua_pushinteger(L, (lua_Integer)count);
  lua_setfield(L, -2, field);
}

/* A count that may have no limit. */
static void set_limit(lua_State *L, const char *field, uint64_t limit) {
  if (limit == TP_UNLIMITED) {
    lua_pushnumber(L, HUGE_VAL);
    lua_setfield(L, -2, field);
  } else {
    set_count(L, field, limit);
  }
}

static void set_flag(lua_State *L, const char *field, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, field);
}

static void set_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

/* To the millisecond, where it is not for ages. */
static void set_seconds(lua_State *L, const char *field, double seconds) {
  lua_pushnumber(L, seconds < 1e12 ? (double)(int64_t)(seconds * 1000 + 0.5) / 1000 : seconds);
  lua_setfield(L, -2, field);
}

/* ---- a pool ---- */

static void set_scale(lua_State *L, const tp_pool *pool) {
  const tp_run *run = pool->owner;
  const tp_scale *scale = &pool->scale;
  if (scale->bounds.max == 0)
    return;
  set_count(L, "min", scale->bounds.min);
  set_count(L, "max", scale->bounds.max);
  set_seconds(L, "interval", scale->bounds.interval);
  if (!scale->last.reason[0])
    return;
  char from[32] = "";
  if (scale->last.from != scale->last.to)
    snprintf(from, sizeof from, "%" PRIu64 " -> ", scale->last.from);
  lua_pushfstring(L, "%s%I: %s", from, (LUAI_UACINT)scale->last.to, scale->last.reason);
  lua_setfield(L, -2, "decision");
  set_seconds(L, "decision_age", tp_timer_seconds(run->exec) - scale->when);
}

void tp_status_push(lua_State *L, const tp_pool *pool) {
  luaL_checkstack(L, 4, NULL);
  lua_newtable(L);
  set_text(L, "pool", pool->label);
  set_limit(L, "size", pool->size);
  set_count(L, "running", pool->running);
  set_count(L, "waiting", tp_pool_waiting(pool));
  set_count(L, "cancelled", pool->cancelled);
  set_count(L, "ended", pool->ended);
  set_count(L, "ok", tp_pool_ok(pool));
  set_count(L, "failed", pool->ends.failed);
  set_count(L, "cancelled_total", pool->ends.cancelled);
  set_count(L, "timed_out", pool->ends.timed_out);
  set_count(L, "retried", pool->retried);
  set_count(L, "groups", pool->unfinished);
  set_text(L, "order", tp_pool_order_name(pool->order));
  set_flag(L, "locked", pool->locked);
  set_flag(L, "paused", pool->paused);
  set_flag(L, "closed", pool->closed);
  set_count(L, "queued", pool->queued_calls);
  set_limit(L, "queue_limit", pool->queue_limit);
  set_scale(L, pool);
}

int l_pool_status(lua_State *L) {
  tp_status_push(L, tp_handle_check(L, 1));
  return 1;
}

/* ---- groups ---- */

/* How many rows the number at `index`, or nil, allows. */
static uint64_t to_limit(lua_State *L, int index) {
  return lua_isnil(L, index) ? LIMIT_DEFAULT : tp_arguments_to_size(L, index);
}

/* Where a group is, if it could go no faster; NULL: something holds it back. */
static const char *progress(const tp_group *group) {
  if (group->finished)
    return "ended";
  if (group->forgotten)
    return "cancelled";
  if (group->feed == TP_FEED_DONE)
    return "all started";
  if (group->feed == TP_FEED_WAITING)
    return "its iterator waits";
  if (group->admission == TP_CALL_BLOCKED)
    return group->pool->paused ? "paused" : "the queue is full";
  if (group->occupying >= group->limit || tp_pool_is_full(group->pool))
    return NULL;
  if (group->throttled)
    return "its rate";
  return tp_flow_is_throttled(group->pool) ? "the pool's rate" : "starting";
}

/* Says why a group goes no faster than it does. */
static void set_why(const tp_group *group, char why[64]) {
  const tp_pool *pool = group->pool;
  const char *text = progress(group);
  if (text)
    snprintf(why, 64, "%s", text);
  else if (group->occupying >= group->limit)
    snprintf(why, 64, "limit %" PRIu64 "/%" PRIu64, group->occupying, group->limit);
  else
    snprintf(why, 64, "pool full %" PRIu64 "/%" PRIu64, pool->running + pool->cancelled,
             pool->size);
}

/* Tasks that have not started, where that is known: an iterator does not tell. */
static bool has_waiting(const tp_group *group) {
  return group->feed == TP_FEED_DONE || !group->call ||
         group->pool->ops->wanting(group) != TP_UNLIMITED;
}

static uint64_t waiting_of(const tp_group *group) {
  bool feeds = group->feed == TP_FEED_READY || group->feed == TP_FEED_WAITING;
  return feeds ? group->pool->ops->waiting(group) : 0;
}

/* What is shown of a group. Making tables may run finalizers, which may flush the pool: so all is
 * read before. */
typedef struct group_row {
  uint64_t number, running, waiting, ended, ok, limit;
  tp_ends ends;
  double weight;
  bool counts; /* `waiting` is known */
  char why[64];
} group_row;

static group_row read_group(const tp_group *group) {
  group_row row = {.number = group->number,
                   .running = group->occupying,
                   .waiting = waiting_of(group),
                   .ended = group->started - group->occupying,
                   .ok = tp_group_ok(group),
                   .ends = group->ends,
                   .limit = group->limit,
                   .weight = group->weight,
                   .counts = has_waiting(group)};
  set_why(group, row.why);
  return row;
}

/* As an integer where it is one, so that it prints as it was written. */
static void set_weight(lua_State *L, double weight) {
  lua_Integer integer;
  if (lua_numbertointeger(weight, &integer) && (double)integer == weight)
    lua_pushinteger(L, integer);
  else
    lua_pushnumber(L, weight);
  lua_setfield(L, -2, "weight");
}

/* Replaces the name on top by the table of a group. */
static void push_row(lua_State *L, const group_row *row) {
  lua_newtable(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, "group");
  set_count(L, "running", row->running);
  if (row->counts)
    set_count(L, "waiting", row->waiting);
  set_count(L, "ended", row->ended);
  set_count(L, "ok", row->ok);
  set_count(L, "failed", row->ends.failed);
  set_count(L, "cancelled", row->ends.cancelled);
  set_count(L, "timed_out", row->ends.timed_out);
  set_limit(L, "limit", row->limit);
  set_weight(L, row->weight);
  set_text(L, "why", row->why);
}

/* The submitted calls that have no name and have not ended, in one row. Returns whether there are
 * any. */
static bool read_nameless(const tp_pool *pool, group_row *row) {
  const tp_group *group, *shown = NULL;
  *row = (group_row){.counts = true, .limit = TP_UNLIMITED, .weight = TP_WEIGHT_DEFAULT};
  TAILQ_FOREACH (group, &pool->groups, pool_link) {
    if (group->name)
      continue;
    row->running += group->occupying;
    row->waiting += waiting_of(group);
    if (!shown || (shown->occupying && !group->occupying)) /* one that waits tells more */
      shown = group;
  }
  if (shown)
    set_why(shown, row->why);
  return shown;
}

/* Groups that were ever freed: while it does not change, one that was found is there. */
static uint64_t freed(const tp_pool *pool) {
  return pool->next_number - pool->group_count;
}

/* The oldest group from that number on; `since` is NULL, or one before it. */
static const tp_group *find_group(const tp_pool *pool, const tp_group *since, uint64_t number) {
  const tp_group *group = since ? since : TAILQ_FIRST(&pool->groups);
  while (group && group->number < number)
    group = TAILQ_NEXT(group, pool_link);
  return group;
}

/* The first one with a name from that group on. */
static const tp_group *named_from(const tp_group *group, bool also_ended) {
  while (group && !(group->name && (also_ended || !group->finished)))
    group = TAILQ_NEXT(group, pool_link);
  return group;
}

int l_pool_groups(lua_State *L) {
  enum { POOL = 1, ALL, LIMIT };
  const tp_pool *pool = tp_handle_check(L, POOL);
  bool also_ended = lua_toboolean(L, ALL);
  uint64_t limit = to_limit(L, LIMIT), count = 0;
  group_row row = {0}, calls;
  bool has_calls = read_nameless(pool, &calls);
  luaL_checkstack(L, 5, NULL);
  lua_newtable(L);
  const tp_group *group = named_from(TAILQ_FIRST(&pool->groups), also_ended);
  while (count < limit && group) {
    uint64_t before = freed(pool);
    row = read_group(group);
    lua_pushstring(L, group->name);
    push_row(L, &row);
    lua_rawseti(L, -2, (lua_Integer)++count);
    group = find_group(pool, freed(pool) == before ? group : NULL, row.number + 1);
    group = named_from(group, also_ended);
  }
  if (has_calls && count < limit) {
    lua_pushliteral(L, "(submitted calls)");
    push_row(L, &calls);
    lua_rawseti(L, -2, (lua_Integer)++count);
  }
  return 1;
}

/* ---- tasks ---- */

static const char *const state_names[] = {
    [TP_TASK_NEW] = "new",     [TP_TASK_RUNNING] = "running", [TP_TASK_CANCELLED] = "cancelled",
    [TP_TASK_ENDED] = "ended", [TP_TASK_DONE] = "done",
};

/* Which tasks are asked for, and those found. They stay what they are while nothing is resumed, but
 * a finalizer may move them between the pool's lists: so they are found before tables are made. */
typedef struct search {
  const tp_group *group; /* NULL: those of all groups */
  const char *state;     /* NULL: in any state */
  tp_task **found;       /* room for `limit` */
  uint64_t limit;        /* so many at most */
  uint64_t count;        /* so many there are */
} search;

static void find_tasks(search *of, const tp_task_list *list) {
  tp_task *task;
  TAILQ_FOREACH (task, list, pool_link) {
    if (of->count == of->limit)
      return;
    if ((!of->group || task->group == of->group) &&
        (!of->state || strcmp(of->state, state_names[task->state]) == 0))
      of->found[of->count++] = task;
  }
}

static void push_task(lua_State *L, tp_task *task) {
  lua_newtable(L);
  set_count(L, "id", task->id);
  if (task->group->name)
    set_text(L, "group", task->group->name);
  set_text(L, "state", state_names[task->state]);
  tp_report_push_stack(L, task);
  lua_setfield(L, -2, "at");
}

static void check_state(lua_State *L, const char *state) {
  for (tp_task_state known = TP_TASK_RUNNING; state && known < TP_TASK_DONE; known++)
    if (strcmp(state, state_names[known]) == 0)
      return;
  if (state)
    tp_raise(L, TP_INVALID_ARGUMENT, "tasks: 'state' must be running, cancelled or ended, not '%s'",
             state);
}

int l_pool_tasks(lua_State *L) {
  enum { POOL = 1, GROUP, STATE, LIMIT };
  tp_error error;
  const tp_pool *pool = tp_handle_check(L, POOL);
  search of = {.state = lua_tostring(L, STATE), .limit = to_limit(L, LIMIT)};
  check_state(L, of.state);
  if (of.limit > pool->tasks.count)
    of.limit = pool->tasks.count;
  of.found = lua_newuserdatauv(L, (of.limit + 1) * sizeof(tp_task *), 0);
  if (!lua_isnil(L, GROUP) &&
      !(of.group = tp_pool_find_group(pool, lua_tostring(L, GROUP), &error)))
    return tp_raise_error(L, &error);
  find_tasks(&of, &pool->running_tasks);
  find_tasks(&of, &pool->finishing_tasks);
  luaL_checkstack(L, 5, NULL);
  lua_newtable(L);
  for (uint64_t i = 0; i < of.count; i++) {
    push_task(L, of.found[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}
