/* SPDX-License-Identifier: MIT
 *
 * Arrays that grow; see vec.h. */
#include "base/vec.h"

#include <stdlib.h>

void *tp_vec_reserve(void *items, size_t *capacity, size_t count, size_t size) {
  if (count <= *capacity)
    return items;
  size_t larger = *capacity * 2 < count ? count : *capacity * 2;
  void *moved = realloc(items, larger * size);
  if (moved)
    *capacity = larger;
  return moved;
}
