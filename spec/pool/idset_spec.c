/* SPDX-License-Identifier: MIT
 *
 * The set of task ids against a plain bitmap: ids that come one by one, with gaps, in strides and
 * in bursts must all be found again, in order, and nothing else; and dense ones must cost next to
 * nothing. */
#include "pool/idset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 20000

/* The ids that the set should hold, and where a walk over it stands. */
typedef struct model {
  bool has[SIZE];
  uint64_t next;  /* no id below it is still to come in the walk */
  unsigned wrong; /* ids that should not have come, or not there */
} model;

static uint64_t state = 88172645463325252U;

static uint64_t below(uint64_t limit) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state % limit;
}

static void visit(void *context, uint64_t id) {
  model *of = context;
  while (of->next < id && of->next < SIZE)
    of->wrong += of->has[of->next++];
  of->wrong += id >= SIZE || id < of->next || !of->has[id];
  of->next = id + 1;
}

static unsigned compare(const tp_idset *set, model *with) {
  with->next = with->wrong = 0;
  tp_idset_each(set, visit, with);
  while (with->next < SIZE)
    with->wrong += with->has[with->next++];
  for (uint64_t id = 0; id < SIZE + 100; id++)
    with->wrong += tp_idset_has(set, id) != (id < SIZE && with->has[id]);
  uint64_t after = SIZE, found;
  for (uint64_t id = SIZE; id-- > 0;) {
    after = with->has[id] ? id : after;
    bool is_there = tp_idset_next(set, id, &found);
    with->wrong += is_there != (after < SIZE) || (is_there && found != after);
  }
  return with->wrong;
}

/* Some ids of one manner, from `id` on. Returns where it ended. */
static uint64_t add_some(tp_idset *set, model *to, uint64_t id) {
  uint64_t stride = 1 + below(below(2) ? 3 : 200), count = below(300);
  for (; count > 0 && id < SIZE; count--, id += stride) {
    if (!tp_idset_reserve(set))
      return SIZE;
    tp_idset_add(set, id);
    to->has[id] = true;
  }
  return id + below(100);
}

static unsigned one_round(void) {
  tp_idset set = {0};
  model *with = calloc(1, sizeof *with);
  if (!with)
    return 1;
  for (uint64_t id = below(130); id < SIZE;)
    id = add_some(&set, with, id);
  unsigned wrong = compare(&set, with);
  tp_idset_clear(&set);
  memset(with, 0, sizeof *with);
  wrong += compare(&set, with);
  free(with);
  return wrong;
}

/* So many ids, every `stride`th: how many runs are they? */
static size_t runs_of(uint64_t count, uint64_t stride) {
  tp_idset set = {0};
  for (uint64_t id = 0; id < count * stride && tp_idset_reserve(&set); id += stride)
    tp_idset_add(&set, id);
  size_t length = set.length;
  tp_idset_clear(&set);
  return length;
}

int main(void) {
  unsigned wrong = 0, rounds = 300;
  for (unsigned i = 0; i < rounds; i++)
    wrong += one_round();
  size_t dense = runs_of(10000000, 1), shared = runs_of(1000000, 4);
  printf("idset: rounds=%u wrong=%u dense_runs=%zu strided_runs=%zu\n", rounds, wrong, dense,
         shared);
  return wrong > 0 || dense > 3 || shared > 3;
}
