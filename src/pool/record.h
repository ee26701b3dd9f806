/* SPDX-License-Identifier: MIT
 *
 * What became of cancelled tasks: by whom they were cancelled, how they ended, and how long that
 * took. Only a task that was cancelled leaves a record, when its function is over; the next flush
 * releases it. A pool keeps the newest ones in a ring. */
#ifndef TP_POOL_RECORD_H
#define TP_POOL_RECORD_H

#include "pool/cancel.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Records that a pool keeps, at most. */
#define TP_RECORDS_MAX 65536

/* How a task's function ended after a cancel. */
typedef enum tp_outcome {
  TP_OUTCOME_CANCELLED, /* by the cancel error */
  TP_OUTCOME_IGNORED,   /* it returned */
  TP_OUTCOME_FAILED,    /* by another error, one of its cleanup */
  TP_OUTCOME_KILLED,    /* not by itself */
} tp_outcome;

typedef struct tp_record {
  uint64_t task;      /* its id */
  tp_cancel *reason;  /* a reference of the record's own */
  double took;        /* seconds from the cancel to the end of the function */
  tp_outcome outcome; /* how that ended */
} tp_record;

typedef struct tp_records {
  tp_record *ring; /* NULL while there are none */
  size_t capacity; /* records allocated, a power of two */
  size_t first;    /* the oldest; 0 until the ring has its full size */
  size_t count;    /* records in use */
} tp_records;

/* The word for an outcome, as "killed". */
const char *tp_outcome_name(tp_outcome outcome);

/* Adds a record, and takes a reference of its reason; the oldest one gives way if there are too
 * many. For lack of memory none is kept. */
void tp_records_add(tp_records *records, tp_record record);

/* The record of a task; NULL: there is none. The newest ones are found first. */
const tp_record *tp_records_find(const tp_records *records, uint64_t task);

/* Releases the records of all tasks but those that `is_kept` says. */
void tp_records_flush(tp_records *records, bool (*is_kept)(void *context, uint64_t task),
                      void *context);

/* Releases all of them. */
void tp_records_clear(tp_records *records);

#endif
