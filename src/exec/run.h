/* SPDX-License-Identifier: MIT
 *
 * What the executor keeps for a pool: who waits for it, its alarms, its errors; and when a pool
 * that scales itself is looked at (how it decides: pool/scale.c). */
#ifndef TP_EXEC_RUN_H
#define TP_EXEC_RUN_H

#include "exec/retry.h"
#include "exec/timer.h"

/* One who waits for something of a pool. */
typedef struct tp_pool_waiter {
  tp_wake_id id;   /* woken when … */
  tp_event event;  /* … this happens: IDLE, CLOSED, FINISHED, MOVED, ENDED or DONE */
  uint64_t number; /* DONE: once the pool is flushable for this ticket; ENDED: of the task of this
                      id; FINISHED, MOVED: of the group of this number; else unused */
} tp_pool_waiter;

/* How many tasks of a pool had ended at some time. */
typedef struct tp_tally {
  uint64_t when;  /* nanoseconds */
  uint64_t ended; /* tasks */
} tp_tally;

/* How many of them are kept. */
enum { TP_RUN_TALLIES = 6 };

struct tp_run {
  tp_exec *exec;                  /* the executor */
  unsigned listened;              /* bits of the events that the listener is told of */
  tp_pool *pool;                  /* the pool; its owner is this record */
  bool held;                      /* it starts nothing; see tp_run_hold */
  bool queued;                    /* among the executor's pools that have something to start */
  TAILQ_ENTRY(tp_run) queue_link; /* there */
  tp_pool_waiter *waiters;        /* who waits for it */
  size_t waiter_count;            /* how many */
  size_t waiter_capacity;         /* how many fit */
  double grace;                   /* seconds that its cancelled tasks have before they are killed */
  tp_alarm pacer;                 /* the next token that its rates wait for */
  tp_alarm scaler;                /* the next look at a pool that scales itself */
  bool changed;                   /* something has happened to it since the last one */
  tp_retry retry;                 /* of calls that say nothing else */
  tp_keep results;                /* which results the groups of a SimpleTaskPool keep */
  uint64_t errors;                /* tasks and iterators that failed since the last flush */
  int first_error;                /* registry reference of the first error value */
  tp_tally tallies[TP_RUN_TALLIES]; /* a ring of those that the host has made last */
  unsigned number;                  /* in a trace; 0: none yet */
  uint64_t tally_count;             /* how many it has made */
};

/* The executor of a pool. */
static inline tp_exec *tp_run_exec(const tp_pool *pool) {
  return ((const tp_run *)pool->owner)->exec;
}

/* Makes a pool that this executor runs by `ops`. NULL: no memory. */
tp_pool *tp_run_create(tp_exec *exec, const tp_pool_ops *ops, int kind, const char *label,
                       uint64_t size);

/* Frees a pool of which nothing runs. */
void tp_run_destroy(tp_pool *pool);

/* Has the listener told of the events of a pool whose bits are set, and of no others. */
void tp_run_listen(tp_pool *pool, unsigned events);

/* Has a pool start nothing: what it has started waits for somebody else to take it up. */
void tp_run_hold(tp_pool *pool);

/* Has it go on, if it was held. */
void tp_run_let_go(tp_pool *pool);

/* Has a pool scale itself between those bounds. */
void tp_run_set_bounds(tp_pool *pool, const tp_bounds *bounds);

/* Wakes the running coroutine's next park at that event. Raises for lack of memory. */
void tp_run_wait(tp_pool *pool, lua_State *L, tp_event event, uint64_t number);

/* Pushes the first error since the last call, and returns how many there were; 0: pushes nothing.
 */
uint64_t tp_run_take_errors(tp_pool *pool, lua_State *L);

/* ---- for the files of exec/ ---- */

/* Tells the listener, and who waits for the pool, of an event; `words` for the listener or NULL. */
void tp_run_tell(tp_pool *pool, tp_event event, tp_task *task, const char *words);

/* Counts an error of a task or of the iterator of a group, which somebody else is told of or not;
 * the error value is on top of L and stays there. Never raises. */
void tp_run_count_error(tp_group *group, lua_State *L, bool is_unseen);

#endif
