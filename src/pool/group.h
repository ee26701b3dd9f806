/* SPDX-License-Identifier: MIT
 *
 * A group: the tasks of one call (apply, map, start, …). It knows how far its feed is, how many of
 * its tasks may run at a time, and which ids it has started. What moves it on is in flow.c.
 *
 * A *submitted call* is a group of one task: it may have no name, waits in a queue that the pool
 * may bound, and is gone when its task is, unless it is *kept* because others know its name. */
#ifndef TP_POOL_GROUP_H
#define TP_POOL_GROUP_H

#include "pool/cancel.h"
#include "pool/idset.h"
#include "pool/queue.h"
#include "pool/rate.h"
#include "pool/record.h"
#include "pool/task.h"
#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* Where a group's next arguments come from, as the pool sees it. */
typedef enum tp_feed_state {
  TP_FEED_READY,    /* may be asked for the next task */
  TP_FEED_WAITING,  /* its iterator waits for something; the executor says when it has a value */
  TP_FEED_STOPPING, /* cancelled; its iterator has still to end */
  TP_FEED_DONE,     /* nothing more will come */
} tp_feed_state;

/* Whether a submitted call that has not started is admitted to the pool's queue. */
typedef enum tp_admission {
  TP_CALL_LEFT,    /* it has started or was cancelled; so has every other kind of group */
  TP_CALL_QUEUED,  /* it is in the queue, and counts there */
  TP_CALL_BLOCKED, /* it is not, because the queue is full or the pool paused */
} tp_admission;

/* Which tasks' results a group keeps when they have ended. */
typedef enum tp_keep {
  TP_KEEP_ERRORS, /* of those that did not end well: the error */
  TP_KEEP_NONE,   /* of none */
  TP_KEEP_ALL,    /* of all */
} tp_keep;

/* How many tasks did not end well, ever. */
typedef struct tp_ends {
  uint64_t failed;
  uint64_t cancelled;
  uint64_t timed_out;
} tp_ends;

/* The options of a new group. */
typedef struct tp_group_options {
  const char *name;   /* NULL: the first free of "<prefix>-<i>"; of a submitted call: none */
  const char *prefix; /* NULL for a submitted call */
  uint64_t limit;     /* tasks of it at a time, UINT64_MAX for no limit */
  double weight;      /* a smaller one starts sooner, where the pool's order is by priority */
  tp_rate rate;       /* of the starts of its tasks */
  tp_keep results;    /* which results it keeps */
  bool submitted;     /* a submitted call */
  bool waits;         /* submitted: may be blocked by a full queue or a paused pool */
} tp_group_options;

typedef struct tp_group {
  union {
    tp_idnode node;  /* in the pool's table by number */
    uint64_t number; /* rises with each new group of the pool */
  };
  struct tp_pool *pool; /* the pool it belongs to */
  char *name;           /* unique among the groups that are not forgotten; NULL: it has none */
  void *call;           /* the executor's: what to call with which arguments; NULL once released */
  uint64_t limit;       /* tasks of it at a time, UINT64_MAX for no limit */
  uint64_t occupying;   /* tasks started and not ended; they count against the limit */
  uint64_t started;     /* tasks ever started */
  tp_ends ends;         /* how they ended */
  tp_cancel *reason;    /* of a cancel that has not reached all its tasks yet; else NULL */
  tp_task *next_cancel; /* the task that it reaches next */
  uint64_t unseen;      /* failures of tasks and of the iterator that nobody has looked at */
  tp_task_list tasks;   /* live tasks in the order of starting */
  tp_record_list records; /* of its tasks that have ended, by age */
  uint64_t began;         /* when its first task started, by the same clock as that */
  uint64_t ended;         /* when it finished; 0: it has no name, or has not */
  tp_idset ids;           /* all tasks ever started and not flushed */
  tp_feed_state feed;     /* the state of its arguments */
  tp_queue_place place;   /* in the pool's queue, or among its throttled groups */
  tp_rate rate;           /* of the starts of its tasks */
  double weight;          /* a smaller one starts sooner, where the pool's order is by priority */
  tp_admission admission; /* of a submitted call that has not started */
  tp_keep results;        /* which results it keeps */
  uint64_t dropped;       /* records that gave way to newer ones */
  bool submitted;         /* a submitted call */
  bool kept;              /* a submitted call that stays until a flush when it has ended */
  bool known_by_name; /* the same, without a future: its failure counts as those of other groups */
  bool throttled;     /* its place is among those that wait for a token of their rate */
  bool feeding;       /* is being asked for a task right now, so must stay */
  bool finished;      /* nothing of it runs and nothing is to come */
  bool forgotten;     /* cancelled: no longer found by name */
  union {
    TAILQ_ENTRY(tp_group) blocked_link; /* among the blocked calls */
    TAILQ_ENTRY(tp_group) feeding_link; /* of any other group: among those with tasks to come */
  };
  TAILQ_ENTRY(tp_group) cancel_link; /* among those with a `reason` */
  TAILQ_ENTRY(tp_group) pool_link;   /* in the pool's list, by age */
  UT_hash_handle hh;                 /* in the pool's table by name */
} tp_group;

/* A record with a copy of the name, which may be NULL. NULL: no memory. */
tp_group *tp_group_create(struct tp_pool *pool, const char *name, const tp_group_options *options,
                          void *call);

/* Tasks that have ended well. */
uint64_t tp_group_ok(const tp_group *group);

/* What it is called in messages. */
const char *tp_group_label(const tp_group *group);

/* Frees the record; it must be in no list or table, and without live tasks. */
void tp_group_destroy(tp_group *group);

/* Whether its feed may have tasks to come. */
bool tp_group_is_feeding(const tp_group *group);

#endif
