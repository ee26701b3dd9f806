/* SPDX-License-Identifier: MIT
 *
 * What became of tasks; see record.h. */
#include "pool/record.h"
#include "base/lines.h"
#include "pool/group.h"

#include <stdlib.h>
#include <string.h>

const char *tp_record_outcome_name(tp_outcome outcome) {
  static const char *const names[] = {[TP_OUTCOME_NONE] = "none",
                                      [TP_OUTCOME_CANCELLED] = "cancelled",
                                      [TP_OUTCOME_IGNORED] = "ignored",
                                      [TP_OUTCOME_FAILED] = "failed",
                                      [TP_OUTCOME_KILLED] = "killed"};
  return names[outcome];
}

const char *tp_record_end_name(tp_task_end end) {
  static const char *const names[] = {[TP_END_OK] = "ok",
                                      [TP_END_FAILED] = "failed",
                                      [TP_END_CANCELLED] = "cancelled",
                                      [TP_END_TIMED_OUT] = "timed-out"};
  return names[end];
}

void tp_records_open(tp_records *records, uint64_t most) {
  *records = (tp_records){.most = most};
  TAILQ_INIT(&records->list);
}

tp_record *tp_records_find(const tp_records *records, uint64_t task) {
  return (tp_record *)tp_idmap_find(&records->tasks, task);
}

/* ---- one record ---- */

static void release(const tp_records *records, tp_record *record) {
  if (record->values != TP_NO_VALUES)
    records->release(records->owner, record->values);
  tp_cancel_release(record->reason);
  free(record->text);
  free(record->arguments);
}

/* Takes a record out of its lists. */
static void take_out(tp_records *records, tp_record *record) {
  TAILQ_REMOVE(&records->list, record, link);
  if (record->group)
    TAILQ_REMOVE(&record->group->records, record, group_link);
  tp_idmap_remove(&records->tasks, &record->node);
  records->count--;
}

/* Memory for one more record: that of the oldest one if there are as many as there may be. NULL: no
 * memory. */
static tp_record *make_room(tp_records *records) {
  if (records->count < records->most)
    return tp_idmap_reserve(&records->tasks) ? malloc(sizeof(tp_record)) : NULL;
  tp_record *oldest = TAILQ_FIRST(&records->list);
  if (!oldest)
    return NULL;
  if (oldest->group)
    oldest->group->dropped++;
  records->dropped++;
  take_out(records, oldest);
  release(records, oldest);
  return oldest;
}

tp_record *tp_records_add(tp_records *records, const tp_task *task) {
  tp_record *record = tp_records_find(records, task->id);
  if (record)
    return record;
  record = make_room(records);
  if (!record)
    return NULL;
  *record = (tp_record){.task = task->id,
                        .group = task->group,
                        .sequence = ++records->sequence,
                        .values = TP_NO_VALUES,
                        .number = task->number};
  tp_idmap_add(&records->tasks, &record->node);
  TAILQ_INSERT_TAIL(&records->list, record, link);
  TAILQ_INSERT_TAIL(&task->group->records, record, group_link);
  records->count++;
  return record;
}

void tp_record_set_values(tp_records *records, tp_record *record, int values, uint32_t count) {
  if (record->values != TP_NO_VALUES)
    records->release(records->owner, record->values);
  record->values = values;
  record->count = count;
}

void tp_record_set_reason(tp_record *record, tp_cancel *reason) {
  record->reason = tp_cancel_keep(reason);
}

void tp_record_set_error(tp_record *record, const char *text, bool is_unseen) {
  char lines[TP_RECORD_TEXT];
  tp_lines_lay_out(lines, sizeof lines, text);
  free(record->text);
  record->text = strdup(lines);
  record->is_unseen = is_unseen;
}

void tp_records_remove(tp_records *records, tp_record *record) {
  take_out(records, record);
  release(records, record);
  free(record);
  if (records->count == 0)
    tp_idmap_clear(&records->tasks);
}

void tp_records_leave_group(tp_group *group) {
  tp_record *record;
  TAILQ_FOREACH (record, &group->records, group_link)
    record->group = NULL;
  TAILQ_INIT(&group->records);
}

void tp_records_clear(tp_records *records) {
  while (!TAILQ_EMPTY(&records->list))
    tp_records_remove(records, TAILQ_FIRST(&records->list));
  tp_idmap_clear(&records->tasks); /* room for a record that could not be made */
}

/* ---- looking ---- */

/* The record after the place in that list. The record of the place may be gone: the one after it is
 * near the beginning then, because the oldest ones go first. */
static tp_record *after(const tp_records *records, const tp_group *group,
                        const tp_record_place *place) {
  tp_record *record = place->sequence ? tp_records_find(records, place->task) : NULL;
  if (record)
    return group ? TAILQ_NEXT(record, group_link) : TAILQ_NEXT(record, link);
  record = group ? TAILQ_FIRST(&group->records) : TAILQ_FIRST(&records->list);
  while (record && record->sequence <= place->sequence)
    record = group ? TAILQ_NEXT(record, group_link) : TAILQ_NEXT(record, link);
  return record;
}

tp_record *tp_records_next(const tp_records *records, const tp_group *group,
                           tp_record_place *place) {
  tp_record *record = after(records, group, place);
  if (record)
    *place = (tp_record_place){record->task, record->sequence};
  return record;
}

const tp_record *tp_records_first_error(const tp_group *group) {
  const tp_record *record;
  TAILQ_FOREACH (record, &group->records, group_link)
    if (record->text)
      return record;
  return NULL;
}
