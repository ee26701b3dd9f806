/* SPDX-License-Identifier: MIT
 *
 * The status of a pool and its groups; see status.h. */
#include "binding/status.h"
#include "base/seconds.h"
#include "binding/arguments.h"
#include "binding/figures.h"
#include "binding/handle.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "exec/run.h"
#include "exec/timer.h"
#include "pool/view.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const tp_status_fields[] = {"pool",
                                        "size",
                                        "running",
                                        "waiting",
                                        "cancelled",
                                        "ended",
                                        "ok",
                                        "failed",
                                        "cancelled_total",
                                        "timed_out",
                                        "retried",
                                        "groups",
                                        "order",
                                        "locked",
                                        "paused",
                                        "closed",
                                        "queued",
                                        "queue_limit",
                                        "min",
                                        "max",
                                        "interval",
                                        "decision",
                                        "decision_age",
                                        "ended_per_s",
                                        "uptime",
                                        "latency_p50_ms",
                                        "latency_p99_ms",
                                        "latency_max_ms",
                                        "lua_memory",
                                        "memory",
                                        "clients",
                                        "version",
                                        "lua",
                                        "libuv",
                                        NULL};

const char *const tp_status_list_fields[] = {"pool",   "size",   "running",  "waiting", "order",
                                             "locked", "paused", "decision", NULL};

/* These fit a line of 80 columns; `progress` and `outcome` say in words what others count. */
const char *const tp_status_group_fields[] = {"group", "progress", "running", "outcome",
                                              "rate",  "left",     "why",     NULL};

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

static void set_seconds(lua_State *L, const char *field, double seconds) {
  lua_pushnumber(L, tp_seconds_round(seconds));
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
  const tp_pool *pool = tp_handle_check(L, 1);
  tp_status_push(L, pool);
  tp_figures_set(L, pool);
  return 1;
}

/* ---- groups ---- */

/* Sets an integer if the weight is one, so that it prints as it was written. */
static void set_weight(lua_State *L, double weight) {
  lua_Integer integer;
  if (lua_numbertointeger(weight, &integer) && (double)integer == weight)
    lua_pushinteger(L, integer);
  else
    lua_pushnumber(L, weight);
  lua_setfield(L, -2, "weight");
}

/* Sets how far the group is: a bar, and how many of its tasks have ended, of how many. */
static void set_progress(lua_State *L, const tp_view *view) {
  enum { CELLS = 6 };
  char text[80];
  uint64_t total = view->ended + view->running + view->waiting;
  int filled = total ? (int)((double)view->ended / (double)total * CELLS) : CELLS;
  if (view->is_exact)
    snprintf(text, sizeof text, "%.*s%.*s %" PRIu64 "/%" PRIu64, filled, "######", CELLS - filled,
             "------", view->ended, total);
  else
    snprintf(text, sizeof text, "%" PRIu64 " of ?", view->ended);
  set_text(L, "progress", text);
}

/* Sets how fast tasks of the group end, a second, and how long the rest takes at that speed. */
static void set_speed(lua_State *L, const tp_view *view) {
  double rate = view->seconds > 0 ? (double)view->ended / view->seconds : 0;
  if (rate == 0)
    return;
  double places = rate < 10 ? 100 : 10;
  lua_pushnumber(L, rate < 1e12 ? (double)(int64_t)(rate * places + 0.5) / places : rate);
  lua_setfield(L, -2, "rate");
  if (view->is_exact && !view->is_over)
    set_seconds(L, "left", (double)(view->running + view->waiting) / rate);
}

/* Adds a count to the text of how tasks have ended. */
static void add_end(char text[100], uint64_t count, const char *how) {
  size_t length = strlen(text);
  if (count > 0)
    snprintf(text + length, 100 - length, "%s%" PRIu64 " %s", length ? ", " : "", count, how);
}

/* Sets how its tasks have ended, in words. */
static void set_outcome(lua_State *L, const tp_view *view) {
  char text[100] = "";
  add_end(text, view->ok, "ok");
  add_end(text, view->ends.failed, "failed");
  add_end(text, view->ends.cancelled, "cancelled");
  add_end(text, view->ends.timed_out, "timed out");
  if (text[0])
    set_text(L, "outcome", text);
}

/* Replaces the name on top by the table of a group. */
static void push_row(lua_State *L, const tp_view *view) {
  lua_newtable(L);
  lua_insert(L, -2);
  lua_setfield(L, -2, "group");
  set_count(L, "running", view->running);
  if (view->is_exact)
    set_count(L, "waiting", view->waiting);
  set_count(L, "ended", view->ended);
  set_count(L, "ok", view->ok);
  set_count(L, "failed", view->ends.failed);
  set_count(L, "cancelled", view->ends.cancelled);
  set_count(L, "timed_out", view->ends.timed_out);
  set_limit(L, "limit", view->limit);
  set_weight(L, view->weight);
  set_text(L, "why", view->why);
}

/* Adds to the table on top what people want to know of a group. */
static void set_summary(lua_State *L, const tp_view *view) {
  set_progress(L, view);
  set_outcome(L, view);
  set_speed(L, view);
}

/* A walk over groups that returns tables. */
typedef struct group_rows {
  tp_rows rows;
  tp_view_groups groups;
} group_rows;

static tp_rows_step next_group(tp_rows *rows, lua_State *L) {
  group_rows *of = (group_rows *)rows;
  const tp_group *group;
  tp_view_step step = tp_view_next_group(&of->groups, &group);
  if (step == TP_VIEW_PASSED)
    return TP_ROWS_NONE;
  if (step == TP_VIEW_FOUND) {
    tp_view view = tp_view_group(group);
    lua_pushstring(L, group->name);
    push_row(L, &view);
    set_summary(L, &view);
    return TP_ROWS_FOUND;
  }
  if (step != TP_VIEW_CALLS)
    return TP_ROWS_END;
  lua_pushliteral(L, "(submitted calls)");
  push_row(L, &of->groups.calls);
  return TP_ROWS_FOUND;
}

static void close_groups(tp_rows *rows) {
  tp_view_close_groups(&((group_rows *)rows)->groups);
}

int l_pool_groups(lua_State *L) {
  tp_pool *pool = tp_handle_check(L, TP_SLOT_POOL);
  const tp_rows rows = {.next = next_group,
                        .close = close_groups,
                        .left = tp_arguments_to_limit(L, TP_SLOT_GROUPS_LIMIT)};
  group_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_view_open_groups(&of->groups, pool, lua_toboolean(L, TP_SLOT_GROUPS_ALL));
  return 1;
}
