/* SPDX-License-Identifier: MIT
 *
 * The heap of groups; see queue.h. */
#include "pool/queue.h"
#include "base/vec.h"
#include "pool/group.h"

#include <stdlib.h>

bool tp_queue_reserve(tp_queue *queue, size_t count) {
  if (count <= queue->capacity)
    return true;
  tp_group **groups = tp_vec_reserve(queue->groups, &queue->capacity, count, sizeof(tp_group *));
  if (!groups)
    return false;
  queue->groups = groups;
  return true;
}

static bool is_before(const tp_group *a, const tp_group *b) {
  if (a->place.weight != b->place.weight)
    return a->place.weight < b->place.weight;
  return a->place.turn < b->place.turn;
}

static void put(tp_queue *queue, tp_group *group, size_t index) {
  queue->groups[index - 1] = group;
  group->place.index = index;
}

/* Moves a group towards the front of the heap, from a hole at `index`. */
static void rise(tp_queue *queue, tp_group *group, size_t index) {
  while (index > 1 && is_before(group, queue->groups[index / 2 - 1])) {
    put(queue, queue->groups[index / 2 - 1], index);
    index /= 2;
  }
  put(queue, group, index);
}

/* The same towards the end. */
static void sink(tp_queue *queue, tp_group *group, size_t index) {
  for (size_t child; (child = index * 2) <= queue->count; index = child) {
    if (child < queue->count && is_before(queue->groups[child], queue->groups[child - 1]))
      child++;
    if (!is_before(queue->groups[child - 1], group))
      break;
    put(queue, queue->groups[child - 1], index);
  }
  put(queue, group, index);
}

void tp_queue_add(tp_queue *queue, tp_group *group) {
  rise(queue, group, ++queue->count);
}

void tp_queue_reorder(tp_queue *queue, tp_group *group) {
  rise(queue, group, group->place.index);
  sink(queue, group, group->place.index);
}

void tp_queue_remove(tp_queue *queue, tp_group *group) {
  size_t index = group->place.index;
  tp_group *last = queue->groups[--queue->count];
  group->place.index = 0;
  if (last == group)
    return;
  last->place.index = index;
  tp_queue_reorder(queue, last);
}

void tp_queue_clear(tp_queue *queue) {
  free(queue->groups);
  *queue = (tp_queue){0};
}
