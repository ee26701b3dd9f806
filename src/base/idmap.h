/* SPDX-License-Identifier: MIT
 *
 * Records by their numbers, which are handed out in sequence. The records are linked by a member of
 * theirs, so an entry costs 16 bytes, where a general hash table costs a handle in each record. All
 * zero: empty. */
#ifndef TP_BASE_IDMAP_H
#define TP_BASE_IDMAP_H

#include <stdbool.h>
#include <stdint.h>

/* The first member of a record. */
typedef struct tp_idnode {
  uint64_t id;            /* its number */
  struct tp_idnode *next; /* in its bucket */
} tp_idnode;

typedef struct tp_idmap {
  tp_idnode **buckets; /* chains of records */
  uint64_t mask;       /* number of buckets - 1, a power of two - 1 */
  uint64_t count;      /* records in the map */
} tp_idmap;

/* Makes sure that one more record fits. False: no memory. */
bool tp_idmap_reserve(tp_idmap *map);

/* Adds a record, after tp_idmap_reserve. */
void tp_idmap_add(tp_idmap *map, tp_idnode *node);
void tp_idmap_remove(tp_idmap *map, tp_idnode *node);

/* NULL if there is no record of that number. */
tp_idnode *tp_idmap_find(const tp_idmap *map, uint64_t id);

/* Frees the buckets. */
void tp_idmap_clear(tp_idmap *map);

#endif
