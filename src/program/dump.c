/* SPDX-License-Identifier: MIT
 *
 * What a host does now, in its log; see dump.h.
 *
 * The state is taken down as a whole, so that it is that of one moment. Meanwhile no finalizer
 * runs: it could free what is being looked at. The lines are written later, because a handler of
 * the log may do anything, and slowly, because a pipe holds only some hundred of them. */
#include "program/dump.h"
#include "exec/report.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* How many lines there may be, and of one pool how many groups and tasks. */
enum { LINES_MAX = 2000, GROUPS_MAX = 50, TASKS_MAX = 200 };

/* How many groups of a pool are looked at for that. */
enum { STEPS_MAX = 100000 };

/* How many lines are written at a time, and how many milliseconds later the next ones. */
enum { SLICE = 50, PAUSE_MS = 10 };

struct tp_dump_line {
  STAILQ_ENTRY(tp_dump_line) link; /* in the list */
  char pool[128];                  /* what it is about; "": no pool, … */
  char group[128];                 /* … "": no group, … */
  long long task;                  /* … -1: no task */
  char text[];                     /* the message */
};

/* ---- taking down ---- */

/* Adds the text on top of the stack, which it pops, as a line. */
static void add(tp_dump *dump, lua_State *L, const tp_log_record *about) {
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  tp_dump_line *line = malloc(sizeof *line + length + 1);
  if (line) {
    snprintf(line->pool, sizeof line->pool, "%s", about->pool ? about->pool : "");
    snprintf(line->group, sizeof line->group, "%s", about->group ? about->group : "");
    line->task = about->task;
    memcpy(line->text, text, length + 1);
    STAILQ_INSERT_TAIL(&dump->lines, line, link);
    dump->count++;
  }
  lua_pop(L, 1);
}

/* Pushes how many there are of each kind. */
static void push_counts(lua_State *L, uint64_t running, uint64_t waiting, uint64_t ended,
                        const tp_ends *ends) {
  char text[256];
  snprintf(text, sizeof text,
           "%" PRIu64 " running, %" PRIu64 " waiting, %" PRIu64 " ended (%" PRIu64
           " failed, %" PRIu64 " cancelled, %" PRIu64 " timed out)",
           running, waiting, ended, ends->failed, ends->cancelled, ends->timed_out);
  lua_pushstring(L, text);
}

static void add_pool(tp_dump *dump, lua_State *L, const tp_pool *pool) {
  tp_log_record about = tp_log_about(pool, NULL, NULL);
  uint64_t running = pool->running + pool->cancelled;
  push_counts(L, running, tp_pool_waiting(pool), pool->next_id - running, &pool->ends);
  if (pool->size == TP_UNLIMITED)
    lua_pushfstring(L, "%s: any size, %s%s", pool->label, lua_tostring(L, -1),
                    pool->locked ? ", locked" : "");
  else
    lua_pushfstring(L, "%s: size %I, %s%s", pool->label, (LUAI_UACINT)pool->size,
                    lua_tostring(L, -1), pool->locked ? ", locked" : "");
  add(dump, L, &about);
  lua_pop(L, 1);
}

static void add_group(tp_dump *dump, lua_State *L, const tp_pool *pool, const char *name,
                      const tp_view *view) {
  tp_log_record about = tp_log_about(pool, NULL, NULL);
  about.group = name;
  push_counts(L, view->running, view->waiting, view->ended, &view->ends);
  lua_pushfstring(L, "%s, group '%s': %s; %s", pool->label, name ? name : "submit",
                  lua_tostring(L, -1), view->why);
  add(dump, L, &about);
  lua_pop(L, 1);
}

static void add_groups(tp_dump *dump, lua_State *L, tp_pool *pool) {
  const tp_group *group;
  tp_view_open_groups(&dump->groups, pool, false);
  for (int count = 0, steps = 0; count < GROUPS_MAX && steps < STEPS_MAX; steps++) {
    tp_view_step step = tp_view_next_group(&dump->groups, &group);
    if (step == TP_VIEW_CALLS) {
      add_group(dump, L, pool, NULL, &dump->groups.calls);
    } else if (step == TP_VIEW_FOUND) {
      tp_view view = tp_view_group(group);
      add_group(dump, L, pool, group->name, &view);
      count++;
    } else if (step != TP_VIEW_PASSED) {
      break;
    }
  }
  tp_view_close_groups(&dump->groups);
}

