/* SPDX-License-Identifier: MIT
 *
 * A request: one call that crosses from the owner of a set of threads into a thread, and back.
 *
 * A request belongs to the owner, to a thread's mailbox, or to the thread, one after the other.
 * Only who has it touches it, except for `place` and the cancel, which need the thread's lock. */
#ifndef TP_THREAD_REQUEST_H
#define TP_THREAD_REQUEST_H

#include "exec/types.h"
#include "value/pack.h"
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

typedef struct tp_threads tp_threads;
typedef struct tp_thread tp_thread;
typedef struct tp_function tp_function;

/* Where a request is. */
typedef enum tp_place {
  TP_PLACE_OWNER,     /* waits for a thread, or its call goes on */
  TP_PLACE_MAILBOX,   /* sent, and can be taken back */
  TP_PLACE_THREAD,    /* the thread has taken it */
  TP_PLACE_COMPLETED, /* the thread has done it; the owner has not collected it */
} tp_place;

/* How a request has ended, which says what its bytes are. */
typedef enum tp_return {
  TP_RETURN_RESULTS,   /* the results */
  TP_RETURN_ERROR,     /* the error value, and message and traceback */
  TP_RETURN_CANCELLED, /* nothing: a cancel has ended it */
  TP_RETURN_LOST,      /* nothing: its thread has ended */
} tp_return;

/* The task that a request is a part of, as the thread sees it. */
typedef struct tp_origin {
  uint32_t tries;  /* which try of the task it is; 0: it is not a part of a task */
  uint64_t id;     /* of the task */
  uint64_t number; /* its place in its group */
  size_t names; /* the name of its group, "" for none, and the label of its pool stand there in the
                   bytes, after the arguments */
} tp_origin;

typedef struct tp_request {
  TAILQ_ENTRY(tp_request) link;        /* in the list of where it is */
  struct tp_request *below;            /* in a stack of done ones */
  tp_threads *set;                     /* its set */
  tp_function *function;               /* what is called */
  tp_thread *thread;                   /* who has it; NULL until it is sent */
  tp_bytes bytes;                      /* the arguments; later see tp_return */
  tp_place place;                      /* needs the lock while it is in flight */
  tp_return ending;                    /* set once it is completed */
  tp_wake_id wake;                     /* owner: the park of its call */
  bool is_completed;                   /* owner: it is in the set's list of completed ones */
  bool is_abandoned;                   /* owner: its call was killed and does not wait for it */
  uint64_t cost;                       /* nanoseconds it was expected to take when it was sent */
  uint64_t sent;                       /* when that was, nanoseconds */
  uint64_t spent;                      /* thread: nanoseconds it has taken */
  tp_origin origin;                    /* the task that it is a part of */
  bool is_final;                       /* its error says that it must not be tried again */
  tp_coro *coro;                       /* thread: the coroutine that runs it */
  tp_cancel *cancel;                   /* needs the lock: a cancel for it; later the thread's */
  bool is_listed;                      /* needs the lock: it is among the cancels of its thread */
  TAILQ_ENTRY(tp_request) cancel_link; /* in that list */
} tp_request;

typedef TAILQ_HEAD(tp_request_list, tp_request) tp_request_list;

/* Done requests: one thread adds to them, and another may take them meanwhile. */
typedef _Atomic(tp_request *) tp_request_stack;

/* A request of the set, or a reused one; it is in no list. NULL: no memory. */
tp_request *tp_request_create(tp_threads *set);

/* Keeps a request for reuse, or frees it. It must be in no list. */
void tp_request_recycle(tp_request *request);

/* Frees all requests of a list. */
void tp_request_free_all(tp_request_list *list);

/* Adds a request that is in no list to a stack. It is not the caller's any more. */
void tp_request_push(tp_request_stack *stack, tp_request *request);

/* Empties a stack into an empty list, what was added first before the rest. */
void tp_request_pop_all(tp_request_stack *stack, tp_request_list *list);

/* Marks a request as ended without a result. */
void tp_request_lose(tp_request *request);

#endif
