/* SPDX-License-Identifier: MIT
 *
 * How tasks move through a pool: a group with room is offered to the queue, the turn feeds from the
 * queue, a task enters one state after the other, a cancel pulls it out. Counts and lists change
 * here and nowhere else. */
#include "pool/flow.h"

void tp_flow_wake(tp_pool *pool) {
  if (pool->woken || pool->queue.count == 0 || tp_pool_is_at_limit(pool))
    return;
  pool->woken = true;
  pool->ops->wake(pool);
}

static bool wants_task(const tp_group *group) {
  return group->feed == TP_FEED_READY && group->occupying < group->limit &&
         group->admission != TP_CALL_BLOCKED;
}

/* Gives a group its turn in the queue, as the pool's order says. */
static void draw_turn(tp_pool *pool, tp_group *group) {
  group->place.weight = pool->order == TP_ORDER_PRIORITY ? group->weight : 0;
  group->place.turn = pool->order == TP_ORDER_LIFO ? UINT64_MAX - group->number : pool->next_turn++;
}

void tp_flow_offer(tp_pool *pool, tp_group *group) {
  if (group->place.index || group->feeding || !wants_task(group))
    return;
  draw_turn(pool, group);
  tp_queue_add(&pool->queue, group);
  tp_flow_wake(pool);
}

void tp_flow_weigh_group(tp_pool *pool, tp_group *group, double weight) {
  group->weight = weight;
  if (pool->order != TP_ORDER_PRIORITY || !group->place.index || group->throttled)
    return;
  group->place.weight = weight;
  tp_queue_reorder(&pool->queue, group);
}

/* ---- what is to come ---- */

void tp_flow_begin_feeding(tp_pool *pool, tp_group *group) {
  if (group->submitted)
    pool->calls_to_come++;
  else
    TAILQ_INSERT_TAIL(&pool->feeding, group, feeding_link);
}

static void end_feeding(tp_pool *pool, tp_group *group) {
  if (group->submitted)
    pool->calls_to_come--;
  else
    TAILQ_REMOVE(&pool->feeding, group, feeding_link);
}

/* The only place where the state of a feed changes. */
static void set_feed(tp_pool *pool, tp_group *group, tp_feed_state feed) {
  bool was_feeding = tp_group_is_feeding(group);
  group->feed = feed;
  if (was_feeding && !tp_group_is_feeding(group))
    end_feeding(pool, group);
}

/* ---- rates ---- */

static bool has_token(const tp_pool *pool, const tp_rate *rate) {
  return !rate->interval || tp_rate_due(rate) <= pool->ops->now(pool);
}

bool tp_flow_is_throttled(const tp_pool *pool) {
  return pool->paced && !tp_pool_is_at_limit(pool) && pool->queue.count > 0 &&
         !has_token(pool, &pool->rate);
}

/* A task has started. */
static void take_tokens(tp_pool *pool, tp_group *group) {
  uint64_t now = pool->ops->now(pool);
  if (pool->rate.interval)
    tp_rate_take(&pool->rate, now);
  if (group->rate.interval)
    tp_rate_take(&group->rate, now);
}

/* Whether a token of the pool would let a task start, or a call into the queue. */
static bool wants_token(const tp_pool *pool) {
  bool is_asked = !pool->paused && !TAILQ_EMPTY(&pool->blocked);
  return !tp_pool_is_at_limit(pool) && (pool->queue.count > 0 || is_asked);
}

/* Asks to be woken when the first token comes that something waits for. A pool that is to be fed
 * does so after that. */
static void set_alarm(tp_pool *pool) {
  if (!pool->paced || pool->woken)
    return;
  uint64_t when = pool->throttled.count ? pool->throttled.groups[0]->place.turn : TP_NEVER;
  if (wants_token(pool) && tp_rate_due(&pool->rate) < when)
    when = tp_rate_due(&pool->rate);
  if (when == pool->wake_at)
    return;
  pool->wake_at = when;
  pool->ops->wake_at(pool, when);
}

