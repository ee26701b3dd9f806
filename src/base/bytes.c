/* SPDX-License-Identifier: MIT
 *
 * Bytes in memory that grows; see bytes.h. */
#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* The first bytes that are allocated. */
#define CAPACITY_MIN 128

bool tp_bytes_reserve(tp_bytes *bytes, size_t more) {
  size_t needed = bytes->length + more;
  if (needed <= bytes->capacity)
    return true;
  size_t capacity = bytes->capacity ? bytes->capacity * 2 : CAPACITY_MIN;
  while (capacity < needed)
    capacity *= 2;
  char *data = realloc(bytes->data, capacity);
  if (!data)
    return false;
  bytes->data = data;
  bytes->capacity = capacity;
  return true;
}

bool tp_bytes_append(tp_bytes *bytes, const char *data, size_t length) {
  if (!tp_bytes_reserve(bytes, length))
    return false;
  if (length > 0) /* no bytes at all may have no address */
    memcpy(bytes->data + bytes->length, data, length);
  bytes->length += length;
  return true;
}

void tp_bytes_clear(tp_bytes *bytes) {
  free(bytes->data);
  *bytes = (tp_bytes){0};
}
