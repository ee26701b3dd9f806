/* SPDX-License-Identifier: MIT
 *
 * What became of tasks: when they ran, how they ended, what cancelled them, the error of those that
 * failed. A task that did not end well leaves a record when its function is over, and so does one
 * that was cancelled and ended well; the next flush releases it. A pool keeps the newest ones, in
 * the order in which they came. */
#ifndef TP_POOL_RECORD_H
#define TP_POOL_RECORD_H

#include "base/idmap.h"
#include "pool/cancel.h"
#include "pool/task.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

/* How many records a pool keeps at most. */
#define TP_RECORDS_MAX 65536

/* The longest text of an error that a record keeps; the middle of a longer one is left out. */
#define TP_RECORD_TEXT 1024

/* What came of a cancel. */
typedef enum tp_outcome {
  TP_OUTCOME_NONE,      /* there was none */
  TP_OUTCOME_CANCELLED, /* the function ended by the cancel error */
  TP_OUTCOME_IGNORED,   /* it returned */
  TP_OUTCOME_FAILED,    /* it ended by another error, one of its cleanup */
  TP_OUTCOME_KILLED,    /* it did not end by itself */
} tp_outcome;

typedef struct tp_record {
  union {
    tp_idnode node; /* in the table by task */
    uint64_t task;  /* the id of the task */
  };
  TAILQ_ENTRY(tp_record) link;       /* in the pool's list, by age */
  TAILQ_ENTRY(tp_record) group_link; /* in its group's list, by age */
  struct tp_group *group;            /* the task's; NULL: it is gone */
  uint64_t sequence;                 /* from 1 on, rises with each record of the pool */
  uint64_t number;                   /* the task's place in its group */
  double started;                    /* seconds since 1970 */
  double ended;                      /* the same */
  tp_cancel *reason;  /* why it was cancelled, a reference of the record's own; NULL: it was not */
  double took;        /* seconds from the cancel to the end of the function */
  char *text;         /* of one that failed: message and traceback, as base/lines.h lays them out;
                         NULL: no memory */
  char *arguments;    /* what it was called with, in short; NULL: not kept */
  int values;         /* what its function returned or raised, a reference of the executor's;
                         TP_NO_VALUES: nothing is kept */
  uint32_t count;     /* how many values: one stands for itself, others are a list */
  tp_outcome outcome; /* what came of the cancel */
  tp_task_end end;    /* how the function ended */
  bool is_unseen;     /* nobody has looked at its error */
} tp_record;

typedef TAILQ_HEAD(tp_record_list, tp_record) tp_record_list;

/* No reference to values. */
#define TP_NO_VALUES (-2)

typedef struct tp_records {
  tp_record_list list;                      /* by age */
  tp_idmap tasks;                           /* by task */
  uint64_t count;                           /* how many */
  uint64_t most;                            /* how many there may be; the oldest give way */
  uint64_t sequence;                        /* of the newest one ever */
  uint64_t dropped;                         /* those that gave way, ever */
  void (*release)(void *owner, int values); /* gives a reference to values back; NULL: there are
                                               none */
  void *owner;                              /* for it */
} tp_records;

/* A place in the list of a pool or of a group, before its first record if it is all zero. It may be
 * kept while records come and go. */
typedef struct tp_record_place {
  uint64_t task;     /* of the last record that was passed */
  uint64_t sequence; /* of that record */
} tp_record_place;

/* The word for what came of a cancel, such as "killed". */
const char *tp_record_outcome_name(tp_outcome outcome);

/* The word for how a task has ended, such as "failed". */
const char *tp_record_end_name(tp_task_end end);

/* An empty list of at most so many. */
void tp_records_open(tp_records *records, uint64_t most);

/* The record of a task, a new one if it has none; the oldest one gives way if there are too many.
 * NULL: no memory, or none are kept. */
tp_record *tp_records_add(tp_records *records, const tp_task *task);

/* Sets the `count` values, whose reference is the record's then. */
void tp_record_set_values(tp_records *records, tp_record *record, int values, uint32_t count);

/* Sets the reason, of which the record takes a reference. */
void tp_record_set_reason(tp_record *record, tp_cancel *reason);

/* Sets the text of its error. */
void tp_record_set_error(tp_record *record, const char *text, bool is_unseen);

/* The record of a task; NULL: there is none. */
tp_record *tp_records_find(const tp_records *records, uint64_t task);

/* The record after a place in a pool's list, or in that of its group (NULL: of all), which moves
 * there; NULL: there is none yet. */
tp_record *tp_records_next(const tp_records *records, const struct tp_group *group,
                           tp_record_place *place);

/* The oldest one of a group with an error; NULL: there is none. */
const tp_record *tp_records_first_error(const struct tp_group *group);

/* Forgets a record. */
void tp_records_remove(tp_records *records, tp_record *record);

/* The group is about to be freed: its records stay without it. */
void tp_records_leave_group(struct tp_group *group);

/* Forgets all of them. */
void tp_records_clear(tp_records *records);

#endif