/* Takes a group out of the queue, or out of the throttled ones. */
static void dequeue(tp_pool *pool, tp_group *group) {
  tp_queue_remove(group->throttled ? &pool->throttled : &pool->queue, group);
  group->throttled = false;
}

void tp_flow_limit_group(tp_pool *pool, tp_group *group, uint64_t limit) {
  group->limit = limit;
  if (group->place.index && !wants_task(group))
    dequeue(pool, group);
  tp_flow_offer(pool, group);
  set_alarm(pool);
  tp_pool_tell(pool, TP_EVENT_CHANGED, NULL);
}

/* Moves a group from the queue to the throttled ones. */
static void throttle(tp_pool *pool, tp_group *group) {
  tp_queue_remove(&pool->queue, group);
  group->throttled = true;
  group->place.weight = 0;
  group->place.turn = tp_rate_due(&group->rate);
  tp_queue_add(&pool->throttled, group);
}

void tp_flow_go_on(tp_pool *pool) {
  pool->wake_at = TP_NEVER;
  while (pool->throttled.count > 0) {
    tp_group *group = pool->throttled.groups[0];
    if (!has_token(pool, &group->rate))
      break;
    dequeue(pool, group);
    tp_flow_offer(pool, group);
  }
  tp_flow_admit(pool);
  tp_flow_wake(pool);
  set_alarm(pool);
}

/* ---- submitted calls ---- */

/* How many tasks could start now. */
static uint64_t room(const tp_pool *pool) {
  uint64_t occupied = pool->running + pool->cancelled;
  uint64_t places = pool->size > occupied ? pool->size - occupied : 0;
  if (!pool->rate.interval)
    return places;
  uint64_t tokens = tp_rate_ready(&pool->rate, pool->ops->now(pool));
  return tokens < places ? tokens : places;
}

bool tp_flow_has_place(const tp_pool *pool) {
  uint64_t limit = pool->queue_limit;
  return pool->queued_calls < limit || pool->queued_calls - limit < room(pool);
}

void tp_flow_enter_queue(tp_pool *pool, tp_group *group) {
  group->admission = TP_CALL_BLOCKED;
  TAILQ_INSERT_TAIL(&pool->blocked, group, blocked_link);
  tp_flow_admit(pool);
}

void tp_flow_admit(tp_pool *pool) {
  tp_group *group;
  while ((group = TAILQ_FIRST(&pool->blocked)) && !pool->paused && tp_flow_has_place(pool)) {
    TAILQ_REMOVE(&pool->blocked, group, blocked_link);
    group->admission = TP_CALL_QUEUED;
    pool->queued_calls++;
    tp_flow_offer(pool, group);
  }
  if (group)
    set_alarm(pool);
}

static void leave_queue(tp_pool *pool, tp_group *group) {
  if (group->admission == TP_CALL_BLOCKED)
    TAILQ_REMOVE(&pool->blocked, group, blocked_link);
  else if (group->admission == TP_CALL_QUEUED)
    pool->queued_calls--;
  group->admission = TP_CALL_LEFT;
  tp_flow_admit(pool);
}

/* Its name is free again. */
static void forget_name(tp_pool *pool, tp_group *group) {
  group->forgotten = true;
  if (!group->name)
    return;
  HASH_DEL(pool->names, group);
  pool->free_index = 0;
}

void tp_flow_drop_group(tp_pool *pool, tp_group *group) {
  if (pool->visit == group)
    pool->visit = TAILQ_NEXT(group, pool_link);
  tp_walk_pass_group(pool, group);
  if (tp_group_is_feeding(group))
    end_feeding(pool, group);
  TAILQ_REMOVE(&pool->groups, group, pool_link);
  tp_idmap_remove(&pool->numbers, &group->node);
  tp_records_leave_group(group);
  pool->group_count--;
  if (!group->forgotten)
    forget_name(pool, group);
  tp_group_destroy(group);
}

