/* SPDX-License-Identifier: MIT
 *
 * The groups that can start a task once there is room, in the order in which they get it.
 *
 * A heap: the first is the one of the smallest weight, among equals the one of the smallest turn.
 * The pool's order says what these two are when a group is offered (flow.c). Turns mostly rise, so
 * joining the queue mostly costs the same however long it is. */
#ifndef TP_POOL_QUEUE_H
#define TP_POOL_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tp_group;

/* Where a group is in a queue; a part of its record. */
typedef struct tp_queue_place {
  double weight; /* a smaller one comes sooner */
  uint64_t turn; /* the same among equal weights */
  size_t index;  /* in the heap, counted from 1; 0: it is not in the queue */
} tp_queue_place;

typedef struct tp_queue {
  struct tp_group **groups; /* the heap; the first is next */
  size_t count;             /* groups in it */
  size_t capacity;          /* groups that fit */
} tp_queue;

/* Makes room for that many groups. False: no memory. */
bool tp_queue_reserve(tp_queue *queue, size_t count);

/* Adds a group whose place says weight and turn, after tp_queue_reserve. */
void tp_queue_add(tp_queue *queue, struct tp_group *group);

/* Takes a group out, wherever it is. */
void tp_queue_remove(tp_queue *queue, struct tp_group *group);

/* The weight or the turn of a group in the queue was changed. */
void tp_queue_reorder(tp_queue *queue, struct tp_group *group);

/* Frees the memory. The groups are not touched. */
void tp_queue_clear(tp_queue *queue);

#endif
