/* SPDX-License-Identifier: MIT
 *
 * A set of task ids that only grows at its end; see idset.h. */
#include "pool/idset.h"
#include "base/vec.h"

#include <stdlib.h>

bool tp_idset_reserve(tp_idset *set) {
  if (set->length < set->capacity)
    return true;
  tp_idrun *runs = tp_vec_reserve(set->runs, &set->capacity, set->length + 1, sizeof *runs);
  if (!runs)
    return false;
  set->runs = runs;
  return true;
}

/* Joins the last run to the one before it where they continue each other. Called when the last word
 * is complete, so runs never have to be split again. */
static void join_last(tp_idset *set) {
  if (set->length < 2)
    return;
  tp_idrun *last = &set->runs[set->length - 1], *before = last - 1;
  if (before->bits == last->bits && before->first + before->count == last->first) {
    before->count += last->count;
    set->length--;
  }
}

void tp_idset_add(tp_idset *set, uint64_t id) {
  uint64_t word = id / 64, bit = UINT64_C(1) << (id % 64);
  if (set->length) {
    tp_idrun *last = &set->runs[set->length - 1];
    if (last->count == 1 && last->first == word) {
      last->bits |= bit;
      return;
    }
  }
  join_last(set);
  set->runs[set->length++] = (tp_idrun){.first = word, .count = 1, .bits = bit};
}

bool tp_idset_has(const tp_idset *set, uint64_t id) {
  uint64_t word = id / 64;
  size_t low = 0, high = set->length;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const tp_idrun *run = &set->runs[middle];
    if (word < run->first)
      high = middle;
    else if (word >= run->first + run->count)
      low = middle + 1;
    else
      return run->bits >> (id % 64) & 1;
  }
  return false;
}

void tp_idset_each(const tp_idset *set, void (*visit)(void *context, uint64_t id), void *context) {
  for (size_t i = 0; i < set->length; i++) {
    const tp_idrun *run = &set->runs[i];
    for (uint64_t word = run->first; word < run->first + run->count; word++)
      for (int bit = 0; bit < 64; bit++)
        if (run->bits >> bit & 1)
          visit(context, word * 64 + (uint64_t)bit);
  }
}

void tp_idset_clear(tp_idset *set) {
  free(set->runs);
  *set = (tp_idset){0};
}
