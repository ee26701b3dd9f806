/* SPDX-License-Identifier: MIT
 *
 * The records of tasks: a list that is full forgets the oldest one for each new one, and gives its
 * reason back. A place in a list stays right while records come and go. */
#include "pool/group.h"
#include "pool/record.h"

#include <assert.h>
#include <stdio.h>

/* How many a list keeps here, and records beyond that. */
#define MOST 3000
#define MORE 1000

/* Exactly the tasks from `first` to before `end` are known. */
static void check_known(const tp_records *records, uint64_t first, uint64_t end) {
  for (uint64_t task = 0; task < end + MORE; task++) {
    const tp_record *record = tp_records_find(records, task);
    bool is_known = task >= first && task < end;
    assert(is_known == (record != NULL));
    assert(!record || record->task == task);
  }
}

static void add(tp_records *records, tp_group *group, uint64_t id, tp_cancel *reason) {
  const tp_task task = {.id = id, .group = group, .number = id / 2};
  tp_record *record = tp_records_add(records, &task);
  assert(record && record->task == id && record->number == id / 2 && record->group == group);
  assert(tp_records_add(records, &task) == record);
  if (reason)
    tp_record_set_reason(record, reason);
}

/* A full list, of which every second record is removed then. */
static void check_bound(tp_records *records, tp_group *group) {
  tp_cancel *reason = tp_cancel_create(TP_CANCELLED, "spec", NULL, 0);
  uint64_t end = MOST + MORE;
  assert(reason);
  for (uint64_t task = 0; task < end; task++) {
    add(records, group, task, reason);
    assert(reason->references == records->count + 1);
  }
  assert(records->count == MOST);
  check_known(records, MORE, end);
  for (uint64_t task = MORE; task < end; task += 2)
    tp_records_remove(records, tp_records_find(records, task));
  assert(records->count == MOST / 2);
  tp_records_clear(records);
  assert(reason->references == 1 && TAILQ_EMPTY(&group->records));
  tp_cancel_release(reason);
}

/* The ids after a place, in the list of a group or of all. */
static void check_next(const tp_records *records, const tp_group *group, tp_record_place *place,
                       const uint64_t *ids) {
  for (; *ids; ids++) {
    const tp_record *record = tp_records_next(records, group, place);
    assert(record && record->task == *ids);
  }
  assert(!tp_records_next(records, group, place));
}

static void check_places(tp_records *records, tp_group *one, tp_group *two) {
  tp_record_place all = {0}, of_one = {0};
  for (uint64_t id = 1; id <= 6; id++)
    add(records, id % 2 ? one : two, id, NULL);
  check_next(records, NULL, &all, (const uint64_t[]){1, 2, 3, 4, 5, 6, 0});
  check_next(records, one, &of_one, (const uint64_t[]){1, 3, 5, 0});
  add(records, one, 7, NULL);
  tp_records_remove(records, tp_records_find(records, 5)); /* where `of_one` stands */
  add(records, two, 8, NULL);
  check_next(records, one, &of_one, (const uint64_t[]){7, 0});
  check_next(records, NULL, &all, (const uint64_t[]){7, 8, 0});
  assert(!tp_records_first_error(two));
  tp_record_set_error(tp_records_find(records, 4), "oops", true);
  tp_record_set_error(tp_records_find(records, 6), "later", true);
  assert(tp_records_first_error(two)->task == 4);
  tp_records_leave_group(two);
  assert(TAILQ_EMPTY(&two->records) && !tp_records_find(records, 4)->group);
  tp_records_clear(records);
}

int main(void) {
  tp_records records;
  tp_group one = {0}, two = {0};
  TAILQ_INIT(&one.records);
  TAILQ_INIT(&two.records);
  tp_records_open(&records, MOST);
  check_bound(&records, &one);
  check_places(&records, &one, &two);
  tp_records_open(&records, 0);
  assert(!tp_records_add(&records, &(tp_task){.id = 1, .group = &one}));
  printf("records: added=%d kept=%d\n", MOST + MORE, MOST);
  return 0;
}
