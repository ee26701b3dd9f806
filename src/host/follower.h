/* SPDX-License-Identifier: MIT
 *
 * Those who follow the events of a host's pools: each has a filter, and a queue from which it takes
 * events when it likes. A queue has a limit; what does not fit is counted, and the follower is told
 * so in the place where it is missing.
 *
 * An event is kept once for all who follow it. */
#ifndef TP_HOST_FOLLOWER_H
#define TP_HOST_FOLLOWER_H

#include "pool/pool.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* The forms of a line that are kept with an event. */
enum { TP_KEPT_TEXT, TP_KEPT_JSON, TP_KEPT_FORMS };

/* An event that is kept. The texts are its own. */
typedef struct tp_kept_event {
  unsigned references;        /* queues that it is in, and those who hold it */
  const char *event;          /* its name, static; "dropped": events are missing here */
  double time;                /* wall clock, seconds since 1970 */
  const char *pool;           /* the pool's label; NULL: none */
  const char *group;          /* the group's name; NULL: none */
  long long task;             /* the task's id; -1: none */
  const char *detail;         /* what more there is to say; NULL: nothing */
  uint64_t count;             /* how many events are missing */
  char *lines[TP_KEPT_FORMS]; /* made by the first who needs it, with malloc; NULL: not yet */
  char texts[];               /* what the pointers above point to */
} tp_kept_event;

/* Gives a reference back; NULL is allowed. */
void tp_follower_release(tp_kept_event *note);

/* Which events somebody follows. */
typedef struct tp_follower_filter {
  unsigned kinds;        /* bits of tp_event */
  const char *pool;      /* the label of a pool, or what follows its class; NULL: any */
  const char *group;     /* the name of a group; NULL: any */
  bool has_pools;        /* only the pools of this list: */
  const tp_pool **pools; /* NULL: the list is empty */
  size_t pool_count;     /* how many these are */
} tp_follower_filter;

typedef struct tp_follower {
  tp_follower_filter filter; /* with copies of the pools and … */
  char *texts;               /* … of the texts */
  size_t limit;              /* notes that may wait; at least 2 */
  tp_kept_event **queue;     /* a ring; NULL: nothing has come yet */
  size_t capacity;           /* notes that fit */
  size_t first, count;       /* those that wait, the oldest first */
  uint64_t dropped;          /* events that did not fit after the newest of these … */
  double last;               /* … and when the last of them was */
  void (*wake)(struct tp_follower *follower); /* an event has come, where none had waited */
  LIST_ENTRY(tp_follower) link;               /* in the host's list */
} tp_follower;

typedef LIST_HEAD(tp_follower_list, tp_follower) tp_follower_list;

/* Copies the filter; `wake` is set by the caller. False: no memory. */
bool tp_follower_open(tp_follower *follower, const tp_follower_filter *filter, size_t limit);

/* Frees what it owns. */
void tp_follower_close(tp_follower *follower);

/* The next event, for tp_follower_release. NULL: there is none now. */
tp_kept_event *tp_follower_take(tp_follower *follower);

/* Queues an event of `pool` for those who follow it. */
void tp_follower_tell(tp_follower_list *followers, const tp_pool *pool, tp_event event,
                      const tp_event_record *record);

#endif
