/* SPDX-License-Identifier: MIT
 *
 * What became of tasks that did not end well: what cancelled them, how they ended, and how long
 * that took; the error of those that failed. Only a task that was cancelled or has failed leaves a
 * record, when its function is over; the next flush releases it. A pool keeps the newest ones in a
 * ring. */
#ifndef TP_POOL_RECORD_H
#define TP_POOL_RECORD_H

#include "pool/cancel.h"
#include "pool/idset.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How many records a pool keeps at most. */
#define TP_RECORDS_MAX 65536

/* The longest text of an error that a record keeps; the middle of a longer one is left out. */
#define TP_RECORD_TEXT 1024

/* How a task's function ended after a cancel, or by an error. */
typedef enum tp_outcome {
  TP_OUTCOME_CANCELLED, /* by the cancel error */
  TP_OUTCOME_IGNORED,   /* it returned */
  TP_OUTCOME_FAILED,    /* by another error, one of its cleanup */
  TP_OUTCOME_KILLED,    /* not by itself */
} tp_outcome;

typedef struct tp_record {
  uint64_t task;      /* its id */
  tp_cancel *reason;  /* why it was cancelled, a reference of the record's own; NULL: it was not */
  double took;        /* seconds from the cancel to the end of the function */
  char *text;         /* of TP_OUTCOME_FAILED: message and traceback, as base/lines.h lays them out;
                         NULL: no memory */
  tp_outcome outcome; /* how the function ended */
  bool is_unseen;     /* nobody has looked at its error */
} tp_record;

typedef struct tp_records {
  tp_record *ring; /* NULL while there are none */
  size_t capacity; /* records allocated, a power of two */
  size_t first;    /* the oldest; 0 until the ring has its full size */
  size_t count;    /* records in use */
} tp_records;

/* The word for an outcome, such as "killed". */
const char *tp_record_outcome_name(tp_outcome outcome);

/* Adds a record, and takes a reference of its reason; the oldest one gives way if there are too
 * many. For lack of memory none is kept. */
void tp_records_add(tp_records *records, tp_record record);

/* Adds the error of a task that has failed, to its record if it was cancelled before. */
void tp_records_add_error(tp_records *records, uint64_t task, const char *text, bool is_unseen);

/* The record of a task; NULL: there is none. The newest ones are found first. */
tp_record *tp_records_find(const tp_records *records, uint64_t task);

/* The oldest one of them with an error of a task in `ids`; NULL: there is none. */
const tp_record *tp_records_first_error(const tp_records *records, const tp_idset *ids);

/* The task of the oldest record, of which there must be one. */
uint64_t tp_records_oldest(const tp_records *records);

/* Makes the oldest record the newest one, or forgets it. */
void tp_records_pass(tp_records *records, bool is_kept);

/* Releases all of them. */
void tp_records_clear(tp_records *records);

#endif
