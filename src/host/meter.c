/* SPDX-License-Identifier: MIT
 *
 * What a host measures of itself; see meter.h. */
#include "host/meter.h"
#include "base/seconds.h"
#include "exec/run.h"

#include <string.h>

#define SECOND UINT64_C(1000000000)
#define MILLISECOND UINT64_C(1000000)

/* How long a set of buckets is filled, and how many sets are looked at. */
#define SET (10 * SECOND)
enum { SETS_SHOWN = TP_METER_SETS - 1 };

/* ---- buckets ---- */

/* The bucket of a time in nanoseconds. */
static unsigned bucket_of(uint64_t time) {
  uint64_t microseconds = time / 1000;
  unsigned power = 0, part = 0;
  while (power < TP_METER_BUCKETS / TP_METER_PARTS - 1 && microseconds >> (power + 1) > 0)
    power++;
  if (power >= 2)
    part = (unsigned)(microseconds >> (power - 2)) & (TP_METER_PARTS - 1);
  return power * TP_METER_PARTS + part;
}

/* Where a bucket ends, nanoseconds. */
static uint64_t end_of(unsigned bucket) {
  unsigned power = bucket / TP_METER_PARTS, part = bucket % TP_METER_PARTS;
  if (power < 2)
    return (UINT64_C(2) << power) * 1000;
  return ((uint64_t)TP_METER_PARTS + part + 1) * 1000 << (power - 2);
}

/* Makes the set of that time the present one; those that were not filled meanwhile are empty. */
static void turn_to(tp_meter *meter, uint64_t now) {
  uint64_t set = now / SET;
  if (set - meter->set > TP_METER_SETS)
    meter->set = set - TP_METER_SETS;
  while (meter->set < set) {
    size_t next = ++meter->set % TP_METER_SETS;
    memset(meter->counts[next], 0, sizeof meter->counts[next]);
    meter->longest[next] = 0;
  }
}

static void count_round(tp_meter *meter, uint64_t now, uint64_t length) {
  turn_to(meter, now);
  size_t set = meter->set % TP_METER_SETS;
  meter->counts[set][bucket_of(length)]++;
  if (length > meter->longest[set])
    meter->longest[set] = length;
}

/* ---- tasks ---- */

/* Tasks of a pool that have ended, ever. */
static uint64_t ended(const tp_pool *pool) {
  return pool->next_id - pool->running - pool->cancelled;
}

/* Notes for each pool how many tasks have ended, once a second. */
static void tally(tp_meter *meter, uint64_t now) {
  const tp_pool *pool;
  meter->tallied = now;
  TAILQ_FOREACH (pool, meter->all, host_link) {
    tp_run *run = pool->owner;
    run->tallies[run->tally_count++ % TP_RUN_TALLIES] = (tp_tally){now, ended(pool)};
  }
}

double tp_meter_speed(const tp_meter *meter, const tp_pool *pool) {
  const tp_run *run = pool->owner;
  uint64_t now = uv_hrtime();
  tp_tally from = {.when = meter->began};
  uint64_t kept = run->tally_count < TP_RUN_TALLIES ? run->tally_count : TP_RUN_TALLIES;
  if (kept > 0)
    from = run->tallies[(run->tally_count - kept) % TP_RUN_TALLIES];
  for (uint64_t i = kept; i > 1 && now - from.when > TP_RUN_TALLIES * SECOND; i--)
    from = run->tallies[(run->tally_count - i + 1) % TP_RUN_TALLIES];
  double seconds = tp_seconds_of(now - from.when);
  return seconds > 0 ? (double)(ended(pool) - from.ended) / seconds : 0;
}

/* ---- rounds ---- */

/* A poll is over. What its callbacks have done is a part of the round, as far as the clock of the
 * loop, which was read before them, can tell. */
static void on_check(uv_check_t *check) {
  tp_meter *meter = check->data;
  uint64_t now = uv_hrtime(), before = uv_now(check->loop) * MILLISECOND;
  meter->polled = now > before + 2 * MILLISECOND ? before : now;
}

static void on_prepare(uv_prepare_t *prepare) {
  tp_meter *meter = prepare->data;
  uint64_t now = uv_hrtime();
  if (meter->polled)
    count_round(meter, now, now - meter->polled);
  meter->polled = 0;
  if (now - meter->tallied >= SECOND)
    tally(meter, now);
}

void tp_meter_begin(tp_meter *meter) {
  meter->polled = 0;
}

tp_latency tp_meter_latency(tp_meter *meter) {
  uint64_t rounds = 0, seen = 0, p50 = 0, p99 = 0, longest = 0;
  uint64_t counts[TP_METER_BUCKETS] = {0};
  turn_to(meter, uv_hrtime());
  for (uint64_t set = 0; set < SETS_SHOWN; set++) {
    size_t at = (meter->set + TP_METER_SETS - set) % TP_METER_SETS;
    for (unsigned bucket = 0; bucket < TP_METER_BUCKETS; bucket++) {
      counts[bucket] += meter->counts[at][bucket];
      rounds += meter->counts[at][bucket];
    }
    longest = meter->longest[at] > longest ? meter->longest[at] : longest;
  }
  for (unsigned bucket = 0; bucket < TP_METER_BUCKETS && seen < rounds; bucket++) {
    seen += counts[bucket];
    p50 = p50 == 0 && seen * 2 >= rounds ? end_of(bucket) : p50;
    p99 = p99 == 0 && seen * 100 >= rounds * 99 ? end_of(bucket) : p99;
  }
  return (tp_latency){.p50 = tp_seconds_of(p50 < longest ? p50 : longest),
                      .p99 = tp_seconds_of(p99 < longest ? p99 : longest),
                      .max = tp_seconds_of(longest)};
}

double tp_meter_uptime(const tp_meter *meter) {
  return tp_seconds_of(uv_hrtime() - meter->began);
}

/* ---- lifetime ---- */

void tp_meter_open(tp_meter *meter, uv_loop_t *loop, const tp_pool_list *pools) {
  meter->all = pools;
  meter->began = meter->tallied = uv_hrtime();
  meter->set = meter->began / SET;
  uv_prepare_init(loop, &meter->prepare);
  uv_check_init(loop, &meter->check);
  meter->prepare.data = meter->check.data = meter;
  uv_prepare_start(&meter->prepare, on_prepare);
  uv_check_start(&meter->check, on_check);
  uv_unref((uv_handle_t *)&meter->prepare);
  uv_unref((uv_handle_t *)&meter->check);
}

void tp_meter_close(tp_meter *meter) {
  if (!meter->all)
    return;
  uv_close((uv_handle_t *)&meter->prepare, NULL);
  uv_close((uv_handle_t *)&meter->check, NULL);
  meter->all = NULL;
}
