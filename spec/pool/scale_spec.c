/* SPDX-License-Identifier: MIT
 *
 * How a pool that scales itself decides: a table of what is seen and what comes of it, and a
 * hundred thousand loads at random, after none of which the size is out of its bounds.
 *
 * To add a case: a row of `cases`. */
#include "pool/scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static const tp_bounds bounds = {.min = 2, .max = 16, .interval = 1};

static const struct {
  const char *name;
  tp_load load;
  uint64_t to;
  unsigned quiet;
  const char *reason;
} cases[] = {
    {"a burst doubles it", {4, 4, 100, 0, 0}, 8, 0, "100 waiting for 4 places, rising"},
    {"a burst that goes slowly too",
     {4, 4, 90, 94, 0},
     8,
     0,
     "90 waiting for 4 places, falling sl"},
    {"few waiting add few", {8, 8, 1, 1, 0}, 9, 0, "1 waiting for 8 places, steady"},
    {"the most is the most", {12, 12, 100, 0, 0}, 16, 0, "100 waiting for 12 places, rising"},
    {"there it stays",
     {16, 16, 100, 0, 0},
     16,
     0,
     "100 waiting, 16 of 16 places taken, at its maximum"},
    {"a backlog that is gone soon",
     {8, 8, 30, 40, 0},
     8,
     0,
     "30 waiting, 8 of 8 places taken, fall"},
    {"places that are not taken yet",
     {8, 4, 30, 0, 3},
     8,
     0,
     "30 waiting, 4 of 8 places taken, pl"},
    {"a plateau", {8, 7, 0, 0, 3}, 8, 0, "0 waiting, 7 of 8 places taken, steady"},
    {"a full pool", {8, 8, 0, 5, 0}, 8, 0, "0 waiting, 8 of 8 places taken, steady"},
    {"a quiet interval", {8, 2, 0, 0, 0}, 8, 1, "0 waiting, 2 of 8 places taken, quiet"},
    {"the last one of several",
     {8, 2, 0, 0, 4},
     7,
     0,
     "2 of 8 places taken, quiet for 5 intervals"},
    {"a quarter of many", {16, 0, 0, 0, 4}, 12, 0, "0 of 16 places taken, quiet for 5 intervals"},
    {"never below the least", {3, 0, 0, 0, 4}, 2, 0, "0 of 3 places taken, quiet for 5 intervals"},
    {"there it stays, too",
     {2, 0, 0, 0, 9},
     2,
     0,
     "0 waiting, 0 of 2 places taken, at its minimum"},
    {"a pool without a place", {0, 0, 3, 0, 0}, 1, 0, "3 waiting for 0 places, rising"},
};

static unsigned run_cases(void) {
  unsigned failures = 0;
  for (size_t i = 0; i < COUNT(cases); i++) {
    tp_decision made = tp_scale_decide(&bounds, &cases[i].load);
    size_t length = strlen(cases[i].reason);
    if (made.from == cases[i].load.size && made.to == cases[i].to && made.quiet == cases[i].quiet &&
        strncmp(made.reason, cases[i].reason, length) == 0)
      continue;
    fprintf(stderr, "%s: %" PRIu64 ", quiet %u, %s\n", cases[i].name, made.to, made.quiet,
            made.reason);
    failures++;
  }
  return failures;
}

static uint64_t below(uint64_t *random, uint64_t limit) {
  *random ^= *random << 13;
  *random ^= *random >> 7;
  *random ^= *random << 17;
  return *random % limit;
}

/* What must hold of any decision. */
static bool is_sound(const tp_bounds *within, const tp_load *load, const tp_decision *made) {
  uint64_t grown = made->to > made->from ? made->to - made->from : 0;
  return made->to >= within->min && made->to <= within->max && made->reason[0] &&
         grown <= (made->from ? made->from : 1) && grown <= load->waiting &&
         (made->to >= made->from || made->to >= load->running);
}

static unsigned run_random(uint64_t rounds) {
  uint64_t random = 88172645463325252u;
  unsigned failures = 0;
  for (uint64_t i = 0; i < rounds; i++) {
    tp_bounds within = {.min = below(&random, 10), .interval = 1};
    within.max = within.min + 1 + below(&random, 100);
    tp_load load = {.size = within.min + below(&random, within.max - within.min + 1)};
    load.running = below(&random, load.size + 1);
    load.waiting = below(&random, 3) ? below(&random, 200) : 0;
    load.before = below(&random, 200);
    load.quiet = (unsigned)below(&random, TP_SCALE_PATIENCE);
    tp_decision made = tp_scale_decide(&within, &load);
    failures += !is_sound(&within, &load, &made);
  }
  return failures;
}

int main(void) {
  unsigned failures = run_cases(), unsound = run_random(100000);
  printf("scale: cases=%zu failed=%u random=100000 unsound=%u\n", COUNT(cases), failures, unsound);
  return failures + unsound > 0;
}
