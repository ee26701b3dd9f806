/* SPDX-License-Identifier: MIT
 *
 * Walks over the groups and tasks of a pool; see walk.h. */
#include "pool/walk.h"
#include "pool/state.h"

void tp_walk_open(tp_walk *walk, tp_pool *pool) {
  *walk = (tp_walk){
      .pool = pool, .group = TAILQ_FIRST(&pool->groups), .task = TAILQ_FIRST(&pool->running_tasks)};
  LIST_INSERT_HEAD(&pool->walks, walk, link);
}

void tp_walk_close(tp_walk *walk) {
  if (walk->pool)
    LIST_REMOVE(walk, link);
  walk->pool = NULL;
}

void tp_walk_close_all(tp_pool *pool) {
  while (!LIST_EMPTY(&pool->walks))
    tp_walk_close(LIST_FIRST(&pool->walks));
}

void tp_walk_pass_group(tp_pool *pool, const tp_group *group) {
  tp_walk *walk;
  LIST_FOREACH (walk, &pool->walks, link)
    if (walk->group == group)
      walk->group = TAILQ_NEXT(group, pool_link);
}

void tp_walk_pass_task(tp_pool *pool, const tp_task *task) {
  tp_walk *walk;
  LIST_FOREACH (walk, &pool->walks, link)
    if (walk->task == task)
      walk->task = TAILQ_NEXT(task, pool_link);
}

void tp_walk_pass_member(tp_pool *pool, const tp_task *task) {
  tp_walk *walk;
  LIST_FOREACH (walk, &pool->walks, link)
    if (walk->member == task)
      walk->member = TAILQ_NEXT(task, group_link);
}
