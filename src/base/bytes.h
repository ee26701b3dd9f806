/* SPDX-License-Identifier: MIT
 *
 * Bytes in memory that grows. */
#ifndef TP_BASE_BYTES_H
#define TP_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

/* All zero: empty. */
typedef struct tp_bytes {
  char *data;      /* the bytes, from malloc */
  size_t length;   /* how many */
  size_t capacity; /* how many fit */
} tp_bytes;

/* Makes room for `more` bytes after the last one. False: no memory. */
bool tp_bytes_reserve(tp_bytes *bytes, size_t more);

/* Appends bytes. False: no memory, and nothing is appended. */
bool tp_bytes_append(tp_bytes *bytes, const char *data, size_t length);

/* Frees the memory; `bytes` is empty then. */
void tp_bytes_clear(tp_bytes *bytes);

#endif
