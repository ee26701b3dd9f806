/* SPDX-License-Identifier: MIT
 *
 * The group record; see group.h. */
#include "pool/group.h"

#include <stdlib.h>
#include <string.h>

tp_group *tp_group_create(struct tp_pool *pool, const char *name, const tp_group_options *options,
                          void *call) {
  tp_group *group = calloc(1, sizeof *group);
  char *copy = name ? strdup(name) : NULL;
  if (!group || (name && !copy)) {
    free(group);
    free(copy);
    return NULL;
  }
  group->pool = pool;
  group->name = copy;
  group->limit = options->limit;
  group->weight = options->weight;
  group->rate = options->rate;
  group->results = options->results;
  group->submitted = options->submitted;
  group->kept = options->submitted && name && !options->waits;
  group->call = call;
  TAILQ_INIT(&group->tasks);
  TAILQ_INIT(&group->records);
  return group;
}

uint64_t tp_group_ok(const tp_group *group) {
  const tp_ends *ends = &group->ends;
  return group->started - group->occupying - ends->failed - ends->cancelled - ends->timed_out;
}

bool tp_group_is_feeding(const tp_group *group) {
  return group->feed == TP_FEED_READY || group->feed == TP_FEED_WAITING;
}

const char *tp_group_label(const tp_group *group) {
  return group->name ? group->name : "submit";
}

void tp_group_destroy(tp_group *group) {
  tp_cancel_release(group->reason);
  tp_idset_clear(&group->ids);
  free(group->name);
  free(group);
}
