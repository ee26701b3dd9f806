/* SPDX-License-Identifier: MIT
 *
 * What a group calls, and with which arguments its next task starts: the same list each time, the
 * next element of a list, or the next step of an iterator (source.c). */
#ifndef TP_EXEC_CALL_H
#define TP_EXEC_CALL_H

#include "exec/retry.h"

/* Stack indexes of what a call is made of; 0 or an index of nil where there is none. */
typedef struct tp_call_parts {
  int pool;      /* the pool's userdata, kept alive by the call */
  int function;  /* the worker function */
  int signature; /* what has its parameters' names, where that is another function */
  int items;     /* the list of elements, or of arguments; a function: the iterator */
  int end_callback, cancel_callback;
  tp_spread spread; /* how an element becomes arguments */
  int timeout;      /* seconds that a task may run */
  tp_retry retry;   /* whether a task is tried again */
  uint64_t times;   /* TP_SPREAD_SAME: how many tasks */
  /* Of a submitted call: told once of its results, or of the error or the cancel that came before
   * them, which are then neither logged nor counted. */
  tp_coro_done done;
  void *context; /* for it */
  int future;    /* what `context` belongs to, kept alive by the call */
} tp_call_parts;

typedef struct tp_call tp_call;

/* Makes a call, anchored until its group is finished or tp_call_destroy. Raises InvalidArgument,
 * NoMemory. */
tp_call *tp_call_create(tp_exec *exec, lua_State *L, const tp_call_parts *parts);

/* Whether the tasks of a group call that function, a pointer of lua_topointer. */
bool tp_call_is_of(const tp_group *group, const void *function);

/* Pushes the future of a group's call. Allocates nothing. */
void tp_call_push_future(const tp_group *group, lua_State *L);

/* Pushes a list of what a live task was called with, its length at "n". Raises for lack of memory.
 */
void tp_call_push_arguments(const tp_task *task, lua_State *L);

/* The same of a task that has not started, by its place in the group. False: an iterator will say,
 * and nothing was pushed. */
bool tp_call_push_waiting(const tp_group *group, uint64_t number, lua_State *L);

/* Frees a call that found no group. */
void tp_call_destroy(tp_call *call, lua_State *L);

/* ---- for the files of exec/ ---- */

/* The group's next task: see tp_pool_ops. What raises here jumps over the pool that asks, and over
 * what runs; tp_call_recover brings both in order again. */
tp_feed_state tp_call_start(tp_group *group, tp_task **task);
uint64_t tp_call_waiting(const tp_group *group);
uint64_t tp_call_demand(const tp_group *group);
tp_feed_state tp_call_stop(tp_group *group, tp_cancel *reason);
tp_feed_state tp_call_fail(tp_group *group);
void tp_call_release(tp_group *group);

/* An error has ended what asked a group for its next task, if anything did: the group fails. */
void tp_call_recover(tp_exec *exec);

/* The group's pool is about to be destroyed: its call is told that it has not ended. */
void tp_call_tell_end(const tp_group *group);

/* Hands the `count` results (or the error) on top of L to who is told of the end of the group's one
 * task. False: nobody is, or was already. */
bool tp_call_tell(const tp_group *group, lua_State *L, bool ok, int count);

/* Which callback of a task. */
typedef enum tp_call_callback { TP_CALLBACK_CANCEL, TP_CALLBACK_END } tp_call_callback;

/* Whether the tasks of a group have that callback, and pushes it. */
bool tp_call_has_callback(const tp_group *group, tp_call_callback which);
void tp_call_push_callback(const tp_group *group, lua_State *L, tp_call_callback which);

#endif
