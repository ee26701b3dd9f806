/* SPDX-License-Identifier: MIT
 *
 * A group: the tasks of one call (apply, map, start, …). It knows how far its feed is, how many of
 * its tasks may run at a time, and which ids it has started. What moves it on is in pool.c and
 * feed.c. */
#ifndef TP_POOL_GROUP_H
#define TP_POOL_GROUP_H

#include "pool/idset.h"
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

typedef struct tp_group {
  struct tp_pool *pool; /* the pool it belongs to */
  char *name;           /* unique among the groups that are not forgotten */
  void *call;           /* the executor's: what to call with which arguments; NULL once released */
  uint64_t limit;       /* tasks of it at a time, UINT64_MAX for no limit */
  uint64_t occupying;   /* tasks started and not ended; they count against the limit */
  tp_task_list tasks;   /* live tasks in the order of starting */
  tp_idset ids;         /* all tasks ever started and not flushed */
  tp_feed_state feed;   /* where its arguments stand */
  bool queued;          /* stands in the pool's queue of groups that can start a task */
  bool feeding;         /* is being asked for a task right now, so must stay */
  bool finished;        /* nothing of it runs and nothing is to come */
  bool forgotten;       /* cancelled: no longer found by name */
  bool flushed;         /* was finished and empty at the last flush; the next one frees it */
  STAILQ_ENTRY(tp_group) queue_link; /* in the pool's queue */
  TAILQ_ENTRY(tp_group) pool_link;   /* in the pool's list, by age */
  UT_hash_handle hh;                 /* in the pool's table by name */
} tp_group;

/* A record with a copy of the name. NULL: no memory. */
tp_group *tp_group_create(struct tp_pool *pool, const char *name, uint64_t limit, void *call);

/* Frees the record; it must be in no list or table, and without live tasks. */
void tp_group_destroy(tp_group *group);

/* Takes all ids out of `ids` but those of live tasks. Keeps too many rather than fail for lack of
 * memory. */
void tp_group_forget_ended(tp_group *group);

#endif
