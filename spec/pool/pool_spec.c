/* SPDX-License-Identifier: MIT
 *
 * The bookkeeping of pools on its own: a pool knows neither Lua nor libuv, so an executor made of
 * arrays drives it through a million random operations. After each one the pool's counts must be
 * those of a plain model; now and then everything is counted anew.
 *
 * How it works: `operations` lists what can happen, with how often. Each picks what it happens to
 * at random and changes model and pool alike. The functions of `executor` do what tp_pool_ops asks
 * for; what they must never see is a violation.
 *
 *     spec-pool [OPERATIONS [SEED]]
 *
 * To add an operation: a function and its line in `operations`. */
#include "pool/flow.h"
#include "pool/flush.h"
#include "pool/pool.h"
#include "pool/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define TASKS_MAX 512
#define GROUPS_MAX 64

/* What the executor keeps for a task. */
typedef struct job {
  tp_task task;   /* the pool's part */
  bool cancelled; /* the pool asked for it */
  unsigned ended; /* how often its end was told */
  uint64_t found; /* the last walk that has found it */
} job;

/* What is known of a rate. */
typedef struct pace {
  tp_rate rate;   /* what it is; none where its interval is 0 */
  uint64_t since; /* when it was set */
  uint64_t taken; /* tasks started since then */
} pace;

/* What the executor keeps for a group. */
typedef struct call {
  tp_group *group;  /* whose it is */
  uint64_t left;    /* tasks to come */
  uint64_t running; /* tasks started and not ended */
  uint64_t started; /* tasks ever started */
  bool waits;       /* its iterator waits for something */
  bool stopping;    /* … and is being cancelled */
  bool stopped;     /* no task may start any more */
  pace pace;        /* how fast its tasks may start */
  unsigned name;    /* number in its name */
} call;

/* The pool, the model, and what goes on. */
typedef struct world {
  tp_pool *pool;
  uint64_t random;         /* state of the generator */
  uint64_t violations;     /* what did not hold */
  job *jobs[TASKS_MAX];    /* live tasks, in no order */
  size_t job_count;        /* how many */
  call *calls[GROUPS_MAX]; /* groups not yet released, in no order */
  size_t call_count;       /* how many */
  uint64_t started, running, cancelled, ended, in_callbacks; /* what the pool should count */
  uint64_t ticket;           /* the next flush waits for what was finishing when it was drawn */
  uint64_t closed;           /* pools closed so far */
  unsigned next_name;        /* number of the next group */
  bool woken;                /* the pool wants to be fed */
  uint64_t now;              /* the clock of rates */
  uint64_t wake_at;          /* when the pool wants to be told that a token is there */
  pace pace;                 /* how fast all tasks may start */
  bool busy;                 /* told by BUSY and IDLE */
  tp_flush flushing;         /* the present flush, if it is open */
  tp_view_tasks task_walk;   /* over the tasks, if it is open */
  uint64_t walks;            /* its number */
  uint64_t walk_until;       /* tasks from this id on are newer than it */
  tp_view_groups group_walk; /* over the groups, if it is open */
  uint64_t next_number;      /* of the groups that are left in it */
} world;

static void check(world *of, bool holds, const char *what, int line) {
  if (holds)
    return;
  if (of->violations++ < 10)
    fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, line, what);
}

#define CHECK(of, condition) check(of, condition, #condition, __LINE__)

/* ---- chance ---- */

static uint64_t next_random(world *of) {
  of->random ^= of->random << 13;
  of->random ^= of->random >> 7;
  of->random ^= of->random << 17;
  return of->random;
}

static uint64_t below(world *of, uint64_t limit) {
  return next_random(of) % limit;
}

static bool one_in(world *of, uint64_t count) {
  return below(of, count) == 0;
}

/* ---- the executor ---- */

static world *world_of(const tp_pool *pool) {
  return pool->owner;
}

static job *job_of(tp_task *task) {
  return (job *)task; /* its first member */
}

static void cancel_some_group(world *of);

/* Whether a group may be asked before another one that waits too. */
static bool is_sooner(const tp_pool *pool, const tp_group *group, const tp_group *other) {
  if (pool->order == TP_ORDER_LIFO)
    return group->number > other->number;
  if (pool->order == TP_ORDER_PRIORITY && group->weight != other->weight)
    return group->weight < other->weight;
  return group->place.turn < other->place.turn;
}

