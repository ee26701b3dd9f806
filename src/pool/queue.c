/* SPDX-License-Identifier: MIT
 *
 * The heap of groups; see queue.h. */
#include "pool/queue.h"
#include "base/heap.h"
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

static void put(tp_group **groups, size_t index, tp_group *group) {
  groups[index] = group;
  group->place.index = index + 1;
}

TP_HEAP(heap, tp_group *, is_before, put)

void tp_queue_add(tp_queue *queue, tp_group *group) {
  heap_rise(queue->groups, queue->count++, group);
}

void tp_queue_reorder(tp_queue *queue, tp_group *group) {
  heap_move(queue->groups, queue->count, group->place.index - 1, group);
}

void tp_queue_remove(tp_queue *queue, tp_group *group) {
  size_t index = group->place.index - 1;
  group->place.index = 0;
  heap_remove(queue->groups, --queue->count, index);
}

void tp_queue_clear(tp_queue *queue) {
  free(queue->groups);
  *queue = (tp_queue){0};
}
