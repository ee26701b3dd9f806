/* SPDX-License-Identifier: MIT
 *
 * What the executor is made of, for those who only hold pointers to it. */
#ifndef TP_EXEC_TYPES_H
#define TP_EXEC_TYPES_H

#include "pool/pool.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct tp_exec tp_exec; /* an executor */
typedef struct tp_coro tp_coro; /* a coroutine: one call being run */
typedef struct tp_run tp_run;   /* what an executor keeps for a pool */

/* How an element becomes arguments. */
typedef enum tp_spread {
  TP_SPREAD_SAME,  /* apply, start: the same arguments each time */
  TP_SPREAD_ONE,   /* map: the element */
  TP_SPREAD_LIST,  /* starmap: the element is a list of arguments */
  TP_SPREAD_NAMED, /* doublestarmap: the element is a table of arguments by name */
} tp_spread;

/* Names one park of one coroutine. Never 0. */
typedef uint64_t tp_wake_id;

/* Called once, when a call has ended, with the `count` results on top of L (ok), or one error value
 * (not ok). Runs inside the coroutine, or, if memory has run out for that, outside any coroutine.
 * Must not wait. What it raises is only logged: it does first what others depend on. */
typedef void (*tp_coro_done)(void *context, lua_State *L, bool ok, int count);

/* A call has ended in an error that nobody else is told of. */
typedef struct tp_exec_failure {
  const char *who;       /* names the call */
  const char *text;      /* message and traceback */
  const char *error;     /* the code of the error; NULL: it tells of no error value */
  const tp_group *group; /* whose call it is; NULL: no group's */
  const tp_task *task;   /* the task; NULL: none */
} tp_exec_failure;

/* What is stuck, and where. */
typedef struct tp_exec_stuck {
  char place[256]; /* words for it */
  char pool[128];  /* the label of its pool; "": none */
  char group[128]; /* the name of its group; "": none */
  long long task;  /* the id of the task; -1: none */
} tp_exec_stuck;

/* Who is told what happens. */
typedef struct tp_exec_listener {
  void *context; /* handed to the functions */
  /* A pool event. The task is NULL if the event is about the pool, `words` (what more there is to
   * say) if there are none. Must not call back. */
  void (*event)(void *context, tp_pool *pool, tp_event event, const tp_task *task,
                const char *words);
  /* A task has run since then (nanoseconds), and gives way or waits now; only while runs are
   * watched. */
  void (*ran)(void *context, const tp_task *task, uint64_t since);
  /* A call has failed. */
  void (*failed)(void *context, const tp_exec_failure *failure);
  /* What runs is stuck in C code. Called from a thread of the watchdog's own. */
  void (*stuck)(void *context, const tp_exec_stuck *stuck);
} tp_exec_listener;

#endif
