/* SPDX-License-Identifier: MIT
 *
 * Which thread gets what, and what comes back; at home.
 *
 * How it works. Errands wait in `pending`. After each turn of home's loop, and whenever something
 * has come back, they are sent in batches to the thread with the least in its mailbox, until each
 * has a window of work there. Batch and window are measured in time, by a moving average of what
 * each function takes; near the end batches get small, so that all threads end together. A thread
 * takes errands out of its mailbox when it has nothing else to run, so those that wait there have
 * no part in the window. While nothing is pending, a thread that has nothing to do gets half of
 * what waits in the fullest mailbox of another: running Lua stays where it is, what has not begun
 * is moved. A thread that has long not been between two turns is blocked in C code: it is sent
 * nothing, and what waits there also goes to threads that are busy. */
#include "thread/set.h"

#include <lauxlib.h>
#include <stdlib.h>

/* Work that a thread has in its mailbox, at most. */
#define WINDOW (2 * TP_MILLISECOND)

/* How long a thread that is not blocked may stay in a turn: some slices, on a busy machine. */
#define STUCK (40 * TP_MILLISECOND)

/* The least that an errand is taken to cost. */
#define COST_MIN 1000

/* The pool starts nothing while so many errands for each thread are pending, and goes on when half
 * of them are. */
#define PENDING_MAX 1024

/* ---- the mailbox ---- */

/* Sends the first `count` of the list's errands to a thread. */
static void post(tp_threads *set, tp_thread *thread, tp_errand_list *batch, uint64_t cost,
                 unsigned count) {
  uint64_t now = uv_hrtime();
  tp_errand *errand;
  TAILQ_FOREACH (errand, batch, link) {
    errand->thread = thread;
    errand->sent = now;
  }
  uv_mutex_lock(&thread->lock);
  TAILQ_FOREACH (errand, batch, link)
    errand->place = TP_PLACE_MAILBOX;
  bool was_empty = TAILQ_EMPTY(&thread->inbox);
  TAILQ_CONCAT(&thread->inbox, batch, link);
  thread->inbox_cost += cost;
  thread->inbox_count += count;
  thread->level = set->host->log.level;
  thread->is_hungry = false;
  if (was_empty)
    uv_async_send(&thread->wake);
  uv_mutex_unlock(&thread->lock);
}

/* Sends the next batch of what is pending. */
static void send_batch(tp_threads *set, tp_thread *thread) {
  unsigned most = set->pending_count / (2 * set->count) + 1, count = 0;
  uint64_t cost = 0;
  tp_errand_list batch = TAILQ_HEAD_INITIALIZER(batch);
  tp_errand *errand;
  most = most < TP_BATCH_MAX ? most : TP_BATCH_MAX;
  while (count < most && cost < TP_BATCH && (errand = TAILQ_FIRST(&set->pending))) {
    TAILQ_REMOVE(&set->pending, errand, link);
    TAILQ_INSERT_TAIL(&batch, errand, link);
    errand->cost = errand->function->cost > COST_MIN ? errand->function->cost : COST_MIN;
    cost += errand->cost;
    count++;
  }
  set->pending_count -= count;
  post(set, thread, &batch, cost, count);
}

/* Whether a thread seems to be blocked in C code. With the lock. */
static bool is_stuck(const tp_thread *thread, uint64_t now) {
  return !thread->is_idle && now > thread->seen + STUCK;
}

/* What a thread has in its mailbox; a thread that does nothing comes first, one that is stuck has
 * enough. */
static uint64_t load_of(tp_thread *thread, uint64_t now) {
  uv_mutex_lock(&thread->lock);
  uint64_t load = thread->inbox_cost + (thread->is_idle ? 0 : 1);
  if (is_stuck(thread, now))
    load = WINDOW;
  uv_mutex_unlock(&thread->lock);
  return load;
}

/* The thread that should get the next batch. NULL: all have enough. */
static tp_thread *choose(const tp_threads *set) {
  tp_thread *best = NULL;
  uint64_t least = WINDOW, now = uv_hrtime();
  for (unsigned i = 0; i < set->count; i++) {
    uint64_t load = load_of(set->threads[i], now);
    if (load < least) {
      least = load;
      best = set->threads[i];
    }
  }
  return best;
}

/* ---- moving what has not begun ---- */

/* Moves the second half of a mailbox to what is pending. */
static void take_back(tp_threads *set, tp_thread *thread) {
  tp_errand *errand;
  uv_mutex_lock(&thread->lock);
  for (unsigned count = (thread->inbox_count + 1) / 2; count > 0; count--) {
    errand = TAILQ_LAST(&thread->inbox, tp_errand_list);
    TAILQ_REMOVE(&thread->inbox, errand, link);
    thread->inbox_cost -= errand->cost;
    thread->inbox_count--;
    errand->place = TP_PLACE_HOME;
    errand->thread = NULL;
    TAILQ_INSERT_HEAD(&set->pending, errand, link);
    set->pending_count++;
  }
  uv_mutex_unlock(&thread->lock);
}

/* Who could take work that has not begun, and who has some. NULL: nobody. */
typedef struct survey {
  tp_thread *idle;   /* has nothing to do */
  tp_thread *hungry; /* would share its time */
  tp_thread *full;   /* has the fullest mailbox, and something to do */
  tp_thread *stuck;  /* has something in its mailbox, and is blocked */
} survey;

