/* SPDX-License-Identifier: MIT
 *
 * The records of cancelled tasks: a ring that is full forgets the oldest one for each new one,
 * gives its reason back, and stays as large as it is. */
#include "pool/record.h"

#include <assert.h>
#include <stdio.h>

/* Records beyond what the ring holds. */
#define MORE 1000

/* Exactly the tasks from `first` to before `end` are known. */
static void check_known(const tp_records *records, uint64_t first, uint64_t end) {
  for (uint64_t task = 0; task<end + MORE; task += task> first && task + 300 < end ? 251 : 1) {
    const tp_record *record = tp_records_find(records, task);
    bool is_known = task >= first && task < end;
    assert(is_known == (record != NULL));
    assert(!record || record->task == task);
  }
}

int main(void) {
  tp_records records = {0};
  tp_cancel *reason = tp_cancel_create(TP_CANCELLED, "spec", NULL, 0);
  uint64_t end = TP_RECORDS_MAX + MORE;
  assert(reason);
  for (uint64_t task = 0; task < end; task++) {
    tp_records_add(&records, (tp_record){.task = task, .reason = reason});
    assert(records.capacity <= TP_RECORDS_MAX);
    assert(reason->references == records.count + 1);
  }
  assert(records.count == TP_RECORDS_MAX);
  check_known(&records, MORE, end);
  for (size_t left = records.count; left > 0; left--)
    tp_records_pass(&records, tp_records_oldest(&records) % 2 == 0);
  assert(records.count == TP_RECORDS_MAX / 2);
  assert(tp_records_find(&records, end - 2) && !tp_records_find(&records, end - 1));
  tp_records_clear(&records);
  assert(reason->references == 1);
  tp_cancel_release(reason);
  printf("records: added=%d kept=%d\n", TP_RECORDS_MAX + MORE, TP_RECORDS_MAX);
  return 0;
}
