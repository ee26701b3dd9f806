/* SPDX-License-Identifier: MIT
 *
 * A bucket of tokens; see rate.h. */
#include "pool/rate.h"
#include "base/seconds.h"

/* Nanoseconds, rounded up: a little slower than asked for rather than faster. */
static uint64_t round_up(double nanoseconds) {
  if (nanoseconds >= (double)TP_FOREVER)
    return TP_FOREVER;
  uint64_t whole = (uint64_t)nanoseconds;
  return whole + ((double)whole < nanoseconds);
}

tp_rate tp_rate_make(uint64_t n, double per, uint64_t burst) {
  tp_rate rate = {.interval = round_up(per * 1e9 / (double)n)};
  rate.slack = burst - 1 > TP_FOREVER / rate.interval ? TP_FOREVER : (burst - 1) * rate.interval;
  return rate;
}

uint64_t tp_rate_due(const tp_rate *rate) {
  return rate->full_at > rate->slack ? rate->full_at - rate->slack : 0;
}

uint64_t tp_rate_ready(const tp_rate *rate, uint64_t now) {
  uint64_t missing = rate->full_at > now ? rate->full_at - now : 0;
  return missing > rate->slack ? 0 : (rate->slack - missing) / rate->interval + 1;
}

void tp_rate_take(tp_rate *rate, uint64_t now) {
  if (rate->full_at + TP_RATE_LATE < now)
    rate->full_at = now;
  rate->full_at += rate->interval;
}
