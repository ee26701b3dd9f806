/* SPDX-License-Identifier: MIT
 *
 * The group record; see group.h. */
#include "pool/group.h"

#include <stdlib.h>
#include <string.h>

tp_group *tp_group_create(struct tp_pool *pool, const char *name, uint64_t limit, void *call) {
  tp_group *group = calloc(1, sizeof *group);
  char *copy = strdup(name);
  if (!group || !copy) {
    free(group);
    free(copy);
    return NULL;
  }
  group->pool = pool;
  group->name = copy;
  group->limit = limit;
  group->call = call;
  TAILQ_INIT(&group->tasks);
  return group;
}

void tp_group_destroy(tp_group *group) {
  tp_idset_clear(&group->ids);
  free(group->name);
  free(group);
}

void tp_group_forget_ended(tp_group *group) {
  tp_idset living = {0};
  tp_task *task;
  TAILQ_FOREACH(task, &group->tasks, group_link) {
    if (!tp_idset_reserve(&living)) {
      tp_idset_clear(&living);
      return;
    }
    tp_idset_add(&living, task->id);
  }
  tp_idset_clear(&group->ids);
  group->ids = living;
}
