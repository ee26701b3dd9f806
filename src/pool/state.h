/* SPDX-License-Identifier: MIT
 *
 * The record of a pool, what it tells, and what it needs of its executor. */
#ifndef TP_POOL_STATE_H
#define TP_POOL_STATE_H

#include "pool/cancel.h"
#include "pool/group.h"
#include "pool/rate.h"
#include "pool/record.h"
#include "pool/scale.h"
#include "pool/task.h"
#include "pool/walk.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No time: takes an earlier wake_at back. */
#define TP_NEVER UINT64_MAX

/* The weight of a group that sets none. */
#define TP_WEIGHT_DEFAULT 4

/* Which of the waiting groups gets the next place. */
typedef enum tp_order {
  TP_ORDER_FIFO,     /* each in its turn */
  TP_ORDER_LIFO,     /* the newest */
  TP_ORDER_PRIORITY, /* the one of the smallest weight, among equals each in its turn */
} tp_order;

typedef struct tp_pool tp_pool;

/* The bit of an event in `listened` of tp_pool. */
#define TP_EVENT_BIT(event) (1U << (event))

/* What a pool reports; the task is set if the event is about one. */
typedef enum tp_event {
  TP_EVENT_INITIALIZED, /* the pool is made */
  TP_EVENT_LOCKED,      /* refuses new work */
  TP_EVENT_UNLOCKED,    /* takes new work again */
  TP_EVENT_STARTED,     /* a task has its place and its id */
  TP_EVENT_CANCELLING,  /* a cancel is about to reach a task's function (told by the executor) */
  TP_EVENT_CANCELLED,   /* a task's function was ended by a cancel */
  TP_EVENT_RETRIED,     /* a task's function has failed and is tried again (the same) */
  TP_EVENT_KILLED,      /* a task did not end by itself after its cancel (told by the executor) */
  TP_EVENT_IGNORED,     /* a task was cancelled, but its function returned (the same) */
  TP_EVENT_ENDED,       /* a task has ended; its place is free */
  TP_EVENT_DONE,        /* its callbacks have finished too */
  TP_EVENT_IDLE,        /* nothing runs and nothing is to come */
  TP_EVENT_BUSY,        /* the pool was idle and got work */
  TP_EVENT_CLOSED,      /* the pool is closed */
  TP_EVENT_MOVED,    /* a task of a group has ended or is done, or the group is finished; never told
                        itself, only waited for */
  TP_EVENT_FINISHED, /* a group has nothing running and nothing to come */
  TP_EVENT_CHANGED,  /* work has come, or the size was set: what scales the pool looks again */
  TP_EVENT_SCALED,   /* the pool has given itself another size */
  TP_EVENT_HELD,     /* it has decided to keep its size */
} tp_event;

/* What a pool needs of its executor. */
typedef struct tp_pool_ops {
  /* Takes the group's next arguments and makes a task of them: `*task` is the new record (its pool
   * fields are filled afterwards), NULL if there is none now. Returns what to expect of the feed
   * after it. */
  tp_feed_state (*start)(tp_group *group, tp_task **task);
  /* Cancels a task that is not done. Must only mark: nothing runs inside. */
  void (*cancel)(tp_task *task, tp_cancel *reason);
  /* The task that runs now, of whichever pool; NULL: none does. */
  tp_task *(*current)(const tp_pool *pool);
  /* Ends the group's feed. DONE, or STOPPING while its iterator is being cancelled. */
  tp_feed_state (*stop_feed)(tp_group *group, tp_cancel *reason);
  /* The same for lack of memory, which counts as an error of the group. */
  tp_feed_state (*fail_feed)(tp_group *group);
  /* How many tasks the feed still holds, as far as is known. */
  uint64_t (*waiting)(const tp_group *group);
  /* How many tasks it may have for places that become free; TP_UNLIMITED for an iterator, which
   * does not say. */
  uint64_t (*demand)(const tp_group *group);
  /* The group no longer needs its `call`. */
  void (*release)(tp_group *group);
  /* The pool could start tasks: call tp_flow_feed soon, from the loop. */
  void (*wake)(tp_pool *pool);
  /* The clock of rates, nanoseconds; it never goes back. */
  uint64_t (*now)(const tp_pool *pool);
  /* Call tp_flow_go_on from the loop at that time of this clock, in place of the time asked for
   * before; TP_NEVER: never. */
  void (*wake_at)(tp_pool *pool, uint64_t when);
  /* Something happened that is in `listened`; `words` says more, or is NULL. Must not call back
   * into the pool. */
  void (*event)(tp_pool *pool, tp_event event, tp_task *task, const char *words);
} tp_pool_ops;

