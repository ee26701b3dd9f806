/* SPDX-License-Identifier: MIT
 *
 * What people see of a pool's groups and tasks.
 *
 * A caller makes strings and tables between two calls. That may run finalizers, which may flush the
 * pool or cancel tasks. So each function here reads all that it returns at once. */
#ifndef TP_POOL_VIEW_H
#define TP_POOL_VIEW_H

#include "pool/state.h"

/* How far a group is. */
typedef struct tp_view {
  uint64_t running; /* tasks that hold a place */
  uint64_t waiting; /* tasks that have not started, as far as is known */
  uint64_t ended;   /* tasks that have ended, however they did */
  uint64_t ok;      /* those of them that have ended well */
  tp_ends ends;     /* the others */
  uint64_t limit;   /* tasks at a time, TP_UNLIMITED for no limit */
  double weight;    /* a smaller one comes sooner */
  bool is_exact;    /* `waiting` counts all of them; an iterator does not say how many */
  char why[64];     /* what holds the group back */
} tp_view;

tp_view tp_view_group(const tp_group *group);

/* All submitted calls that have no name and have not ended, as one. False: there are none. */
bool tp_view_calls(const tp_pool *pool, tp_view *view);

/* A walk over the groups that have a name. All zero: at its beginning. */
typedef struct tp_view_walk {
  const tp_group *last; /* the group that was visited last */
  uint64_t number;      /* only groups from this number on are left */
  uint64_t freed;       /* groups ever freed: while it does not change, `last` is there */
} tp_view_walk;

/* The next group of a walk, which goes on even if groups are freed meanwhile; with `also_ended`
 * also those that have ended. NULL: that was the last. */
const tp_group *tp_view_next(const tp_pool *pool, tp_view_walk *walk, bool also_ended);

/* Which tasks are asked for. */
typedef struct tp_view_filter {
  const tp_group *group; /* NULL: those of all groups */
  tp_task_state state;   /* TP_TASK_NEW: in any state */
} tp_view_filter;

/* Finds up to `most` tasks that have started and are not done, and returns how many. */
uint64_t tp_view_tasks(const tp_pool *pool, const tp_view_filter *filter, tp_task **found,
                       uint64_t most);

/* Calls `visit` with the ids of up to `most` running tasks, the newest first, and returns how many
 * there were. */
uint64_t tp_view_newest(const tp_pool *pool, uint64_t most,
                        void (*visit)(void *context, uint64_t index, uint64_t id), void *context);

#endif
