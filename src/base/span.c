/* SPDX-License-Identifier: MIT
 *
 * Bytes that another part owns; see span.h. */
#include "base/span.h"
#include <string.h>

tp_span tp_span_of(const char *text) {
  return (tp_span){.bytes = text, .length = strlen(text)};
}

static bool is_in(const char *set, char byte) {
  return byte != '\0' && strchr(set, byte);
}

tp_span tp_span_trim_end(tp_span span, const char *set) {
  while (span.length > 0 && is_in(set, span.bytes[span.length - 1]))
    span.length--;
  return span;
}

tp_span tp_span_trim_start(tp_span span, const char *set) {
  while (span.length > 0 && is_in(set, span.bytes[0])) {
    span.bytes++;
    span.length--;
  }
  return span;
}

tp_span tp_span_trim(tp_span span, const char *set) {
  return tp_span_trim_start(tp_span_trim_end(span, set), set);
}

bool tp_span_is(tp_span span, const char *text) {
  return span.length == strlen(text) && memcmp(span.bytes, text, span.length) == 0;
}
