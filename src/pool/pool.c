/* SPDX-License-Identifier: MIT
 *
 * The methods of a pool on top of its flow: groups by name, lock and limit, flush and close; see
 * pool.h. */
#include "pool/pool.h"
#include "base/fail.h"
#include "pool/flow.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tp_pool_order_name(tp_order order) {
  static const char *const names[] = {"fifo", "lifo", "priority"};
  return names[order];
}

bool tp_pool_is_called(const tp_pool *pool, const char *name) {
  const char *dash = strchr(pool->label, '-');
  return strcmp(pool->label, name) == 0 || (dash && strcmp(dash + 1, name) == 0);
}

/* ---- lifetime ---- */

tp_pool *tp_pool_make(const tp_pool_ops *ops, void *owner, int kind, const char *label,
                      uint64_t size) {
  tp_pool *pool = calloc(1, sizeof *pool);
  char *copy = strdup(label);
  if (!pool || !copy) {
    free(pool);
    free(copy);
    return NULL;
  }
  pool->ops = ops;
  pool->owner = owner;
  pool->kind = kind;
  pool->label = copy;
  pool->wake_at = TP_NEVER;
  pool->size = size;
  pool->queue_limit = TP_UNLIMITED;
  tp_records_open(&pool->records, TP_RECORDS_MAX);
  TAILQ_INIT(&pool->running_tasks);
  TAILQ_INIT(&pool->finishing_tasks);
  TAILQ_INIT(&pool->groups);
  TAILQ_INIT(&pool->cancelling);
  TAILQ_INIT(&pool->blocked);
  TAILQ_INIT(&pool->feeding);
  LIST_INIT(&pool->walks);
  pool->listened = ~0U;
  tp_pool_tell(pool, TP_EVENT_INITIALIZED, NULL);
  return pool;
}

static void drop_groups(tp_pool *pool) {
  while (!TAILQ_EMPTY(&pool->groups))
    tp_flow_drop_group(pool, TAILQ_FIRST(&pool->groups));
}

void tp_pool_destroy(tp_pool *pool) {
  drop_groups(pool);
  tp_walk_close_all(pool);
  tp_records_clear(&pool->records);
  tp_idmap_clear(&pool->tasks);
  tp_idmap_clear(&pool->numbers);
  tp_idset_clear(&pool->call_ids);
  tp_queue_clear(&pool->queue);
  tp_queue_clear(&pool->throttled);
  free(pool->free_prefix);
  free(pool->label);
  free(pool);
}

/* ---- groups ---- */

static tp_group *named(const tp_pool *pool, const char *name) {
  tp_group *group;
  HASH_FIND_STR(pool->names, name, group);
  return group;
}

/* Writes the first free "<prefix>-<i>" to `name`. Remembers where the search ended, because most
 * calls ask for the same prefix again. */
static bool free_name(tp_pool *pool, const char *prefix, char *name, size_t size) {
  if (!pool->free_prefix || strcmp(pool->free_prefix, prefix) != 0) {
    char *copy = strdup(prefix);
    if (!copy)
      return false;
    free(pool->free_prefix);
    pool->free_prefix = copy;
    pool->free_index = 0;
  }
  do
    snprintf(name, size, "%s-%" PRIu64, prefix, pool->free_index++);
  while (named(pool, name));
  return true;
}

/* Whether a paused pool, or a full queue, takes the group. */
static bool check_place(const tp_pool *pool, const tp_group_options *options, tp_error *error) {
  if (options->waits)
    return true;
  if (pool->paused)
    return tp_fail(error, TP_NOT_AVAILABLE, "%s is paused; resume it to add tasks", pool->label);
  if (options->submitted && !tp_flow_has_place(pool))
    return tp_fail(error, TP_NOT_AVAILABLE,
                   "the queue of %s is full (%" PRIu64 " calls wait); submit waits for a place",
                   pool->label, pool->queued_calls);
  return true;
}

bool tp_pool_check_group(const tp_pool *pool, const tp_group_options *options, tp_error *error) {
  const char *name = options->name;
  if (pool->closed)
    return tp_fail(error, TP_POOL_IS_CLOSED, "%s is closed; make a new pool", pool->label);
  if (pool->locked)
    return tp_fail(error, TP_POOL_IS_LOCKED, "%s is locked; unlock it to add tasks", pool->label);
  if (name && !*name)
    return tp_fail(error, TP_INVALID_ARGUMENT, "a group name must not be empty");
  if (name && named(pool, name))
    return tp_fail(error, TP_TASK_GROUP_ALREADY_EXISTS,
                   "%s has a group '%s' already; choose another name", pool->label, name);
  return check_place(pool, options, error);
}

/* Links a group's name, if it has one. False: no memory. */
static bool add_name(tp_pool *pool, tp_group *group) {
  if (!group->name)
    return true;
  HASH_ADD_KEYPTR(hh, pool->names, group->name, strlen(group->name), group);
  return group->hh.tbl != NULL;
}

/* Links a new group into the pool. */
static tp_group *insert_group(tp_pool *pool, const char *name, const tp_group_options *options,
                              void *call) {
  if (!tp_queue_reserve(&pool->queue, pool->group_count + 1) || !tp_idmap_reserve(&pool->numbers))
    return NULL;
  if (options->rate.interval && !tp_queue_reserve(&pool->throttled, pool->group_count + 1))
    return NULL;
  tp_group *group = tp_group_create(pool, name, options, call);
  if (!group)
    return NULL;
  if (!add_name(pool, group)) {
    tp_group_destroy(group);
    return NULL;
  }
  TAILQ_INSERT_TAIL(&pool->groups, group, pool_link);
  pool->group_count++;
  pool->paced |= options->rate.interval > 0;
  tp_flow_begin_feeding(pool, group);
  group->number = pool->next_number++;
  tp_idmap_add(&pool->numbers, &group->node);
  if (pool->unfinished++ == 0)
    tp_pool_tell(pool, TP_EVENT_BUSY, NULL);
  return group;
}