static survey look_around(const tp_threads *set) {
  survey found = {0};
  unsigned most = 0;
  uint64_t now = uv_hrtime();
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    uv_mutex_lock(&thread->lock);
    if (thread->is_idle && !thread->inbox_count)
      found.idle = thread;
    if (thread->is_hungry)
      found.hungry = thread;
    if (!thread->is_idle && thread->inbox_count > most) {
      most = thread->inbox_count;
      found.full = thread;
    }
    if (thread->inbox_count && is_stuck(thread, now))
      found.stuck = thread;
    uv_mutex_unlock(&thread->lock);
  }
  return found;
}

/* Gives work that has not begun to the threads that have none, or from those that are stuck to
 * those that are busy. */
static void rebalance(tp_threads *set) {
  for (unsigned round = 0; round < set->count; round++) {
    survey found = look_around(set);
    tp_thread *from = found.idle ? found.full : found.stuck;
    tp_thread *to = found.idle ? found.idle : found.hungry;
    if (!from || !to)
      return;
    take_back(set, from);
    while (set->pending_count)
      send_batch(set, to);
  }
}

bool tp_dispatch_withdraw(tp_errand *errand) {
  tp_threads *set = errand->set;
  tp_thread *thread = errand->thread;
  if (!thread) {
    TAILQ_REMOVE(&set->pending, errand, link);
    set->pending_count--;
    tp_dispatch_let_go(set);
    return true;
  }
  uv_mutex_lock(&thread->lock);
  bool is_there = errand->place == TP_PLACE_MAILBOX;
  if (is_there) {
    TAILQ_REMOVE(&thread->inbox, errand, link);
    thread->inbox_cost -= errand->cost;
    thread->inbox_count--;
  }
  uv_mutex_unlock(&thread->lock);
  return is_there;
}

/* ---- rounds ---- */

void tp_dispatch_let_go(const tp_threads *set) {
  if (set->pool && set->pending_count <= PENDING_MAX / 2 * set->count)
    tp_run_let_go(set->pool);
}

void tp_dispatch(tp_threads *set) {
  tp_thread *thread;
  if (set->is_closing)
    return;
  while (set->pending_count && (thread = choose(set)))
    send_batch(set, thread);
  tp_dispatch_let_go(set);
  if (!set->pending_count)
    rebalance(set);
}

static void on_prepare(uv_prepare_t *prepare) {
  tp_dispatch(prepare->data);
}

void tp_dispatch_add(tp_threads *set, tp_errand *errand) {
  errand->place = TP_PLACE_HOME;
  errand->thread = NULL;
  TAILQ_INSERT_TAIL(&set->pending, errand, link);
  set->pending_count++;
  if (set->pool && set->pending_count >= PENDING_MAX * set->count)
    tp_run_hold(set->pool);
  tp_wait_outside_begin(set->exec);
  if (set->away++ > 0)
    return;
  uv_ref((uv_handle_t *)&set->news);
  uv_prepare_start(&set->prepare, on_prepare);
}

void tp_dispatch_settle(tp_threads *set) {
  tp_wait_outside_end(set->exec);
  if (--set->away > 0)
    return;
  uv_unref((uv_handle_t *)&set->news);
  uv_prepare_stop(&set->prepare);
}

/* ---- coming back ---- */

/* Writes what a thread has to say into home's log. */
static void write_lines(tp_threads *set, const tp_thread *thread, tp_note_list *lines,
                        unsigned lost) {
  const tp_log *log = set->is_deaf ? &set->host->default_log : &set->host->log;
  tp_note *line;
  while ((line = STAILQ_FIRST(lines))) {
    STAILQ_REMOVE_HEAD(lines, link);
    tp_log_write(log, line->level, "thread %u of %s: %s", thread->number, set->label, line->text);
    free(line);
  }
  if (lost)
    tp_log_write(log, TP_LOG_WARNING, "thread %u of %s: further records dropped: %u",
                 thread->number, set->label, lost);
}

/* Learns from an errand what its function costs. */
static void learn(const tp_errand *errand) {
  tp_remote *function = errand->function;
  if (errand->came != TP_RETURN_RESULTS && errand->came != TP_RETURN_ERROR)
    return;
  uint64_t before = function->is_known ? function->cost : errand->spent;
  function->cost = (before * 7 + errand->spent) / 8;
  function->is_known = true;
}

static void collect(tp_threads *set, tp_thread *thread) {
  tp_errand_list errands = TAILQ_HEAD_INITIALIZER(errands);
  tp_note_list lines = STAILQ_HEAD_INITIALIZER(lines);
  uv_mutex_lock(&thread->lock);
  TAILQ_CONCAT(&errands, &thread->outbox, link);
  STAILQ_CONCAT(&lines, &thread->lines);
  unsigned lost = thread->lost_lines;
  thread->line_count = thread->lost_lines = 0;
  uv_mutex_unlock(&thread->lock);
  write_lines(set, thread, &lines, lost);
  tp_errand *errand;
  while ((errand = TAILQ_FIRST(&errands))) {
    TAILQ_REMOVE(&errands, errand, link);
    learn(errand);
    tp_errand_land(errand);
  }
}

void tp_dispatch_collect(tp_threads *set) {
  for (unsigned i = 0; i < set->count; i++)
    if (set->threads[i])
      collect(set, set->threads[i]);
}
