/* SPDX-License-Identifier: MIT
 *
 * What people see of a pool's groups and tasks; see view.h. */
#include "pool/view.h"
#include "base/seconds.h"
#include "pool/flow.h"
#include "pool/pool.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- groups ---- */

/* How far a group is, if no limit holds it back; else NULL. */
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
  if (group->occupying >= group->limit || tp_pool_is_at_limit(group->pool))
    return NULL;
  if (group->throttled)
    return "its rate";
  return tp_flow_is_throttled(group->pool) ? "the pool's rate" : "starting";
}

static void set_why(const tp_group *group, tp_view *view) {
  const tp_pool *pool = group->pool;
  const char *text = progress(group);
  if (text)
    snprintf(view->why, sizeof view->why, "%s", text);
  else if (group->occupying >= group->limit)
    snprintf(view->why, sizeof view->why, "limit %" PRIu64 "/%" PRIu64, group->occupying,
             group->limit);
  else
    snprintf(view->why, sizeof view->why, "pool full %" PRIu64 "/%" PRIu64,
             pool->running + pool->cancelled, pool->size);
}

static bool is_exact(const tp_group *group) {
  return group->feed == TP_FEED_DONE || !group->call ||
         group->pool->ops->demand(group) != TP_UNLIMITED;
}

static uint64_t waiting_of(const tp_group *group) {
  return tp_group_is_feeding(group) ? group->pool->ops->waiting(group) : 0;
}

static double seconds_of(const tp_group *group) {
  if (group->started == 0)
    return 0;
  uint64_t now = group->ended ? group->ended : group->pool->ops->now(group->pool);
  return now > group->began ? tp_seconds_of(now - group->began) : 0;
}

tp_view tp_view_group(const tp_group *group) {
  tp_view view = {.running = group->occupying,
                  .waiting = waiting_of(group),
                  .ended = group->started - group->occupying,
                  .ok = tp_group_ok(group),
                  .ends = group->ends,
                  .limit = group->limit,
                  .weight = group->weight,
                  .seconds = seconds_of(group),
                  .is_over = group->finished,
                  .is_exact = is_exact(group)};
  set_why(group, &view);
  return view;
}

void tp_view_open_groups(tp_view_groups *of, tp_pool *pool, bool also_ended) {
  *of = (tp_view_groups){
      .until = pool->next_number,
      .also_ended = also_ended,
      .calls = {.is_exact = true, .limit = TP_UNLIMITED, .weight = TP_WEIGHT_DEFAULT}};
  tp_walk_open(&of->walk, pool);
}

void tp_view_close_groups(tp_view_groups *of) {
  tp_walk_close(&of->walk);
}

/* Counts a submitted call that has no name. */
static void add_call(tp_view_groups *of, const tp_group *group) {
  of->calls.running += group->occupying;
  of->calls.waiting += waiting_of(group);
  if (!of->has_calls || (of->calls_run && !group->occupying)) {
    of->calls_run = group->occupying > 0;
    set_why(group, &of->calls);
  }
  of->has_calls = true;
}

tp_view_step tp_view_next_group(tp_view_groups *of, const tp_group **found) {
  const tp_group *group = of->walk.group;
  if (!of->walk.pool || !group || group->number >= of->until) {
    tp_walk_close(&of->walk);
    bool has_calls = of->has_calls;
    of->has_calls = false;
    return has_calls ? TP_VIEW_CALLS : TP_VIEW_END;
  }
  of->walk.group = TAILQ_NEXT(group, pool_link);
  if (!group->name) {
    add_call(of, group);
    return TP_VIEW_PASSED;
  }
  *found = group;
  return group->finished && !of->also_ended ? TP_VIEW_PASSED : TP_VIEW_FOUND;
}

/* ---- tasks ---- */

/* Goes on with the tasks that are not running, and have stopped to be so by now. */
static void begin_finishing(tp_view_tasks *of) {
  of->finishing = true;
  of->until = of->walk.pool->next_ticket;
  of->walk.task = TAILQ_FIRST(&of->walk.pool->finishing_tasks);
}

void tp_view_open_tasks(tp_view_tasks *of, tp_pool *pool, const tp_view_filter *filter) {
  *of = (tp_view_tasks){.has_group = filter->group,
                        .group = filter->group ? filter->group->number : 0,
                        .state = filter->state,
                        .until = pool->next_id};
  tp_walk_open(&of->walk, pool);
  if (of->state > TP_TASK_RUNNING)
    begin_finishing(of);
}

void tp_view_close_tasks(tp_view_tasks *of) {
  tp_walk_close(&of->walk);
  tp_idset_clear(&of->found);
}

static bool is_asked_for(const tp_view_tasks *of, const tp_task *task) {
  return (!of->has_group || task->group->number == of->group) &&
         (of->state == TP_TASK_NEW || task->state == of->state);
}

tp_view_step tp_view_next_task(tp_view_tasks *of, tp_task **found) {
  tp_task *task = of->walk.task;
  if (!of->walk.pool)
    return TP_VIEW_END;
  if (!task || (of->finishing ? task->ticket : task->id) >= of->until) {
    if (of->finishing || of->state == TP_TASK_RUNNING)
      return TP_VIEW_END;
    begin_finishing(of);
    return TP_VIEW_PASSED;
  }
  if (!tp_idset_reserve(&of->found))
    return TP_VIEW_NO_MEMORY;
  of->walk.task = TAILQ_NEXT(task, pool_link);
  if (!is_asked_for(of, task) || (of->finishing && tp_idset_has(&of->found, task->id)))
    return TP_VIEW_PASSED;
  if (!of->finishing)
    tp_idset_add(&of->found, task->id);
  *found = task;
  return TP_VIEW_FOUND;
}

/* Whether a task that has a record is still live for those who look: its cancel callback runs. */
static bool is_ending(const tp_pool *pool, uint64_t id) {
  const tp_task *task = tp_task_find(&pool->tasks, id);
  return task && task->state < TP_TASK_ENDED;
}

tp_view_step tp_view_next_ended(tp_view_ended *of, const tp_record **found) {
  const tp_group *group = of->has_group ? tp_pool_find_number(of->pool, of->group) : NULL;
  if (of->has_group && !group)
    return TP_VIEW_END;
  const tp_record *record = tp_records_next(&of->pool->records, group, &of->place);
  if (!record)
    return TP_VIEW_END;
  if (record->end != of->end || is_ending(of->pool, record->task))
    return TP_VIEW_PASSED;
  *found = record;
  return TP_VIEW_FOUND;
}

tp_task *tp_view_newest(const tp_pool *pool) {
  return TAILQ_LAST(&pool->running_tasks, tp_task_list);
}