static void check_order(world *of, const tp_group *group) {
  for (size_t i = 0; i < of->pool->queue.count; i++) {
    const tp_group *other = of->pool->queue.groups[i];
    CHECK(of, other == group || is_sooner(of->pool, group, other));
  }
}

static tp_feed_state start(tp_group *group, tp_task **task) {
  world *of = world_of(group->pool);
  call *from = group->call;
  check_order(of, group);
  CHECK(of, !from->stopped && !from->waits && from->group == group);
  if (one_in(of, 200))
    cancel_some_group(of); /* an iterator may do so, also to its own group */
  CHECK(of, group->call == from);
  if (from->stopped) /* it may not know yet */
    return one_in(of, 2) ? TP_FEED_DONE : TP_FEED_READY;
  if (from->left == 0)
    return TP_FEED_DONE;
  if (one_in(of, 20)) {
    from->waits = true;
    return TP_FEED_WAITING;
  }
  job *made = of->job_count < TASKS_MAX ? calloc(1, sizeof *made) : NULL;
  if (!made)
    return TP_FEED_READY;
  of->jobs[of->job_count++] = made;
  from->left--;
  *task = &made->task;
  from->waits = from->left > 0 && one_in(of, 20);
  return from->left == 0 ? TP_FEED_DONE : from->waits ? TP_FEED_WAITING : TP_FEED_READY;
}

/* The reason of every cancel here; nobody looks at it. */
static tp_cancel reason = {.references = 1, .code = TP_CANCELLED};

static tp_task *current(const tp_pool *pool) {
  (void)pool;
  return NULL;
}

static void cancel(tp_task *task, tp_cancel *why) {
  world *of = world_of(task->group->pool);
  (void)why;
  CHECK(of, !job_of(task)->cancelled);
  job_of(task)->cancelled = true;
  of->running--;
  of->cancelled++;
}

static tp_feed_state stop_feed(tp_group *group, tp_cancel *why) {
  world *of = world_of(group->pool);
  call *from = group->call;
  (void)why;
  CHECK(of, !from->stopped);
  from->stopped = true;
  from->stopping = from->waits && one_in(of, 2);
  return from->stopping ? TP_FEED_STOPPING : TP_FEED_DONE;
}

static tp_feed_state fail_feed(tp_group *group) {
  return stop_feed(group, NULL);
}

static uint64_t waiting(const tp_group *group) {
  const call *from = group->call;
  return from->left;
}

static void release(tp_group *group) {
  world *of = world_of(group->pool);
  call *from = group->call;
  size_t at = 0;
  while (at < of->call_count && of->calls[at] != from)
    at++;
  CHECK(of, at < of->call_count && from->running == 0);
  CHECK(of, from->stopped || from->left == 0);
  of->calls[at] = of->calls[--of->call_count];
  free(from);
  group->call = NULL;
}

static void wake(tp_pool *pool) {
  world_of(pool)->woken = true;
}

static uint64_t now(const tp_pool *pool) {
  return world_of(pool)->now;
}

static void wake_at(tp_pool *pool, uint64_t when) {
  world_of(pool)->wake_at = when;
}

/* Counts a start: a burst and what came since then is all that may start. */
static void check_rate(world *of, pace *model) {
  if (model->rate.interval == 0)
    return;
  uint64_t burst = model->rate.slack / model->rate.interval + 1;
  uint64_t passed = of->now - model->since + TP_RATE_LATE;
  model->taken++;
  CHECK(of, model->taken <= burst + passed / model->rate.interval);
}

static void on_started(world *of, const tp_task *task) {
  call *from = task->group->call;
  check_rate(of, &of->pace);
  check_rate(of, &from->pace);
  CHECK(of, task->id == of->started && !from->stopped);
  of->started++;
  of->running++;
  from->running++;
  from->started++;
  CHECK(of, of->running + of->cancelled <= of->pool->size);
  CHECK(of, from->running <= task->group->limit);
}

