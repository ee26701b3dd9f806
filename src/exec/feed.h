/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the iterator that gives a group its arguments. One is user code that may
 * wait, so it runs in a coroutine of its own, which is resumed when the group has room. It yields
 * the values of one step (TP_CORO_OFFERING), or parks, and then offers its values when it has them.
 */
#ifndef TP_EXEC_FEED_H
#define TP_EXEC_FEED_H

#include "exec/types.h"

/* An iterator: the first part of the record of a call, which is a userdata. */
typedef struct tp_feed {
  tp_exec *exec;   /* who runs it */
  tp_group *group; /* whom it feeds */
  int anchor;      /* registry reference of the call's userdata */
  int items;       /* the same of the iterator */
  bool started;    /* it was asked for its first values, or closed without that */
  tp_coro *coro;   /* its coroutine; NULL before its start and after its end */
} tp_feed;

/* Brings the iterator to its next values: READY if it offers some. False: no memory to start it. */
bool tp_feed_step(tp_feed *feed, tp_feed_state *state);

/* Whether it offers values now. */
bool tp_feed_has_values(const tp_feed *feed);

/* Moves the values that the iterator offers to L; returns how many. */
int tp_feed_take(tp_feed *feed, lua_State *L);

/* Cancels the iterator: DONE, or STOPPING while it has still to end. */
tp_feed_state tp_feed_stop(tp_feed *feed, tp_cancel *reason);

/* The coroutine of an iterator, resumed by a turn, offers the values of a step. */
void tp_feed_offered(tp_coro *coro);

#endif