tp_group *tp_pool_add_group(tp_pool *pool, const tp_group_options *options, void *call,
                            tp_error *error) {
  char free[256];
  const char *name = options->name;
  if (!tp_pool_check_group(pool, options, error))
    return NULL;
  bool needs_name = !name && options->prefix;
  tp_group *group = NULL;
  if (!needs_name || free_name(pool, options->prefix, free, sizeof free))
    group = insert_group(pool, needs_name ? free : name, options, call);
  if (!group) {
    tp_fail(error, TP_NO_MEMORY, "no memory for a group");
    return NULL;
  }
  if (options->submitted)
    tp_flow_enter_queue(pool, group);
  else
    tp_flow_offer(pool, group);
  tp_pool_tell(pool, TP_EVENT_CHANGED, NULL);
  return group;
}

bool tp_pool_keep_group(tp_pool *pool, tp_group *group, const char *prefix) {
  char name[256];
  if (!group->name) {
    char *copy = free_name(pool, prefix, name, sizeof name) ? strdup(name) : NULL;
    if (!copy)
      return false;
    group->name = copy;
    if (!add_name(pool, group)) {
      group->name = NULL;
      free(copy);
      return false;
    }
  }
  group->kept = group->known_by_name = true;
  return true;
}

tp_group *tp_pool_find_group(const tp_pool *pool, const char *name, tp_error *error) {
  tp_group *group = named(pool, name);
  if (!group)
    tp_fail(error, TP_TASK_GROUP_NOT_FOUND, "%s has no group '%s'", pool->label, name);
  return group;
}

tp_group *tp_pool_find_number(const tp_pool *pool, uint64_t number) {
  return (tp_group *)tp_idmap_find(&pool->numbers, number);
}

/* ---- tasks ---- */

bool tp_pool_remembers(const tp_pool *pool, uint64_t id, tp_group **group, tp_error *error) {
  TAILQ_FOREACH (*group, &pool->groups, pool_link)
    if (tp_idset_has(&(*group)->ids, id))
      return true;
  return tp_idset_has(&pool->call_ids, id) ||
         tp_fail(error, TP_TASK_NOT_FOUND, "%s has no task with id %" PRIu64, pool->label, id);
}

tp_task *tp_pool_find_running(const tp_pool *pool, uint64_t id, tp_error *error) {
  tp_task *task = tp_task_find(&pool->tasks, id);
  tp_group *group;
  if (task && task->state == TP_TASK_RUNNING)
    return task;
  if (task && task->state == TP_TASK_CANCELLED)
    tp_fail(error, TP_ALREADY_CANCELLED, "%s_Task-%" PRIu64 " was cancelled already", pool->label,
            id);
  else if (task || tp_pool_remembers(pool, id, &group, error))
    tp_fail(error, TP_ALREADY_ENDED, "%s_Task-%" PRIu64 " has ended already", pool->label, id);
  return NULL;
}

bool tp_pool_has_ended(const tp_pool *pool, uint64_t id) {
  const tp_task *task = tp_task_find(&pool->tasks, id);
  return !task || task->state >= TP_TASK_ENDED;
}

uint64_t tp_pool_waiting(const tp_pool *pool) {
  uint64_t waiting = pool->calls_to_come;
  const tp_group *group;
  TAILQ_FOREACH (group, &pool->feeding, feeding_link)
    waiting += pool->ops->waiting(group);
  return waiting;
}

uint64_t tp_pool_ok(const tp_pool *pool) {
  const tp_ends *ends = &pool->ends;
  uint64_t ended = pool->next_id - pool->running - pool->cancelled;
  return ended - ends->failed - ends->cancelled - ends->timed_out;
}

void tp_pool_see_group(tp_group *group) {
  group->unseen = 0;
}

void tp_pool_see_task(tp_group *group, tp_record *record) {
  if (record->is_unseen && group && group->unseen > 0)
    group->unseen--;
  record->is_unseen = false;
}

/* ---- lock and limit ---- */

void tp_pool_set_locked(tp_pool *pool, bool locked) {
  if (pool->locked == locked || pool->closed)
    return;
  pool->locked = locked;
  tp_pool_tell(pool, locked ? TP_EVENT_LOCKED : TP_EVENT_UNLOCKED, NULL);
}

void tp_pool_set_paused(tp_pool *pool, bool paused) {
  pool->paused = paused;
  tp_flow_admit(pool);
  tp_pool_tell(pool, TP_EVENT_CHANGED, NULL);
}

void tp_pool_set_rate(tp_pool *pool, const tp_rate *rate) {
  pool->rate = *rate;
  pool->paced |= rate->interval > 0;
  tp_flow_wake(pool);
}

void tp_pool_resize(tp_pool *pool, uint64_t size) {
  pool->size = size;
  tp_flow_admit(pool);
  tp_flow_wake(pool);
  tp_pool_tell(pool, TP_EVENT_CHANGED, NULL);
}

/* ---- flush and close ---- */

bool tp_pool_is_flushable(const tp_pool *pool, uint64_t ticket) {
  const tp_task *first = TAILQ_FIRST(&pool->finishing_tasks);
  return !first || first->ticket >= ticket;
}

void tp_pool_close(tp_pool *pool) {
  pool->locked = true;
  pool->closed = true;
  pool->ended = 0;
  tp_records_clear(&pool->records);
  drop_groups(pool);
  tp_idset_clear(&pool->call_ids);
  tp_pool_tell(pool, TP_EVENT_CLOSED, NULL);
}