struct tp_pool {
  const tp_pool_ops *ops; /* the executor's functions */
  void *owner;            /* the executor's record of this pool */
  unsigned listened;      /* bit e: event e must be told */
  bool woken;     /* the executor knows that there is something to start; cleared by tp_flow_feed */
  char *label;    /* its name in messages, such as "TaskPool-0" */
  int kind;       /* the owner's kind of pool */
  uint64_t size;  /* tasks at a time, TP_UNLIMITED for no limit */
  tp_scale scale; /* how the pool scales itself, if it does */
  uint64_t next_id;             /* id of the next task = number of tasks ever started */
  uint64_t running;             /* tasks in TP_TASK_RUNNING */
  uint64_t cancelled;           /* tasks in TP_TASK_CANCELLED */
  uint64_t ended;               /* tasks ended and not flushed, their callbacks finished or not */
  uint64_t in_callbacks;        /* tasks in TP_TASK_ENDED: a part of `ended` */
  tp_ends ends;                 /* how tasks have ended that did not end well */
  uint64_t retried;             /* tries of tasks beyond their first ones, ever */
  uint64_t next_ticket;         /* the next task that enters `finishing` draws this one */
  tp_task_list running_tasks;   /* in the order of starting */
  tp_task_list finishing_tasks; /* cancelled, or with callbacks to finish, by ticket */
  tp_idmap tasks;               /* live tasks by id */
  tp_records records;           /* of tasks that have ended, filled by the executor */
  tp_order order;               /* of the queue */
  tp_queue queue;               /* groups that can start a task once there is room */
  tp_rate rate;                 /* of the starts of all its tasks */
  bool paced;                   /* it has a rate, or a group of it has had one */
  tp_queue throttled;           /* groups that wait for a token, the first to get one first */
  uint64_t wake_at;             /* the time that the executor was last asked for */
  uint64_t next_turn;           /* of the next group that enters the queue */
  TAILQ_HEAD(tp_group_list, tp_group) groups; /* all groups, oldest first */
  uint64_t group_count;                       /* how many */
  tp_idmap numbers;                           /* the same, by number */
  tp_group *visit;                            /* the next one of tp_flow_visit */
  tp_walk_list walks;                         /* walks that are open */
  uint64_t next_number;                       /* of the next group */
  tp_group *names;                            /* groups by name */
  uint64_t queue_limit;            /* submitted calls that may wait, TP_UNLIMITED for no limit */
  uint64_t queued_calls;           /* those in TP_CALL_QUEUED */
  struct tp_group_list cancelling; /* those whose cancel has not reached all their tasks */
  struct tp_group_list blocked;    /* those in TP_CALL_BLOCKED, oldest first */
  struct tp_group_list feeding;    /* groups with tasks to come, but for submitted calls … */
  uint64_t calls_to_come;          /* … of which there are so many */
  tp_idset call_ids;               /* tasks of submitted calls, started and not flushed */
  char *free_prefix;               /* the prefix that the last default name was made of */
  uint64_t free_index;             /* below it no index is free for that prefix */
  uint64_t unfinished;             /* groups that are not finished */
  uint64_t finished;               /* the number of the one that TP_EVENT_FINISHED is about */
  bool locked;                     /* refuses new work */
  bool paused;                     /* the same for now: calls that may wait do */
  bool closed;                     /* refuses everything */
  TAILQ_ENTRY(tp_pool) host_link;  /* in the host's list */
};

typedef TAILQ_HEAD(tp_pool_list, tp_pool) tp_pool_list;

/* ---- looks at the record ---- */

/* Whether no place is left. */
static inline bool tp_pool_is_at_limit(const tp_pool *pool) {
  return pool->running + pool->cancelled >= pool->size;
}

/* Whether nothing runs and nothing is to come. */
static inline bool tp_pool_is_idle(const tp_pool *pool) {
  return pool->unfinished == 0;
}

/* ---- events ---- */

/* Reports an event; `words` says more, or is NULL. */
static inline void tp_pool_tell_words(tp_pool *pool, tp_event event, tp_task *task,
                                      const char *words) {
  if (pool->listened & TP_EVENT_BIT(event))
    pool->ops->event(pool, event, task, words);
}

static inline void tp_pool_tell(tp_pool *pool, tp_event event, tp_task *task) {
  tp_pool_tell_words(pool, event, task, NULL);
}

#endif
