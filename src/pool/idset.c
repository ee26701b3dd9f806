/* SPDX-License-Identifier: MIT
 *
 * A set of task ids that only grows at its end; see idset.h. */
#include "pool/idset.h"
#include "base/vec.h"

#include <stdlib.h>
#include <string.h>

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

/* The number of the first run that ends after a word. */
static size_t find_run(const tp_idset *set, uint64_t word) {
  size_t low = 0, high = set->length;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (word >= set->runs[middle].first + set->runs[middle].count)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

bool tp_idset_has(const tp_idset *set, uint64_t id) {
  size_t at = find_run(set, id / 64);
  return at < set->length && id / 64 >= set->runs[at].first &&
         (set->runs[at].bits >> (id % 64) & 1);
}

/* The number of the lowest bit, of which there must be one. */
static uint64_t lowest(uint64_t bits) {
  return (uint64_t)__builtin_ctzll(bits);
}

bool tp_idset_next(const tp_idset *set, uint64_t from, uint64_t *id) {
  uint64_t word = from / 64, wanted = UINT64_MAX << (from % 64);
  for (size_t at = find_run(set, word); at < set->length; at++) {
    const tp_idrun *run = &set->runs[at];
    if (run->first > word) {
      word = run->first;
      wanted = UINT64_MAX;
    }
    if (!(run->bits & wanted) && word + 1 < run->first + run->count) {
      word++;
      wanted = UINT64_MAX;
    }
    if (run->bits & wanted) {
      *id = word * 64 + lowest(run->bits & wanted);
      return true;
    }
  }
  return false;
}

bool tp_idset_copy(tp_idset *to, const tp_idset *from) {
  if (from->length == 0)
    return true;
  to->runs = malloc(from->length * sizeof *from->runs);
  if (!to->runs)
    return false;
  memcpy(to->runs, from->runs, from->length * sizeof *from->runs);
  to->length = to->capacity = from->length;
  return true;
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
