/* SPDX-License-Identifier: MIT
 *
 * The table of live tasks by id; see task.h. */
#include "pool/task.h"

#include <stdlib.h>

const char *tp_task_state_name(tp_task_state state) {
  static const char *const names[] = {
      [TP_TASK_NEW] = "new",     [TP_TASK_RUNNING] = "running", [TP_TASK_CANCELLED] = "cancelled",
      [TP_TASK_ENDED] = "ended", [TP_TASK_DONE] = "done",
  };
  return names[state];
}

/* Makes the table as large as the number of tasks it will hold. Ids are handed out in sequence, so
 * their low bits spread them evenly. */
static bool grow(tp_task_table *table) {
  uint64_t old_size = table->buckets ? table->mask + 1 : 0;
  uint64_t size = old_size ? old_size * 2 : 16;
  tp_task **buckets = calloc(size, sizeof *buckets);
  if (!buckets)
    return false;
  for (uint64_t i = 0; i < old_size; i++)
    for (tp_task *task = table->buckets[i], *next; task; task = next) {
      next = task->bucket_next;
      tp_task **bucket = &buckets[task->id & (size - 1)];
      task->bucket_next = *bucket;
      *bucket = task;
    }
  free(table->buckets);
  table->buckets = buckets;
  table->mask = size - 1;
  return true;
}

bool tp_task_table_reserve(tp_task_table *table) {
  return (table->buckets && table->count <= table->mask) || grow(table);
}

void tp_task_table_add(tp_task_table *table, tp_task *task) {
  tp_task **bucket = &table->buckets[task->id & table->mask];
  task->bucket_next = *bucket;
  *bucket = task;
  table->count++;
}

void tp_task_table_remove(tp_task_table *table, tp_task *task) {
  tp_task **link = &table->buckets[task->id & table->mask];
  while (*link != task)
    link = &(*link)->bucket_next;
  *link = task->bucket_next;
  table->count--;
}

tp_task *tp_task_table_find(const tp_task_table *table, uint64_t id) {
  tp_task *task = table->buckets ? table->buckets[id & table->mask] : NULL;
  while (task && task->id != id)
    task = task->bucket_next;
  return task;
}

void tp_task_table_clear(tp_task_table *table) {
  free(table->buckets);
  *table = (tp_task_table){0};
}