static void on_event(tp_pool *pool, tp_event event, tp_task *task, const char *words) {
  (void)words;
  world *of = world_of(pool);
  switch (event) {
  case TP_EVENT_STARTED:
    on_started(of, task);
    break;
  case TP_EVENT_ENDED:
    CHECK(of, job_of(task)->ended++ == 0);
    break;
  case TP_EVENT_BUSY:
  case TP_EVENT_IDLE:
    CHECK(of, of->busy == (event == TP_EVENT_IDLE));
    of->busy = event == TP_EVENT_BUSY;
    break;
  case TP_EVENT_CLOSED:
    of->closed++;
    break;
  default:
    break;
  }
}

static const tp_pool_ops executor = {
    .start = start,
    .cancel = cancel,
    .current = current,
    .stop_feed = stop_feed,
    .fail_feed = fail_feed,
    .waiting = waiting,
    .release = release,
    .wake = wake,
    .now = now,
    .wake_at = wake_at,
    .event = on_event,
};

/* ---- what happens ---- */

/* A rate, in most cases none. */
static pace some_pace(world *of) {
  pace made = {.since = of->now};
  if (one_in(of, 3))
    made.rate = tp_rate_make(1 + below(of, 5), 0.1 * (double)(1 + below(of, 5)), 1 + below(of, 4));
  return made;
}

static void open_pool(world *of) {
  of->pool = tp_pool_make(&executor, of, 0, "P", 1 + below(of, 20));
  of->pool->order = (tp_order)below(of, TP_ORDER_PRIORITY + 1);
  if (one_in(of, 2))
    of->pool->queue_limit = below(of, 4);
  of->started = of->running = of->cancelled = of->ended = of->in_callbacks = of->ticket = 0;
  of->woken = of->busy = false;
  of->wake_at = TP_NEVER;
  of->pace = some_pace(of);
  tp_pool_set_rate(of->pool, &of->pace.rate);
}

/* Names are used again, so that some are taken. */
static void add_group(world *of) {
  char name[32];
  tp_error error;
  unsigned number = of->next_name++ % (GROUPS_MAX * 2);
  call *made = of->call_count < GROUPS_MAX ? calloc(1, sizeof *made) : NULL;
  if (!made)
    return;
  snprintf(name, sizeof name, "group-%u", number);
  bool submitted = one_in(of, 2), waits = submitted && one_in(of, 2);
  made->left = submitted ? 1 : below(of, 40);
  made->name = number;
  made->pace = some_pace(of);
  of->calls[of->call_count++] = made;
  bool taken = tp_pool_find_group(of->pool, name, NULL) != NULL;
  bool named = one_in(of, 2);
  const tp_group_options options = {.name = named ? name : NULL,
                                    .prefix = submitted ? NULL : "map-f-group",
                                    .limit = one_in(of, 3) ? TP_UNLIMITED : 1 + below(of, 5),
                                    .weight = (double)below(of, 5),
                                    .rate = made->pace.rate,
                                    .submitted = submitted,
                                    .waits = waits};
  bool refused = !waits && (of->pool->paused || (submitted && !tp_flow_has_place(of->pool)));
  made->group = tp_pool_add_group(of->pool, &options, made, &error);
  if (made->group)
    return;
  CHECK(of, error.code == (of->pool->locked   ? TP_POOL_IS_LOCKED
                           : (named && taken) ? TP_TASK_GROUP_ALREADY_EXISTS
                                              : TP_NOT_AVAILABLE));
  CHECK(of, of->pool->locked || (named && taken) || refused);
  of->call_count--;
  free(made);
}

static void feed(world *of) {
  if (!of->woken && !one_in(of, 50))
    return;
  of->woken = false;
  of->woken |= tp_flow_feed(of->pool, 1 + (unsigned)below(of, 8));
}

/* Time goes on, and the pool is told when it has asked to be. */
static void pass_time(world *of) {
  of->now += below(of, 50000000);
  if (of->wake_at > of->now)
    return;
  of->wake_at = TP_NEVER;
  tp_flow_go_on(of->pool);
}

