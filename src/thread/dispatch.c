/* SPDX-License-Identifier: MIT
 *
 * Which thread gets which request, and what comes back; see dispatch.h.
 *
 * Requests wait in `pending`. After each turn of the owner's loop, and whenever requests were
 * completed, they are sent in batches to the thread with the least work in its mailbox, until each
 * mailbox holds a window of work. Batch and window are measured in time, by a moving average of
 * what each function takes. Near the end batches get small, so that all threads end together. A
 * thread takes requests out of its mailbox when it has nothing else to run; then they count for the
 * window no more.
 *
 * While nothing is pending, an idle thread gets half of the fullest mailbox of another: Lua code
 * that runs stays where it is, what has not begun is moved. A thread that has not been between two
 * turns for long is blocked in C code: it is sent nothing, and its mailbox is emptied to threads
 * that are busy. It may have been idle when it was sent something, and have blocked before it took
 * that; and a thread that is blocked does not tell of what it did just before. So the owner looks
 * again after a while, also where nothing else happens in its loop. */
#include "thread/dispatch.h"
#include "exec/run.h"

#include <lauxlib.h>
#include <stdlib.h>

/* Nanoseconds of work in the mailbox of a thread, at most. */
#define WINDOW (2 * TP_MILLISECOND)

/* A thread whose turn takes longer is blocked in C code: a turn is some slices, on a busy machine.
 */
#define STUCK (40 * TP_MILLISECOND)

/* The lowest cost of a request, nanoseconds. */
#define COST_MIN 1000

/* The pool starts nothing while so many requests for each thread are pending, and goes on when half
 * of them are. */
#define PENDING_MAX 1024

static void on_look(uv_timer_t *timer);

/* ---- the mailbox ---- */

/* Looks again when a thread may have become stuck. */
static void look_later(tp_threads *set) {
  if (!uv_is_active((uv_handle_t *)&set->look_timer))
    uv_timer_start(&set->look_timer, on_look, STUCK / TP_MILLISECOND + 1, 0);
}

/* Sends the first `count` of the list's requests to a thread. */
static void post(tp_threads *set, tp_thread *thread, tp_request_list *batch, uint64_t cost,
                 unsigned count) {
  uint64_t now = uv_hrtime();
  tp_request *request;
  TAILQ_FOREACH (request, batch, link) {
    request->thread = thread;
    request->sent = now;
  }
  thread->held_count += count;
  uv_mutex_lock(&thread->lock);
  TAILQ_FOREACH (request, batch, link)
    request->place = TP_PLACE_MAILBOX;
  bool was_empty = TAILQ_EMPTY(&thread->inbox);
  TAILQ_CONCAT(&thread->inbox, batch, link);
  thread->inbox_cost += cost;
  thread->inbox_count += count;
  thread->level = set->host->log.level;
  thread->wants_work = false;
  if (was_empty)
    uv_async_send(&thread->wake);
  uv_mutex_unlock(&thread->lock);
  look_later(set);
}

/* Sends the next batch of what is pending. */
static void send_batch(tp_threads *set, tp_thread *thread) {
  unsigned most = set->pending_count / (2 * set->count) + 1, count = 0;
  uint64_t cost = 0;
  tp_request_list batch = TAILQ_HEAD_INITIALIZER(batch);
  tp_request *request;
  most = most < TP_BATCH_MAX ? most : TP_BATCH_MAX;
  while (count < most && cost < TP_BATCH && (request = TAILQ_FIRST(&set->pending))) {
    TAILQ_REMOVE(&set->pending, request, link);
    TAILQ_INSERT_TAIL(&batch, request, link);
    request->cost = request->function->cost > COST_MIN ? request->function->cost : COST_MIN;
    cost += request->cost;
    count++;
  }
  set->pending_count -= count;
  post(set, thread, &batch, cost, count);
}

/* Whether a thread seems to be blocked in C code. With the lock. */
static bool is_stuck(const tp_thread *thread, uint64_t now) {
  return !thread->is_idle && now > thread->seen + STUCK;
}

/* The cost of what a thread has in its mailbox. An idle thread comes before a busy one; one that is
 * stuck counts as full. */
static uint64_t load_of(tp_thread *thread, uint64_t now) {
  uv_mutex_lock(&thread->lock);
  uint64_t load = thread->inbox_cost + (thread->is_idle ? 0 : 1);
  if (is_stuck(thread, now))
    load = WINDOW;
  uv_mutex_unlock(&thread->lock);
  return load;
}

/* The thread that should get the next batch. NULL: all mailboxes are full. */
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
  tp_request *request;
  uv_mutex_lock(&thread->lock);
  for (unsigned count = (thread->inbox_count + 1) / 2; count > 0; count--) {
    request = TAILQ_LAST(&thread->inbox, tp_request_list);
    TAILQ_REMOVE(&thread->inbox, request, link);
    thread->inbox_cost -= request->cost;
    thread->inbox_count--;
    thread->held_count--;
    request->place = TP_PLACE_OWNER;
    request->thread = NULL;
    TAILQ_INSERT_HEAD(&set->pending, request, link);
    set->pending_count++;
  }
  uv_mutex_unlock(&thread->lock);
}