/* Notices that a group has nothing running and nothing to come: the end of a submitted call. */
static void settle(tp_pool *pool, tp_group *group) {
  if (group->finished || group->feeding || group->feed != TP_FEED_DONE ||
      !TAILQ_EMPTY(&group->tasks))
    return;
  group->finished = true;
  if (group->name)
    group->ended = pool->ops->now(pool);
  pool->finished = group->number;
  if (group->admission != TP_CALL_LEFT)
    leave_queue(pool, group);
  pool->ops->release(group);
  if (group->submitted && !group->kept)
    tp_flow_drop_group(pool, group);
  tp_pool_tell(pool, TP_EVENT_FINISHED, NULL);
  if (--pool->unfinished == 0)
    tp_pool_tell(pool, TP_EVENT_IDLE, NULL);
}

/* ---- states ---- */

static void enter_running(tp_pool *pool, tp_task *task) {
  task->id = pool->next_id++;
  tp_group *group = task->group;
  tp_idset_add(&group->ids, task->id);
  if (group->submitted)
    tp_idset_add(&pool->call_ids, task->id);
  if (group->admission != TP_CALL_LEFT)
    leave_queue(pool, group);
  tp_idmap_add(&pool->tasks, &task->node);
  TAILQ_INSERT_TAIL(&pool->running_tasks, task, pool_link);
  TAILQ_INSERT_TAIL(&group->tasks, task, group_link);
  group->occupying++;
  task->number = group->started++;
  if (task->number == 0)
    group->began = task->started;
  pool->running++;
}

/* Takes a task out of the count of its state. */
static void leave(tp_pool *pool, const tp_task *task) {
  switch (task->state) {
  case TP_TASK_RUNNING:
    pool->running--;
    break;
  case TP_TASK_CANCELLED:
    pool->cancelled--;
    break;
  case TP_TASK_ENDED:
    pool->in_callbacks--;
    break;
  case TP_TASK_NEW:
  case TP_TASK_DONE:
    break;
  }
}

/* Moves a task from the running ones to those that have still something to do, where it stays until
 * it is done. */
static void enter_finishing(tp_pool *pool, tp_task *task) {
  if (task->state != TP_TASK_RUNNING)
    return;
  if (!LIST_EMPTY(&pool->walks))
    tp_walk_pass_task(pool, task);
  TAILQ_REMOVE(&pool->running_tasks, task, pool_link);
  TAILQ_INSERT_TAIL(&pool->finishing_tasks, task, pool_link);
  task->ticket = pool->next_ticket++;
}

static void count_end(tp_ends *ends, tp_task_end end) {
  ends->failed += end == TP_END_FAILED;
  ends->cancelled += end == TP_END_CANCELLED;
  ends->timed_out += end == TP_END_TIMED_OUT;
}

/* The function of a task is over: its place is free. */
static void end(tp_pool *pool, tp_task *task) {
  pool->ended++;
  if (task->end != TP_END_OK) {
    count_end(&pool->ends, task->end);
    count_end(&task->group->ends, task->end);
  }
  task->group->occupying--;
  tp_pool_tell(pool, TP_EVENT_ENDED, task);
  tp_flow_offer(pool, task->group);
  if (!TAILQ_EMPTY(&pool->blocked))
    tp_flow_admit(pool);
  tp_flow_wake(pool);
}

/* The cancel of a group has come to this task of it; NULL: it is over. */
static void set_next_cancel(tp_pool *pool, tp_group *group, tp_task *task) {
  group->next_cancel = task;
  if (task)
    return;
  TAILQ_REMOVE(&pool->cancelling, group, cancel_link);
  tp_cancel_release(group->reason);
  group->reason = NULL;
}

static void enter_done(tp_pool *pool, tp_task *task) {
  if (!LIST_EMPTY(&pool->walks))
    tp_walk_pass_task(pool, task);
  if (task->state == TP_TASK_RUNNING)
    TAILQ_REMOVE(&pool->running_tasks, task, pool_link);
  else
    TAILQ_REMOVE(&pool->finishing_tasks, task, pool_link);
  tp_idmap_remove(&pool->tasks, &task->node);
}

