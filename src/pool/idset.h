/* SPDX-License-Identifier: MIT
 *
 * A set of task ids that only grows at its end, as a run-length coded bitmap.
 *
 * Ids of a group arrive in rising order and are mostly dense, or a regular share of the pool's ids.
 * The set keeps 64 ids a word and one record for each run of equal words, so ten million ids in
 * sequence are a few bytes. */
#ifndef TP_POOL_IDSET_H
#define TP_POOL_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `count` equal words, starting with word number `first` (ids first * 64 …). */
typedef struct tp_idrun {
  uint64_t first; /* number of the first word */
  uint64_t count; /* how many words in a row have these bits */
  uint64_t bits;  /* bit b of word w is for the id w * 64 + b */
} tp_idrun;

typedef struct tp_idset {
  tp_idrun *runs;  /* in rising order */
  size_t length;   /* runs in use */
  size_t capacity; /* runs allocated */
} tp_idset;

/* Makes sure that one more id fits. False: no memory. */
bool tp_idset_reserve(tp_idset *set);

/* Adds an id that is larger than all in the set, after tp_idset_reserve. */
void tp_idset_add(tp_idset *set, uint64_t id);

bool tp_idset_has(const tp_idset *set, uint64_t id);

/* Finds the smallest id from `from` on. False: there is none. */
bool tp_idset_next(const tp_idset *set, uint64_t from, uint64_t *id);

/* Fills `to`, which must be empty. False: no memory. */
bool tp_idset_copy(tp_idset *to, const tp_idset *from);

/* Calls `visit` for each id in rising order. */
void tp_idset_each(const tp_idset *set, void (*visit)(void *context, uint64_t id), void *context);

/* Empties the set and frees its memory. */
void tp_idset_clear(tp_idset *set);

#endif
