/* SPDX-License-Identifier: MIT
 *
 * Walks over the groups and tasks of a pool that take several turns of the loop. The pool knows
 * them: a group or task that a walk stands at, and that leaves its list, is stepped over. */
#ifndef TP_POOL_WALK_H
#define TP_POOL_WALK_H

#include <sys/queue.h>

struct tp_group;
struct tp_pool;
struct tp_task;

typedef struct tp_walk {
  struct tp_pool *pool;   /* NULL: the walk is closed, or the pool is gone */
  struct tp_group *group; /* the next group; NULL: none */
  struct tp_task *task;   /* the next task of the pool; NULL: none */
  struct tp_task *member; /* the next task of a group, which whoever walks sets; NULL: none */
  LIST_ENTRY(tp_walk) link;
} tp_walk;

typedef LIST_HEAD(tp_walk_list, tp_walk) tp_walk_list;

/* Opens a walk, which must stay where it is until it is closed. It stands at the first group and
 * the first running task. */
void tp_walk_open(tp_walk *walk, struct tp_pool *pool);

/* Closes it; one that is closed is allowed. */
void tp_walk_close(tp_walk *walk);

/* Closes all walks of a pool. */
void tp_walk_close_all(struct tp_pool *pool);

/* Must be called before a group leaves the pool's list, and before a task leaves the pool's running
 * or finishing ones. */
void tp_walk_pass_group(struct tp_pool *pool, const struct tp_group *group);
void tp_walk_pass_task(struct tp_pool *pool, const struct tp_task *task);

/* The same before a task leaves its group. */
void tp_walk_pass_member(struct tp_pool *pool, const struct tp_task *task);

#endif
