/* SPDX-License-Identifier: MIT
 *
 * Carets; see caret.h. */
#include "client/caret.h"
#include "base/utf8.h"
#include "client/escape.h"
#include <stdbool.h>

enum { INDENT = 2 }; /* before a line that is written anew */

/* How many columns the first `length` bytes take. Bytes that are not UTF-8 take one each. */
static int width_of(const char *bytes, size_t length) {
  int columns = 0;
  for (size_t at = 0; at < length;) {
    size_t size = tp_utf8_length(bytes + at, length - at);
    columns += size > 0 ? tp_utf8_width(bytes + at, size) : 1;
    at += size > 0 ? size : 1;
  }
  return columns;
}

/* Cuts off the beginning of a line so that the place is in the middle of `width` columns, and what
 * does not fit at its end. Returns the bytes that were cut at the beginning. */
static size_t cut(tp_span *line, size_t place, int width) {
  size_t from = 0;
  while (from < place && width_of(line->bytes + from, place - from) > width / 2)
    do
      from++;
    while (from < place && !tp_utf8_begins(line->bytes[from]));
  line->bytes += from;
  line->length -= from;
  while (line->length > 0 && width_of(line->bytes, line->length) > width)
    do
      line->length--;
    while (line->length > 0 && !tp_utf8_begins(line->bytes[line->length]));
  return from;
}

void tp_caret_write(FILE *to, tp_span line, size_t column, const tp_caret_view *view) {
  size_t place = column - 1;
  int indent = view->indent;
  if (column == 0 || place > line.length)
    return;
  if (indent < 0 || indent + width_of(line.bytes, line.length) >= view->width) {
    indent = INDENT;
    if (width_of(line.bytes, line.length) + INDENT >= view->width)
      place -= cut(&line, place, view->width - INDENT - 1);
    fprintf(to, "%*s", INDENT, "");
    tp_escape_write(to, line.bytes, line.length);
    fputc('\n', to);
  }
  fprintf(to, "%*s^\n", indent + width_of(line.bytes, place), "");
}
