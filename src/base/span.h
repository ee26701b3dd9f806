/* SPDX-License-Identifier: MIT
 *
 * Bytes that another part owns. */
#ifndef TP_BASE_SPAN_H
#define TP_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tp_span {
  const char *bytes; /* not ended by a NUL; NULL: there are none */
  size_t length;     /* how many */
} tp_span;

/* The bytes of a string, without its end. */
tp_span tp_span_of(const char *text);

/* Without the bytes of `set` at the start, at the end, or at both. */
tp_span tp_span_trim_start(tp_span span, const char *set);
tp_span tp_span_trim_end(tp_span span, const char *set);
tp_span tp_span_trim(tp_span span, const char *set);

/* True if these are the bytes of `text`. */
bool tp_span_is(tp_span span, const char *text);

#endif
