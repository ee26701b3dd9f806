/* SPDX-License-Identifier: MIT
 *
 * What people see of a pool's groups and tasks; see view.h. */
#include "pool/view.h"
#include "pool/flow.h"

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
  if (group->occupying >= group->limit || tp_pool_is_full(group->pool))
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
  bool feeds = group->feed == TP_FEED_READY || group->feed == TP_FEED_WAITING;
  return feeds ? group->pool->ops->waiting(group) : 0;
}

tp_view tp_view_group(const tp_group *group) {
  tp_view view = {.running = group->occupying,
                  .waiting = waiting_of(group),
                  .ended = group->started - group->occupying,
                  .ok = tp_group_ok(group),
                  .ends = group->ends,
                  .limit = group->limit,
                  .weight = group->weight,
                  .is_exact = is_exact(group)};
  set_why(group, &view);
  return view;
}

bool tp_view_calls(const tp_pool *pool, tp_view *view) {
  const tp_group *group, *shown = NULL;
  *view = (tp_view){.is_exact = true, .limit = TP_UNLIMITED, .weight = TP_WEIGHT_DEFAULT};
  TAILQ_FOREACH (group, &pool->groups, pool_link) {
    if (group->name)
      continue;
    view->running += group->occupying;
    view->waiting += waiting_of(group);
    if (!shown || (shown->occupying && !group->occupying)) /* one that waits says more */
      shown = group;
  }
  if (shown)
    set_why(shown, view);
  return shown;
}

const tp_group *tp_view_next(const tp_pool *pool, tp_view_walk *walk, bool also_ended) {
  uint64_t freed = pool->next_number - pool->group_count;
  bool is_there = walk->last && freed == walk->freed;
  const tp_group *group = is_there ? walk->last : TAILQ_FIRST(&pool->groups);
  while (group &&
         (group->number < walk->number || !group->name || (group->finished && !also_ended)))
    group = TAILQ_NEXT(group, pool_link);
  if (group)
    *walk = (tp_view_walk){.last = group, .number = group->number + 1, .freed = freed};
  return group;
}

/* ---- tasks ---- */

static uint64_t find(const tp_task_list *list, const tp_view_filter *filter, tp_task **found,
                     uint64_t most) {
  uint64_t count = 0;
  tp_task *task;
  TAILQ_FOREACH (task, list, pool_link) {
    if (count == most)
      break;
    if ((!filter->group || task->group == filter->group) &&
        (filter->state == TP_TASK_NEW || task->state == filter->state))
      found[count++] = task;
  }
  return count;
}

uint64_t tp_view_tasks(const tp_pool *pool, const tp_view_filter *filter, tp_task **found,
                       uint64_t most) {
  uint64_t running = find(&pool->running_tasks, filter, found, most);
  return running + find(&pool->finishing_tasks, filter, found + running, most - running);
}

uint64_t tp_view_newest(const tp_pool *pool, uint64_t most,
                        void (*visit)(void *context, uint64_t index, uint64_t id), void *context) {
  uint64_t count = 0;
  const tp_task *task = TAILQ_LAST(&pool->running_tasks, tp_task_list);
  for (; task && count < most; task = TAILQ_PREV(task, tp_task_list, pool_link))
    visit(context, count++, task->id);
  return count;
}
