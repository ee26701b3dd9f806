/* SPDX-License-Identifier: MIT
 *
 * A binary heap in an array, whose first entry is the first in order. Each entry knows its place,
 * so that it can be moved or taken out wherever it is.
 *
 * TP_HEAP(name, entry, is_before, put) defines the functions of a heap of the type `entry`:
 *
 *     bool is_before(entry a, entry b)                  the order
 *     void put(entry *heap, size_t index, entry e)      stores e at heap[index], notes its place
 *
 * They are inline, so a heap costs no call through a pointer. The caller keeps array and count. */
#ifndef TP_BASE_HEAP_H
#define TP_BASE_HEAP_H

#include <stddef.h>

#define TP_HEAP(name, entry, is_before, put)                                                       \
  /* Puts `e` into its place, from the hole `index` towards the front. */                          \
  static inline void name##_rise(entry *heap, size_t index, entry e) {                             \
    while (index > 0 && is_before(e, heap[(index - 1) / 2])) {                                     \
      put(heap, index, heap[(index - 1) / 2]);                                                     \
      index = (index - 1) / 2;                                                                     \
    }                                                                                              \
    put(heap, index, e);                                                                           \
  }                                                                                                \
                                                                                                   \
  /* The same towards the end. */                                                                  \
  static inline void name##_sink(entry *heap, size_t count, size_t index, entry e) {               \
    for (size_t child; (child = 2 * index + 1) < count; index = child) {                           \
      if (child + 1 < count && is_before(heap[child + 1], heap[child]))                            \
        child++;                                                                                   \
      if (!is_before(heap[child], e))                                                              \
        break;                                                                                     \
      put(heap, index, heap[child]);                                                               \
    }                                                                                              \
    put(heap, index, e);                                                                           \
  }                                                                                                \
                                                                                                   \
  /* The same either way: the order of the entry at `index` was changed to that of `e`. */         \
  static inline void name##_move(entry *heap, size_t count, size_t index, entry e) {               \
    if (index > 0 && is_before(e, heap[(index - 1) / 2]))                                          \
      name##_rise(heap, index, e);                                                                 \
    else                                                                                           \
      name##_sink(heap, count, index, e);                                                          \
  }                                                                                                \
                                                                                                   \
  /* Takes out the entry at `index` of a heap that has `count` entries without it. */              \
  static inline void name##_remove(entry *heap, size_t count, size_t index) {                      \
    if (index < count)                                                                             \
      name##_move(heap, count, index, heap[count]);                                                \
  }

#endif
