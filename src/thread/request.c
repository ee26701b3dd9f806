/* SPDX-License-Identifier: MIT
 *
 * The records of requests; see request.h. */
#include "thread/request.h"
#include "thread/set.h"

#include <stdlib.h>

/* How many records are kept for reuse, and how large their buffers may be. */
#define REUSABLE_MAX 1024
#define REUSABLE_SIZE 4096

tp_request *tp_request_create(tp_threads *set) {
  tp_request *request = TAILQ_FIRST(&set->reusable);
  if (request) {
    TAILQ_REMOVE(&set->reusable, request, link);
    set->reusable_count--;
  } else {
    request = calloc(1, sizeof *request);
  }
  if (request)
    request->set = set;
  return request;
}

static void free_request(tp_request *request) {
  tp_cancel_release(request->cancel);
  tp_bytes_clear(&request->bytes);
  free(request);
}

void tp_request_free_all(tp_request_list *list) {
  tp_request *request;
  while ((request = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, request, link);
    free_request(request);
  }
}

void tp_request_recycle(tp_request *request) {
  tp_threads *set = request->set;
  if (set->reusable_count >= REUSABLE_MAX || request->bytes.capacity > REUSABLE_SIZE) {
    free_request(request);
    return;
  }
  tp_cancel_release(request->cancel);
  tp_bytes bytes = request->bytes;
  bytes.length = 0;
  *request = (tp_request){.bytes = bytes};
  TAILQ_INSERT_HEAD(&set->reusable, request, link);
  set->reusable_count++;
}

void tp_request_push(tp_request_stack *stack, tp_request *request) {
  request->below = atomic_load_explicit(stack, memory_order_relaxed);
  while (!atomic_compare_exchange_weak_explicit(stack, &request->below, request,
                                                memory_order_release, memory_order_relaxed))
    ;
}

void tp_request_pop_all(tp_request_stack *stack, tp_request_list *list) {
  tp_request *request = atomic_exchange_explicit(stack, NULL, memory_order_acquire);
  for (; request; request = request->below)
    TAILQ_INSERT_HEAD(list, request, link);
}

void tp_request_lose(tp_request *request) {
  request->ending = TP_RETURN_LOST;
  request->coro = NULL;
}