static void end_task(world *of) {
  if (of->job_count == 0)
    return;
  job *one = of->jobs[below(of, of->job_count)];
  if (one->task.state != TP_TASK_RUNNING && one->task.state != TP_TASK_CANCELLED)
    return;
  call *from = one->task.group->call;
  *(one->task.state == TP_TASK_RUNNING ? &of->running : &of->cancelled) -= 1;
  of->ended++;
  of->in_callbacks++;
  from->running--;
  tp_flow_enter(of->pool, &one->task, TP_TASK_ENDED);
}

static void finish_task(world *of) {
  if (of->job_count == 0)
    return;
  size_t at = below(of, of->job_count);
  job *one = of->jobs[at];
  if (one->task.state != TP_TASK_ENDED)
    return;
  of->in_callbacks--;
  of->jobs[at] = of->jobs[--of->job_count];
  tp_flow_enter(of->pool, &one->task, TP_TASK_DONE);
  CHECK(of, one->ended == 1);
  free(one);
}

static void cancel_task(world *of) {
  tp_error error = {.code = TP_OK};
  uint64_t id = below(of, of->started + 2);
  const job *known = NULL;
  for (size_t i = 0; i < of->job_count && !known; i++)
    if (of->jobs[i]->task.id == id)
      known = of->jobs[i];
  tp_task *task = tp_pool_find_running(of->pool, id, &error);
  CHECK(of, !task == !(known && known->task.state == TP_TASK_RUNNING));
  CHECK(of,
        (error.code == TP_ALREADY_CANCELLED) == (known && known->task.state == TP_TASK_CANCELLED));
  CHECK(of, id < of->started || error.code == TP_TASK_NOT_FOUND);
  if (task)
    tp_flow_cancel_task(of->pool, task, &reason);
}

/* The newest first, as `stop` does. */
static void cancel_newest(world *of) {
  tp_task *task = TAILQ_LAST(&of->pool->running_tasks, tp_task_list);
  if (task)
    tp_flow_cancel_task(of->pool, task, &reason);
}

static void cancel_some_group(world *of) {
  if (of->call_count == 0)
    return;
  tp_group *group = of->calls[below(of, of->call_count)]->group;
  if (group && !group->forgotten)
    tp_flow_cancel_group(of->pool, group, &reason);
}

static void cancel_all(world *of) {
  tp_flow_cancel_all(of->pool, &reason);
  CHECK(of, of->running == 0 && of->pool->running == 0);
}

/* An iterator that waited has a value, or has stopped. */
static void wake_feed(world *of) {
  if (of->call_count == 0)
    return;
  call *one = of->calls[below(of, of->call_count)];
  if (!one->group || !one->waits || (one->stopped && !one->stopping))
    return;
  one->waits = false;
  tp_flow_feed_ready(of->pool, one->group);
}

static const tp_group_options some_options = {.prefix = "late", .limit = 1};

static void lock(world *of) {
  tp_pool_set_locked(of->pool, true);
  CHECK(of, !tp_pool_check_group(of->pool, &some_options, NULL));
}

static void unlock(world *of) {
  tp_pool_set_locked(of->pool, false);
  CHECK(of, tp_pool_check_group(of->pool, &some_options, NULL) == !of->pool->paused);
}

static void pause_pool(world *of) {
  tp_pool_set_paused(of->pool, !of->pool->paused && one_in(of, 8));
}

static void weigh_group(world *of) {
  if (of->call_count == 0)
    return;
  tp_group *group = of->calls[below(of, of->call_count)]->group;
  if (group)
    tp_flow_weigh_group(of->pool, group, (double)below(of, 5));
}

static void resize(world *of) {
  tp_pool_resize(of->pool, one_in(of, 10) ? TP_UNLIMITED : below(of, 20));
}

static void flush(world *of) {
  if (of->flushing.walk.pool || !tp_pool_is_flushable(of->pool, of->ticket))
    return;
  for (size_t i = 0; i < of->job_count; i++)
    CHECK(of, of->jobs[i]->task.state <= TP_TASK_RUNNING || of->jobs[i]->task.ticket >= of->ticket);
  tp_flush_close(&of->flushing); /* its pool has gone */
  tp_flush_open(&of->flushing, of->pool);
  of->ticket = of->pool->next_ticket;
  of->ended = of->in_callbacks;
}

