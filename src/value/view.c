/* SPDX-License-Identifier: MIT
 *
 * Bytes that belong to somebody else; see view.h. */
#include "value/view.h"
#include <string.h>

tp_view tp_view_of(const char *text) {
  return (tp_view){.bytes = text, .length = strlen(text)};
}

static bool is_in(const char *set, char byte) {
  return byte != '\0' && strchr(set, byte);
}

tp_view tp_view_trim_end(tp_view view, const char *set) {
  while (view.length > 0 && is_in(set, view.bytes[view.length - 1]))
    view.length--;
  return view;
}

tp_view tp_view_trim(tp_view view, const char *set) {
  view = tp_view_trim_end(view, set);
  while (view.length > 0 && is_in(set, view.bytes[0])) {
    view.bytes++;
    view.length--;
  }
  return view;
}

bool tp_view_is(tp_view view, const char *text) {
  return view.length == strlen(text) && memcmp(view.bytes, text, view.length) == 0;
}
