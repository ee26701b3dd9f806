/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the record of a call, shared by call.c and feed.c. */
#ifndef TP_EXEC_CALL_H
#define TP_EXEC_CALL_H

#include "exec/coro.h"

/* The user values of a call. */
enum {
  TP_CALL_POOL = 1,
  TP_CALL_END_CALLBACK,
  TP_CALL_CANCEL_CALLBACK,
  TP_CALL_FUTURE,
  TP_CALL_VALUES = TP_CALL_FUTURE
};

struct tp_call {
  tp_exec *exec;        /* who runs it */
  tp_group *group;      /* set by the first start */
  int anchor;           /* registry reference of the userdata */
  int function;         /* the same of the worker function */
  int signature;        /* the same of what has its parameters' names */
  int items;            /* the same of the list, or of the iterator */
  tp_spread spread;     /* how an element becomes arguments */
  uint64_t next;        /* elements, or times, taken so far */
  uint64_t count;       /* how many there are; not known of an iterator */
  double timeout;       /* seconds that a task may run; 0: no limit */
  tp_retry retry;       /* whether a task is tried again */
  bool iterated;        /* the elements come from an iterator */
  tp_coro *iterator;    /* the coroutine of an iterator; NULL for lists and after its end */
  tp_coro_done done;    /* told of the end of its one task; NULL: nobody is, or was already */
  void *context;        /* for it */
  bool has_callback[2]; /* whether there is a cancel callback, an end callback */
};

/* ---- feed.c ---- */

/* Brings the iterator to its next values: READY if it offers some. */
tp_feed_state tp_feed_step(tp_call *call);

/* Moves the values that the iterator offers to L; returns how many. */
int tp_feed_take(tp_call *call, lua_State *L);

/* Cancels the iterator: DONE, or STOPPING while it has still to end. */
tp_feed_state tp_feed_stop(tp_call *call, tp_cancel *reason);

#endif
