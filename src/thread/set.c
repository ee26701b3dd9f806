/* SPDX-License-Identifier: MIT
 *
 * The record of a set, and its requests in flight; see set.h. */
#include "thread/set.h"
#include "exec/park.h"
#include "exec/timer.h"
#include "value/raise.h"

#include <stdlib.h>
#include <string.h>

tp_threads *tp_set_create(tp_host *host, unsigned count, const char *label) {
  tp_threads *set = calloc(1, sizeof *set);
  char *copy = strdup(label);
  tp_thread **threads = calloc(count, sizeof(tp_thread *));
  if (!set || !copy || !threads) {
    free(set);
    free(copy);
    free(threads);
    return NULL;
  }
  atomic_init(&set->references, 1);
  set->host = host;
  set->exec = host->exec;
  set->label = copy;
  set->count = count;
  set->threads = threads;
  TAILQ_INIT(&set->pending);
  TAILQ_INIT(&set->completed);
  TAILQ_INIT(&set->reusable);
  return set;
}

static void destroy(tp_threads *set) {
  tp_request_free_all(&set->pending);
  tp_request_free_all(&set->completed);
  tp_request_free_all(&set->reusable);
  tp_function_free_all(set);
  free(set->threads);
  free(set->label);
  free(set);
}

void tp_set_release(tp_threads *set) {
  if (atomic_fetch_sub(&set->references, 1) == 1)
    destroy(set);
}

tp_threads *tp_set_check(lua_State *L, int index) {
  tp_threads **box = lua_touserdata(L, index);
  if (!*box || (*box)->is_closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the threads have ended");
  return *box;
}

/* ---- requests in flight ---- */

void tp_set_begin_flight(tp_threads *set, uv_prepare_cb after_turn) {
  tp_timer_begin_outside(set->exec);
  if (set->in_flight++ > 0)
    return;
  uv_ref((uv_handle_t *)&set->completion);
  uv_prepare_start(&set->prepare, after_turn);
}

void tp_set_end_flight(tp_threads *set) {
  tp_timer_end_outside(set->exec);
  if (--set->in_flight > 0)
    return;
  uv_unref((uv_handle_t *)&set->completion);
  uv_prepare_stop(&set->prepare);
}

bool tp_set_publish(tp_thread *thread) {
  bool was_empty = TAILQ_EMPTY(&thread->outbox);
  tp_request_list done = TAILQ_HEAD_INITIALIZER(done);
  tp_request *request;
  tp_request_pop_all(&thread->done, &done);
  TAILQ_FOREACH (request, &done, link) {
    request->place = TP_PLACE_COMPLETED;
    if (request->is_listed)
      TAILQ_REMOVE(&thread->cancels, request, cancel_link);
    request->is_listed = false;
  }
  TAILQ_CONCAT(&thread->outbox, &done, link);
  return was_empty && !TAILQ_EMPTY(&thread->outbox);
}

void tp_set_drop(tp_request *request) {
  request->set->host->dropped_results++;
  tp_request_recycle(request);
}

/* Where the wake comes too late, a cancel was first: the call looks for itself when it goes on. */
void tp_set_complete(tp_request *request) {
  tp_threads *set = request->set;
  request->place = TP_PLACE_OWNER;
  if (request->is_abandoned) {
    tp_set_drop(request);
    return;
  }
  request->is_completed = true;
  TAILQ_INSERT_TAIL(&set->completed, request, link);
  tp_set_end_flight(set);
  if (!set->shutting_down)
    tp_park_wake(set->exec, request->wake, set->host->L, 0);
}
