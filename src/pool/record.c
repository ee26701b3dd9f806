/* SPDX-License-Identifier: MIT
 *
 * What became of tasks that did not end well; see record.h. */
#include "pool/record.h"
#include "base/lines.h"

#include <stdlib.h>
#include <string.h>

const char *tp_record_outcome_name(tp_outcome outcome) {
  static const char *const names[] = {[TP_OUTCOME_CANCELLED] = "cancelled",
                                      [TP_OUTCOME_IGNORED] = "ignored",
                                      [TP_OUTCOME_FAILED] = "failed",
                                      [TP_OUTCOME_KILLED] = "killed"};
  return names[outcome];
}

/* The record in that place, counted from the oldest. */
static tp_record *at(const tp_records *records, size_t index) {
  return &records->ring[(records->first + index) & (records->capacity - 1)];
}

static void release(tp_record *record) {
  tp_cancel_release(record->reason);
  free(record->text);
}

/* Takes the oldest record out. */
static tp_record take_first(tp_records *records) {
  tp_record first = *at(records, 0);
  records->first = (records->first + 1) & (records->capacity - 1);
  records->count--;
  return first;
}

/* Moves the records to a larger ring. */
static bool grow(tp_records *records) {
  size_t capacity = records->capacity ? records->capacity * 2 : 8;
  tp_record *ring = malloc(capacity * sizeof *ring);
  if (!ring)
    return false;
  for (size_t i = 0; i < records->count; i++)
    ring[i] = *at(records, i);
  free(records->ring);
  records->ring = ring;
  records->first = 0;
  records->capacity = capacity;
  return true;
}

/* Makes room for one more. False: no memory. */
static bool reserve(tp_records *records) {
  if (records->count < records->capacity)
    return true;
  if (records->capacity < TP_RECORDS_MAX)
    return grow(records);
  tp_record oldest = take_first(records);
  release(&oldest);
  return true;
}

void tp_records_add(tp_records *records, tp_record record) {
  if (!reserve(records))
    return;
  if (record.reason)
    tp_cancel_keep(record.reason);
  *at(records, records->count++) = record;
}

void tp_records_add_error(tp_records *records, uint64_t task, const char *text, bool is_unseen) {
  char lines[TP_RECORD_TEXT];
  tp_record *last = records->count ? at(records, records->count - 1) : NULL;
  if (!last || last->task != task) {
    if (!reserve(records))
      return;
    last = at(records, records->count++);
    *last = (tp_record){.task = task, .outcome = TP_OUTCOME_FAILED};
  }
  tp_lines_lay_out(lines, sizeof lines, text);
  last->text = strdup(lines);
  last->is_unseen = is_unseen;
}

tp_record *tp_records_find(const tp_records *records, uint64_t task) {
  for (size_t i = records->count; i-- > 0;)
    if (at(records, i)->task == task)
      return at(records, i);
  return NULL;
}

const tp_record *tp_records_first_error(const tp_records *records, const tp_idset *ids) {
  for (size_t i = 0; i < records->count; i++)
    if (at(records, i)->text && tp_idset_has(ids, at(records, i)->task))
      return at(records, i);
  return NULL;
}

uint64_t tp_records_oldest(const tp_records *records) {
  return at(records, 0)->task;
}

void tp_records_pass(tp_records *records, bool is_kept) {
  tp_record oldest = take_first(records);
  if (is_kept)
    *at(records, records->count++) = oldest;
  else
    release(&oldest);
  if (records->count == 0)
    tp_records_clear(records);
}

void tp_records_clear(tp_records *records) {
  for (size_t i = 0; i < records->count; i++)
    release(at(records, i));
  free(records->ring);
  *records = (tp_records){0};
}