/* Some steps of it. */
static void step_flush(world *of) {
  if (!of->flushing.walk.pool)
    return;
  for (uint64_t count = below(of, 8); count > 0 && tp_flush_step(&of->flushing); count--)
    ;
}

static void close_pool(world *of) {
  CHECK(of, tp_pool_is_idle(of->pool) == (of->call_count == 0));
  if (!tp_pool_is_idle(of->pool) || of->job_count > 0)
    return;
  uint64_t closed = of->closed;
  tp_pool_close(of->pool);
  CHECK(of, of->closed == closed + 1 && of->pool->ended == 0);
  CHECK(of, !tp_pool_add_group(of->pool, &some_options, NULL, NULL));
  tp_pool_set_locked(of->pool, false);
  CHECK(of, of->pool->locked);
  tp_pool_destroy(of->pool);
  open_pool(of);
}

/* A step of a walk that goes on whatever happens in between: each task that is there from its begin
 * to its end is found, and none twice. */
static void walk_tasks(world *of) {
  static const tp_view_filter any = {0};
  tp_task *task;
  if (!of->task_walk.walk.pool) {
    tp_view_close_tasks(&of->task_walk); /* the pool has gone */
    tp_view_open_tasks(&of->task_walk, of->pool, &any);
    of->walks++;
    of->walk_until = of->pool->next_id;
  }
  tp_view_step step = tp_view_next_task(&of->task_walk, &task);
  CHECK(of, step == TP_VIEW_PASSED || step == TP_VIEW_FOUND || step == TP_VIEW_END);
  if (step == TP_VIEW_FOUND) {
    CHECK(of, job_of(task)->found != of->walks && tp_task_find(&of->pool->tasks, task->id));
    job_of(task)->found = of->walks;
  } else if (step == TP_VIEW_END) {
    for (size_t i = 0; i < of->job_count; i++)
      CHECK(of, of->jobs[i]->task.id >= of->walk_until || of->jobs[i]->found == of->walks);
    tp_view_close_tasks(&of->task_walk);
  }
}

/* The same for groups, which come by age. */
static void walk_groups(world *of) {
  const tp_group *group;
  if (!of->group_walk.walk.pool) {
    tp_view_open_groups(&of->group_walk, of->pool, true);
    of->next_number = 0;
  }
  if (tp_view_next_group(&of->group_walk, &group) == TP_VIEW_FOUND) {
    CHECK(of, group->number >= of->next_number && group->name);
    of->next_number = group->number + 1;
  }
}

static const struct {
  void (*run)(world *of);
  unsigned weight; /* how often, against the others */
} operations[] = {
    {feed, 300},       {end_task, 200},   {finish_task, 250},     {add_group, 40},
    {cancel_task, 60}, {wake_feed, 60},   {cancel_some_group, 5}, {cancel_newest, 20},
    {lock, 3},         {unlock, 12},      {resize, 10},           {flush, 10},
    {step_flush, 60},  {close_pool, 3},   {cancel_all, 1},        {pass_time, 60},
    {pause_pool, 10},  {weigh_group, 20}, {walk_tasks, 300},      {walk_groups, 100},
};

/* ---- what must hold ---- */

static void check_counts(world *of) {
  const tp_pool *pool = of->pool;
  CHECK(of, pool->next_id == of->started);
  CHECK(of, pool->running == of->running);
  CHECK(of, pool->cancelled == of->cancelled);
  CHECK(of, pool->ended == of->ended);
  CHECK(of, pool->in_callbacks == of->in_callbacks);
  CHECK(of, pool->running + pool->cancelled + pool->in_callbacks == of->job_count);
  CHECK(of, tp_pool_is_at_limit(pool) == (of->running + of->cancelled >= pool->size));
}

/* Whether the pool is about to look again, since a token has come. */
static bool is_about_to_look(const world *of) {
  return of->pool->rate.interval && (of->woken || of->wake_at <= of->now);
}

/* The queue of submitted calls holds as many as it says, and leaves nobody outside for nothing. */
static void check_queue(world *of) {
  uint64_t queued = 0;
  for (size_t i = 0; i < of->call_count; i++)
    queued += of->calls[i]->group->admission == TP_CALL_QUEUED;
  CHECK(of, queued == of->pool->queued_calls);
  CHECK(of, TAILQ_EMPTY(&of->pool->blocked) || of->pool->paused || !tp_flow_has_place(of->pool) ||
                is_about_to_look(of));
}