/* Threads that could take work that has not begun, and threads that have some. NULL: none. */
typedef struct survey {
  tp_thread *idle;    /* has nothing to do */
  tp_thread *sharing; /* could share its time */
  tp_thread *full;    /* has the fullest mailbox, and something to do */
  tp_thread *stuck;   /* has something in its mailbox, and is blocked */
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
    if (thread->wants_work)
      found.sharing = thread;
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

/* Moves work that has not begun to idle threads, or from stuck threads to busy ones. */
static void rebalance(tp_threads *set) {
  for (unsigned round = 0; round < set->count; round++) {
    survey found = look_around(set);
    tp_thread *from = found.idle ? found.full : found.stuck;
    tp_thread *to = found.idle ? found.idle : found.sharing;
    if (!from || !to)
      return;
    take_back(set, from);
    while (set->pending_count)
      send_batch(set, to);
  }
}

bool tp_dispatch_withdraw(tp_request *request) {
  tp_threads *set = request->set;
  tp_thread *thread = request->thread;
  if (!thread) {
    TAILQ_REMOVE(&set->pending, request, link);
    set->pending_count--;
    tp_dispatch_release_pool(set);
    return true;
  }
  uv_mutex_lock(&thread->lock);
  bool is_there = request->place == TP_PLACE_MAILBOX;
  if (is_there) {
    TAILQ_REMOVE(&thread->inbox, request, link);
    thread->inbox_cost -= request->cost;
    thread->inbox_count--;
    thread->held_count--;
  }
  uv_mutex_unlock(&thread->lock);
  return is_there;
}

/* ---- rounds ---- */

void tp_dispatch_release_pool(const tp_threads *set) {
  if (set->pool && set->pending_count <= PENDING_MAX / 2 * set->count)
    tp_run_let_go(set->pool);
}

void tp_dispatch_run(tp_threads *set) {
  tp_thread *thread;
  if (set->is_closing)
    return;
  while (set->pending_count && (thread = choose(set)))
    send_batch(set, thread);
  tp_dispatch_release_pool(set);
  if (!set->pending_count)
    rebalance(set);
}

static void on_prepare(uv_prepare_t *prepare) {
  tp_dispatch_run(prepare->data);
}

/* Whether it must be looked at again: it may block before it takes a request, or one may block it
 * after it has done another. */
static bool is_to_be_watched(tp_thread *thread) {
  uv_mutex_lock(&thread->lock);
  bool has_mail = thread->inbox_count > 0;
  uv_mutex_unlock(&thread->lock);
  return has_mail || thread->held_count > 1;
}

static void on_look(uv_timer_t *timer) {
  tp_threads *set = timer->data;
  tp_dispatch_collect(set);
  tp_dispatch_run(set);
  for (unsigned i = 0; !set->is_closing && i < set->count; i++)
    if (is_to_be_watched(set->threads[i]))
      look_later(set);
}

void tp_dispatch_add(tp_threads *set, tp_request *request) {
  request->place = TP_PLACE_OWNER;
  request->thread = NULL;
  TAILQ_INSERT_TAIL(&set->pending, request, link);
  set->pending_count++;
  if (set->pool && set->pending_count >= PENDING_MAX * set->count)
    tp_run_hold(set->pool);
  tp_set_begin_flight(set, on_prepare);
}

/* ---- coming back ---- */

/* Writes lines of a thread into the owner's log. */
static void write_lines(tp_threads *set, const tp_thread *thread, tp_note_list *lines,
                        unsigned lost) {
  const tp_log *log = set->shutting_down ? &set->host->default_log : &set->host->log;
  tp_log_record about = tp_log_about(set->pool, NULL, NULL);
  about.thread = thread->number;
  tp_note *line;
  while ((line = STAILQ_FIRST(lines))) {
    STAILQ_REMOVE_HEAD(lines, link);
    about.error = *line->error ? line->error : NULL;
    tp_log_write_about(log, line->level, &about, "thread %u of %s: %s", thread->number, set->label,
                       line->text);
    free(line);
  }
  about.error = NULL;
  if (lost)
    tp_log_write_about(log, TP_LOG_WARNING, &about, "thread %u of %s: further records dropped: %u",
                       thread->number, set->label, lost);
}

/* Updates what a function costs by what a request has taken. */
static void learn(const tp_request *request) {
  tp_function *function = request->function;
  if (request->ending != TP_RETURN_RESULTS && request->ending != TP_RETURN_ERROR)
    return;
  uint64_t before = function->is_known ? function->cost : request->spent;
  function->cost = (before * 7 + request->spent) / 8;
  function->is_known = true;
}

static void collect(tp_threads *set, tp_thread *thread) {
  tp_request_list requests = TAILQ_HEAD_INITIALIZER(requests);
  tp_note_list lines = STAILQ_HEAD_INITIALIZER(lines);
  uv_mutex_lock(&thread->lock);
  tp_set_publish(thread);
  TAILQ_CONCAT(&requests, &thread->outbox, link);
  STAILQ_CONCAT(&lines, &thread->lines);
  unsigned lost = thread->lost_lines;
  thread->line_count = thread->lost_lines = 0;
  uv_mutex_unlock(&thread->lock);
  write_lines(set, thread, &lines, lost);
  tp_request *request;
  while ((request = TAILQ_FIRST(&requests))) {
    TAILQ_REMOVE(&requests, request, link);
    thread->held_count--;
    learn(request);
    tp_set_complete(request);
  }
}

void tp_dispatch_collect(tp_threads *set) {
  for (unsigned i = 0; i < set->count; i++)
    if (set->threads[i])
      collect(set, set->threads[i]);
}
