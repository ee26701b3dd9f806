/* SPDX-License-Identifier: MIT
 *
 * Bytes that belong to somebody else. */
#ifndef TP_VALUE_VIEW_H
#define TP_VALUE_VIEW_H

#include <stdbool.h>
#include <stddef.h>

typedef struct tp_view {
  const char *bytes; /* not ended by a NUL; NULL: there are none */
  size_t length;     /* how many */
} tp_view;

/* The bytes of a string, without its end. */
tp_view tp_view_of(const char *text);

/* Without the bytes of `set` at the end; at both ends. */
tp_view tp_view_trim_end(tp_view view, const char *set);
tp_view tp_view_trim(tp_view view, const char *set);

/* True if these are the bytes of `text`. */
bool tp_view_is(tp_view view, const char *text);

#endif
