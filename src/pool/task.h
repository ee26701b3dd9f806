/* SPDX-License-Identifier: MIT
 *
 * A task: one call being run. The record is part of what the executor keeps for the call. Its state
 * is changed by tp_flow_enter alone. */
#ifndef TP_POOL_TASK_H
#define TP_POOL_TASK_H

#include "base/idmap.h"
#include <stdint.h>
#include <sys/queue.h>

struct tp_group;

/* How a task's function has ended. */
typedef enum tp_task_end {
  TP_END_OK,        /* it returned, or has not ended */
  TP_END_FAILED,    /* by an error */
  TP_END_CANCELLED, /* by a cancel */
  TP_END_TIMED_OUT, /* by a cancel because its time was over */
} tp_task_end;

typedef enum tp_task_state {
  TP_TASK_NEW,       /* not in any pool yet */
  TP_TASK_RUNNING,   /* started; its function has not returned */
  TP_TASK_CANCELLED, /* cancelled; its cleanup or its cancel callback has not finished */
  TP_TASK_ENDED,     /* ended; its end callback may still run */
  TP_TASK_DONE,      /* nothing of it runs; the record is the executor's again */
} tp_task_state;

typedef struct tp_task {
  union {
    tp_idnode node; /* in the pool's table by id */
    uint64_t id;    /* counts from 0 within the pool, in the order of starting */
  };
  struct tp_group *group; /* the group that it is a task of */
  uint64_t number;        /* its place in the group, from 0 on, in the order of starting */
  TAILQ_ENTRY(tp_task)
  pool_link; /* in the pool's `running` (by start) or `finishing` (by ticket) */
  TAILQ_ENTRY(tp_task) group_link; /* in the group's live tasks, by start */
  uint64_t ticket;         /* number of its move into `finishing`; orders it against flushes */
  tp_task_state state : 8; /* its state */
  tp_task_end end : 8;     /* set by the executor before it enters TP_TASK_ENDED or TP_TASK_DONE */
  uint16_t kept;           /* values of its call that the executor keeps on a stack */
  uint32_t tries;   /* calls of its function; counted by the executor if it may be tried again */
  uint64_t busy;    /* nanoseconds that its code has run, as far as the executor has looked */
  uint64_t started; /* the time of its start, to within a turn of the loop, by the executor's clock
                       of rates; set by the executor */
} tp_task;

typedef TAILQ_HEAD(tp_task_list, tp_task) tp_task_list;

/* The word for a state, such as "running". */
const char *tp_task_state_name(tp_task_state state);

/* The live task of that id; NULL: there is none. */
tp_task *tp_task_find(const tp_idmap *tasks, uint64_t id);

#endif
