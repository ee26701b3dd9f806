/* SPDX-License-Identifier: MIT
 *
 * What a host measures of itself: how long its loop is busy at a time, and how many tasks end in a
 * second.
 *
 * Each round of the loop is timed from the end of one poll to the begin of the next: so long may
 * something that has just come have to wait. That costs two looks at the clock in a round, and
 * nothing while the host is idle. The times are counted in buckets, a set for each ten seconds of
 * the last minute. */
#ifndef TP_HOST_METER_H
#define TP_HOST_METER_H

#include "pool/pool.h"
#include <stdint.h>
#include <uv.h>

/* Buckets are powers of two of a microsecond, each in four parts; sets cover a minute and more. */
enum { TP_METER_PARTS = 4, TP_METER_BUCKETS = 27 * TP_METER_PARTS, TP_METER_SETS = 7 };

typedef struct tp_meter {
  uv_prepare_t prepare;    /* called before a poll */
  uv_check_t check;        /* called after a poll */
  const tp_pool_list *all; /* the pools of the host */
  uint64_t began;          /* when the host was made, nanoseconds */
  uint64_t polled;         /* when the last poll ended; 0: the loop has not run since */
  uint64_t set;            /* the number of the present set: tens of seconds */
  uint32_t counts[TP_METER_SETS][TP_METER_BUCKETS]; /* rounds by their length */
  uint64_t longest[TP_METER_SETS];                  /* the longest round of each set, nanoseconds */
  uint64_t tallied;                                 /* when tasks were counted last, nanoseconds */
} tp_meter;

/* How long the rounds of the last minute were, seconds. */
typedef struct tp_latency {
  double p50; /* half of them were shorter */
  double p99; /* 99 of 100 */
  double max; /* the longest */
} tp_latency;

/* Begins to measure, on a loop and for a list of pools. */
void tp_meter_open(tp_meter *meter, uv_loop_t *loop, const tp_pool_list *pools);

/* Closes the handles. */
void tp_meter_close(tp_meter *meter);

/* The loop begins to run: what was before is no round. */
void tp_meter_begin(tp_meter *meter);

tp_latency tp_meter_latency(tp_meter *meter);

/* Seconds since the host was made. */
double tp_meter_uptime(const tp_meter *meter);

/* How many tasks of a pool have ended in a second, in the last seconds. */
double tp_meter_speed(const tp_meter *meter, const tp_pool *pool);

#endif