/* Whether a group lacks a token, and the pool will be told when it is there. */
static bool rests(const world *of, const tp_group *group) {
  uint64_t due = tp_rate_due(&group->rate), pool_due = tp_rate_due(&of->pool->rate);
  return of->wake_at <= (due > pool_due ? due : pool_due);
}

/* Whoever could start a task will be asked. */
static void check_nobody_is_forgotten(world *of) {
  for (size_t i = 0; i < of->call_count; i++) {
    const tp_group *group = of->calls[i]->group;
    CHECK(of, of->woken || tp_pool_is_at_limit(of->pool) || group->feed != TP_FEED_READY ||
                  group->occupying >= group->limit || group->admission == TP_CALL_BLOCKED ||
                  rests(of, group));
  }
}

/* All of it, from the records. */
static void check_everything(world *of) {
  tp_pool *pool = of->pool;
  uint64_t counted[TP_TASK_DONE + 1] = {0}, to_come = 0;
  for (size_t i = 0; i < of->job_count; i++) {
    const tp_task *task = &of->jobs[i]->task;
    counted[task->state]++;
    CHECK(of, tp_task_find(&pool->tasks, task->id) == task);
    CHECK(of, tp_idset_has(&task->group->ids, task->id));
    CHECK(of, !task->group->submitted || tp_idset_has(&pool->call_ids, task->id));
  }
  CHECK(of, counted[TP_TASK_RUNNING] == of->running && counted[TP_TASK_CANCELLED] == of->cancelled);
  CHECK(of, counted[TP_TASK_ENDED] == of->in_callbacks && pool->tasks.count == of->job_count);
  for (size_t i = 0; i < of->call_count; i++) {
    const call *one = of->calls[i];
    to_come += one->stopped ? 0 : one->left;
    CHECK(of, one->group->occupying == one->running);
  }
  CHECK(of, tp_pool_waiting(pool) == to_come && pool->unfinished == of->call_count);
}

/* Lets all that goes on come to its end: the pool may not be stuck. */
static void settle(world *of) {
  tp_pool_resize(of->pool, 10);
  tp_pool_set_paused(of->pool, false);
  for (int i = 0; i < 1000000 && (of->job_count > 0 || of->call_count > 0); i++) {
    feed(of);
    wake_feed(of);
    pass_time(of);
    end_task(of);
    finish_task(of);
  }
  CHECK(of, of->job_count == 0 && of->call_count == 0 && tp_pool_is_idle(of->pool));
}

static unsigned total_weight(void) {
  unsigned total = 0;
  for (size_t i = 0; i < COUNT(operations); i++)
    total += operations[i].weight;
  return total;
}

static void do_something(world *of, unsigned total) {
  uint64_t lot = below(of, total);
  size_t i = 0;
  while (lot >= operations[i].weight)
    lot -= operations[i++].weight;
  operations[i].run(of);
}

int main(int argc, char **argv) {
  uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
  world of = {.random = seed * UINT64_C(0x9E3779B97F4A7C15) + 1};
  unsigned total = total_weight();
  uint64_t tasks = 0;
  open_pool(&of);
  for (uint64_t i = 0; i < count && of.violations == 0; i++) {
    uint64_t before = of.started;
    do_something(&of, total);
    tasks += of.started > before ? of.started - before : 0;
    check_counts(&of);
    check_nobody_is_forgotten(&of);
    check_queue(&of);
    if (i % 512 == 0)
      check_everything(&of);
    if (i % 50000 == 49999)
      settle(&of);
  }
  settle(&of);
  check_everything(&of);
  close_pool(&of);
  tp_pool_destroy(of.pool);
  tp_view_close_tasks(&of.task_walk);
  tp_flush_close(&of.flushing);
  printf("accounting: ops=%" PRIu64 " tasks=%" PRIu64 " pools=%" PRIu64 " walks=%" PRIu64
         " violations=%" PRIu64 "\n",
         count, tasks, of.closed, of.walks, of.violations);
  return of.violations > 0;
}
