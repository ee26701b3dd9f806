/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: where the calls of a group's tasks come from. A function, and its
 * arguments: the same list each time, the next element of a list, or the next step of an iterator
 * (feed.c).
 *
 * What a task was called with can be asked for later. Nothing is kept for that where a list has it
 * anyway; the values of an iterator stay on the stack of the task, beneath the call. */
#ifndef TP_EXEC_SOURCE_H
#define TP_EXEC_SOURCE_H

#include "exec/feed.h"
#include "exec/retry.h"

/* The first part of the record of a call. */
typedef struct tp_source {
  tp_feed feed;     /* the iterator, if its elements come from one; and where it belongs */
  bool iterated;    /* they do */
  uint64_t number;  /* unlike its address, never that of another source */
  int function;     /* registry reference of the worker function */
  int signature;    /* the same of what has its parameters' names */
  tp_spread spread; /* how an element becomes arguments */
  uint64_t next;    /* elements, or times, taken so far */
  uint64_t count;   /* how many there are; not known of an iterator */
  tp_retry retry;   /* whether a task is tried again */
} tp_source;

/* Pushes what the next task calls, and what that is called with, onto the stack of its coroutine;
 * returns how many values lie above the function that is resumed or called. */
int tp_source_push(tp_source *source, tp_coro *coro);

/* Pushes a list of what a task was called with, its length at "n". Raises for lack of memory. */
void tp_source_push_arguments(lua_State *L, const tp_source *source, const tp_task *task);

/* The same of a task that has not started, by its place in the group. False: an iterator will say,
 * and nothing was pushed. */
bool tp_source_push_waiting(lua_State *L, const tp_source *source, uint64_t number);

/* Moves what the thread of a coroutine keeps beneath the call to the thread that takes its place;
 * returns how many values. Raises in L for lack of memory. */
int tp_source_move_kept(lua_State *L, tp_coro *coro, lua_State *to);

#endif