/* The last step of a task, which may be the end of its group. Until then the group stays, whatever
 * those who are told of the task's end do to it. */
static void leave_group(tp_pool *pool, tp_task *task) {
  tp_group *group = task->group;
  if (group->next_cancel == task)
    set_next_cancel(pool, group, TAILQ_NEXT(task, group_link));
  if (!LIST_EMPTY(&pool->walks))
    tp_walk_pass_member(pool, task);
  TAILQ_REMOVE(&group->tasks, task, group_link);
  tp_pool_tell(pool, TP_EVENT_DONE, task);
  settle(pool, group);
}

void tp_flow_enter(tp_pool *pool, tp_task *task, tp_task_state state) {
  tp_task_state before = task->state;
  leave(pool, task);
  switch (state) {
  case TP_TASK_NEW:
    break;
  case TP_TASK_RUNNING:
    enter_running(pool, task);
    break;
  case TP_TASK_CANCELLED:
    pool->cancelled++;
    enter_finishing(pool, task);
    break;
  case TP_TASK_ENDED:
    pool->in_callbacks++;
    enter_finishing(pool, task);
    break;
  case TP_TASK_DONE:
    enter_done(pool, task);
    break;
  }
  task->state = state;
  if (state == TP_TASK_RUNNING)
    tp_pool_tell(pool, TP_EVENT_STARTED, task);
  if (state >= TP_TASK_ENDED && before < TP_TASK_ENDED)
    end(pool, task);
  if (state == TP_TASK_DONE)
    leave_group(pool, task);
}

void tp_flow_count_retry(tp_pool *pool) {
  pool->retried++;
}

/* ---- feeding ---- */

/* A group in the queue has been asked: it leaves, or goes to its next turn, if there are others. */
static void move_on(tp_pool *pool, tp_group *group) {
  if (!group->place.index) {
    tp_flow_offer(pool, group);
  } else if (!wants_task(group)) {
    tp_queue_remove(&pool->queue, group);
  } else if (pool->queue.count > 1) {
    draw_turn(pool, group);
    tp_queue_reorder(&pool->queue, group);
  }
}

/* Makes sure that one more task of the group has its places. */
static bool reserve_task(tp_pool *pool, tp_group *group) {
  return tp_idmap_reserve(&pool->tasks) && tp_idset_reserve(&group->ids) &&
         (!group->submitted || tp_idset_reserve(&pool->call_ids));
}

/* There is not enough memory for the next task of a group. */
static void give_up(tp_pool *pool, tp_group *group) {
  group->feeding = true; /* what fail_feed tells may cancel it */
  if (tp_group_is_feeding(group))
    set_feed(pool, group, pool->ops->fail_feed(group));
  group->feeding = false;
  if (group->place.index)
    dequeue(pool, group);
  settle(pool, group);
}

void tp_flow_feed_failed(tp_pool *pool, tp_group *group) {
  give_up(pool, group);
  pool->woken = false;
  tp_flow_wake(pool);
}

/* Asks the first group in the queue for its next task. Its iterator is user code that may cancel
 * the group, or close the pool: the group counts as feeding, so nothing queues it twice or frees
 * it. */
static void feed_group(tp_pool *pool, tp_group *group) {
  tp_task *task = NULL;
  if (!reserve_task(pool, group)) {
    give_up(pool, group);
    return;
  }
  group->feeding = true;
  tp_feed_state feed = pool->ops->start(group, &task);
  if (group->feed == TP_FEED_READY)
    set_feed(pool, group, feed);
  if (task) {
    task->group = group;
    if (pool->paced)
      take_tokens(pool, group);
    tp_flow_enter(pool, task, TP_TASK_RUNNING);
  }
  group->feeding = false;
  move_on(pool, group);
  settle(pool, group);
}

void tp_flow_cancel_task(tp_pool *pool, tp_task *task, tp_cancel *reason) {
  tp_flow_enter(pool, task, TP_TASK_CANCELLED);
  pool->ops->cancel(task, reason);
}