static void add_task(tp_dump *dump, lua_State *L, tp_task *task) {
  tp_log_record about = tp_log_about(NULL, NULL, task);
  tp_report_push_stack(L, task);
  lua_pushfstring(L, "%s_Task-%I is %s: %s", about.pool, (LUAI_UACINT)task->id,
                  tp_task_state_name(task->state), lua_tostring(L, -1));
  add(dump, L, &about);
  lua_pop(L, 1);
}

static void add_tasks(tp_dump *dump, lua_State *L, tp_pool *pool) {
  uint64_t count = 0;
  tp_task *task;
  tp_view_step step = TP_VIEW_PASSED;
  tp_view_open_tasks(&dump->tasks, pool, &(tp_view_filter){0});
  while (count < TASKS_MAX && (step == TP_VIEW_PASSED || step == TP_VIEW_FOUND)) {
    step = tp_view_next_task(&dump->tasks, &task);
    if (step == TP_VIEW_FOUND) {
      add_task(dump, L, task);
      count++;
    }
  }
  tp_view_close_tasks(&dump->tasks);
  if (pool->tasks.count <= count)
    return;
  tp_log_record about = tp_log_about(pool, NULL, NULL);
  lua_pushfstring(L, "%s: further tasks: %I", pool->label,
                  (LUAI_UACINT)(pool->tasks.count - count));
  add(dump, L, &about);
}

/* Lua: takes down all pools. Stack: the dump. */
static int l_take_down(lua_State *L) {
  tp_dump *dump = lua_touserdata(L, 1);
  tp_pool *pool;
  uint64_t pools = 0, left = 0;
  TAILQ_FOREACH (pool, &dump->host->pools, host_link)
    pools++;
  tp_log_record about = tp_log_about(NULL, NULL, NULL);
  lua_pushfstring(L, "the pools of the host: %I", (LUAI_UACINT)pools);
  add(dump, L, &about);
  TAILQ_FOREACH (pool, &dump->host->pools, host_link) {
    if (dump->count >= LINES_MAX) {
      left++;
      continue;
    }
    add_pool(dump, L, pool);
    add_groups(dump, L, pool);
    add_tasks(dump, L, pool);
  }
  if (left == 0)
    return 0;
  lua_pushfstring(L, "further pools: %I", (LUAI_UACINT)left);
  add(dump, L, &about);
  return 0;
}

/* ---- writing ---- */

static void write_next(tp_dump *dump) {
  tp_log log = dump->host->log;
  log.level = TP_LOG_DEBUG;
  tp_dump_line *line = STAILQ_FIRST(&dump->lines);
  STAILQ_REMOVE_HEAD(&dump->lines, link);
  tp_log_record about = {.pool = *line->pool ? line->pool : NULL,
                         .group = *line->group ? line->group : NULL,
                         .task = line->task};
  tp_log_write_about(&log, TP_LOG_INFO, &about, "%s", line->text);
  free(line);
}

static void on_pause_over(uv_timer_t *timer) {
  tp_dump *dump = timer->data;
  for (int i = 0; i < SLICE && !STAILQ_EMPTY(&dump->lines); i++)
    write_next(dump);
  if (STAILQ_EMPTY(&dump->lines))
    uv_timer_stop(timer);
}

void tp_dump_open(tp_dump *dump, tp_host *host) {
  dump->host = host;
  STAILQ_INIT(&dump->lines);
  uv_timer_init(host->loop, &dump->timer);
  uv_unref((uv_handle_t *)&dump->timer);
  dump->timer.data = dump;
}

void tp_dump_start(tp_dump *dump) {
  lua_State *L = dump->host->L;
  if (!STAILQ_EMPTY(&dump->lines) || !lua_checkstack(L, LUA_MINSTACK))
    return;
  dump->count = 0;
  bool was_on = lua_gc(L, LUA_GCISRUNNING);
  lua_gc(L, LUA_GCSTOP);
  lua_pushcfunction(L, l_take_down);
  lua_pushlightuserdata(L, dump);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) { /* no memory: what there is, is written */
    lua_pop(L, 1);
    tp_view_close_groups(&dump->groups);
    tp_view_close_tasks(&dump->tasks);
  }
  if (was_on)
    lua_gc(L, LUA_GCRESTART);
  uv_timer_start(&dump->timer, on_pause_over, 0, PAUSE_MS);
}

void tp_dump_close(tp_dump *dump) {
  while (!STAILQ_EMPTY(&dump->lines))
    write_next(dump);
  uv_close((uv_handle_t *)&dump->timer, NULL);
}
