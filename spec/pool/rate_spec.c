/* SPDX-License-Identifier: MIT
 *
 * Buckets of tokens: exact times for some rates, and a hundred thousand takers at random, who must
 * get no token too early, and none later than there is one.
 *
 * To add a case: a row of `cases`. */
#include "pool/rate.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define SECOND UINT64_C(1000000000)

/* When the first tokens are taken by one who takes each as soon as it is there, from `begin` on. */
static const struct {
  uint64_t n;
  double per;
  uint64_t burst;
  uint64_t begin;
  uint64_t times[6]; /* since then */
} cases[] = {
    {1, 1, 1, 0, {0, SECOND, 2 * SECOND, 3 * SECOND, 4 * SECOND, 5 * SECOND}},
    {10,
     1,
     1,
     5 * SECOND,
     {0, SECOND / 10, SECOND / 5, 3 * SECOND / 10, 4 * SECOND / 10, SECOND / 2}},
    {10, 1, 3, 5 * SECOND, {0, 0, 0, SECOND / 10, SECOND / 5, 3 * SECOND / 10}},
    {2, 0.5, 4, SECOND, {0, 0, 0, 0, SECOND / 4, SECOND / 2}},
    {3, 1, 1, SECOND, {0, 333333334, 666666668, 1000000002, 1333333336, 1666666670}},
    {1, 3600, 2, SECOND, {0, 0, 3600 * SECOND, 7200 * SECOND, 10800 * SECOND, 14400 * SECOND}},
    {1000000000, 1e-6, 1, SECOND, {0, 1, 2, 3, 4, 5}},
    {1, 1e8, 1000000000, SECOND, {0, 0, 0, 0, 0, 0}},
};

static unsigned run_cases(void) {
  unsigned failures = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    tp_rate rate = tp_rate_make(cases[i].n, cases[i].per, cases[i].burst);
    uint64_t now = cases[i].begin;
    for (size_t k = 0; k < COUNT(cases[i].times); k++) {
      if (tp_rate_due(&rate) > now)
        now = tp_rate_due(&rate);
      tp_rate_take(&rate, now);
      if (now - cases[i].begin == cases[i].times[k])
        continue;
      fprintf(stderr, "case %zu: token %zu after %" PRIu64 " ns, not %" PRIu64 "\n", i, k,
              now - cases[i].begin, cases[i].times[k]);
      failures++;
    }
  }
  return failures;
}

static uint64_t below(uint64_t *random, uint64_t limit) {
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  return *random % limit;
}

/* One taker who comes at random times, against a bucket that counts. Returns what was wrong. */
static unsigned run_random(uint64_t *random, uint64_t rounds) {
  uint64_t n = 1 + below(random, 20), burst = 1 + below(random, 10);
  tp_rate rate = tp_rate_make(n, 1, burst);
  uint64_t now = SECOND + below(random, SECOND), begin = now, taken = 0;
  unsigned wrong = 0;
  for (uint64_t i = 0; i < rounds; i++) {
    now += below(random, 4 * SECOND / n);
    bool is_there = tp_rate_due(&rate) <= now;
    uint64_t ready = tp_rate_ready(&rate, now), there = 0;
    for (tp_rate copy = rate; tp_rate_due(&copy) <= now; there++)
      copy.full_at = (copy.full_at > now ? copy.full_at : now) + copy.interval;
    wrong += ready != there;
    uint64_t come = burst + (now - begin + TP_RATE_LATE) / rate.interval;
    wrong += taken > come;                                          /* more than have come */
    wrong += !is_there && tp_rate_due(&rate) - now > rate.interval; /* none for too long */
    if (!is_there)
      continue;
    tp_rate_take(&rate, now);
    taken++;
  }
  return wrong;
}

int main(void) {
  uint64_t random = 88172645463325252U;
  unsigned failures = run_cases(), wrong = 0;
  for (int i = 0; i < 1000; i++)
    wrong += run_random(&random, 100);
  printf("rate: cases=%zu failed=%u random=100000 wrong=%u\n", COUNT(cases), failures, wrong);
  return failures + wrong > 0;
}