/* Goes on with the cancel of a group. */
static void cancel_some(tp_pool *pool, tp_group *group, unsigned most) {
  while (group->next_cancel && most-- > 0) {
    tp_task *task = group->next_cancel;
    if (task->state == TP_TASK_RUNNING)
      tp_flow_cancel_task(pool, task, group->reason);
    set_next_cancel(pool, group, TAILQ_NEXT(task, group_link));
  }
}

bool tp_flow_cancel_more(tp_pool *pool, unsigned most) {
  tp_group *group = TAILQ_FIRST(&pool->cancelling);
  if (group)
    cancel_some(pool, group, most);
  return !TAILQ_EMPTY(&pool->cancelling);
}

bool tp_flow_feed(tp_pool *pool, unsigned most) {
  pool->woken = true;
  bool is_cancelling = tp_flow_cancel_more(pool, most);
  while (!tp_pool_is_at_limit(pool) && pool->queue.count > 0 && has_token(pool, &pool->rate)) {
    if (most-- == 0)
      return true;
    tp_group *group = pool->queue.groups[0];
    if (has_token(pool, &group->rate))
      feed_group(pool, group);
    else
      throttle(pool, group);
  }
  pool->woken = is_cancelling;
  set_alarm(pool);
  return is_cancelling;
}

void tp_flow_feed_ready(tp_pool *pool, tp_group *group) {
  if (group->feed == TP_FEED_STOPPING) {
    set_feed(pool, group, TP_FEED_DONE);
    settle(pool, group);
  } else if (group->feed == TP_FEED_WAITING) {
    set_feed(pool, group, TP_FEED_READY);
    tp_flow_offer(pool, group);
    tp_pool_tell(pool, TP_EVENT_CHANGED, NULL);
  }
}

/* ---- cancelling ---- */

/* How many tasks of a group are cancelled at once. The others follow in later turns: a million of
 * them would hold the loop for seconds. */
enum { CANCELS_MAX = 500 };

void tp_flow_cancel_newest(tp_pool *pool, uint64_t count, tp_cancel *reason) {
  for (uint64_t i = 0; i < count; i++)
    tp_flow_cancel_task(pool, TAILQ_LAST(&pool->running_tasks, tp_task_list), reason);
}

/* Cancels the first of the running tasks, and sees to it that the others follow. */
static void begin_cancelling(tp_pool *pool, tp_group *group, tp_cancel *reason) {
  if (group->reason || TAILQ_EMPTY(&group->tasks))
    return;
  tp_task *own = pool->ops->current(pool); /* which is not to go on meanwhile */
  if (own && own->group == group && own->state == TP_TASK_RUNNING)
    tp_flow_cancel_task(pool, own, reason);
  group->reason = tp_cancel_keep(reason);
  group->next_cancel = TAILQ_FIRST(&group->tasks);
  TAILQ_INSERT_TAIL(&pool->cancelling, group, cancel_link);
  cancel_some(pool, group, CANCELS_MAX);
  if (group->reason)
    pool->ops->wake(pool);
}

void tp_flow_cancel_group(tp_pool *pool, tp_group *group, tp_cancel *reason) {
  if (tp_group_is_feeding(group))
    set_feed(pool, group, pool->ops->stop_feed(group, reason));
  if (group->place.index)
    dequeue(pool, group);
  set_alarm(pool);
  begin_cancelling(pool, group, reason);
  if (!group->forgotten)
    forget_name(pool, group);
  settle(pool, group);
}

void tp_flow_visit(tp_pool *pool, void (*visit)(tp_group *group, void *context), void *context) {
  pool->visit = TAILQ_FIRST(&pool->groups);
  for (tp_group *group; (group = pool->visit);) {
    pool->visit = TAILQ_NEXT(group, pool_link);
    visit(group, context);
  }
}

static void cancel_one(tp_group *group, void *context) {
  tp_flow_cancel_group(group->pool, group, context);
}

void tp_flow_cancel_all(tp_pool *pool, tp_cancel *reason) {
  tp_flow_visit(pool, cancel_one, reason);
}
