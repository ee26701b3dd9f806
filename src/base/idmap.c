/* SPDX-License-Identifier: MIT
 *
 * Records by their numbers; see idmap.h. */
#include "base/idmap.h"

#include <stdlib.h>

/* Makes the map as large as the number of records it will hold. Numbers are handed out in sequence,
 * so their low bits spread them evenly. */
static bool grow(tp_idmap *map) {
  uint64_t old_size = map->buckets ? map->mask + 1 : 0;
  uint64_t size = old_size ? old_size * 2 : 16;
  tp_idnode **buckets = calloc(size, sizeof *buckets);
  if (!buckets)
    return false;
  for (uint64_t i = 0; i < old_size; i++)
    for (tp_idnode *node = map->buckets[i], *next; node; node = next) {
      next = node->next;
      tp_idnode **bucket = &buckets[node->id & (size - 1)];
      node->next = *bucket;
      *bucket = node;
    }
  free(map->buckets);
  map->buckets = buckets;
  map->mask = size - 1;
  return true;
}

bool tp_idmap_reserve(tp_idmap *map) {
  return (map->buckets && map->count <= map->mask) || grow(map);
}

void tp_idmap_add(tp_idmap *map, tp_idnode *node) {
  tp_idnode **bucket = &map->buckets[node->id & map->mask];
  node->next = *bucket;
  *bucket = node;
  map->count++;
}

void tp_idmap_remove(tp_idmap *map, tp_idnode *node) {
  tp_idnode **link = &map->buckets[node->id & map->mask];
  while (*link != node)
    link = &(*link)->next;
  *link = node->next;
  map->count--;
}

tp_idnode *tp_idmap_find(const tp_idmap *map, uint64_t id) {
  tp_idnode *node = map->buckets ? map->buckets[id & map->mask] : NULL;
  while (node && node->id != id)
    node = node->next;
  return node;
}

void tp_idmap_clear(tp_idmap *map) {
  free(map->buckets);
  *map = (tp_idmap){0};
}
