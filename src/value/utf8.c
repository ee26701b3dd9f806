/* SPDX-License-Identifier: MIT
 *
 * UTF-8; see utf8.h. */
#include "value/utf8.h"

size_t tp_utf8_length(const char *bytes, size_t left) {
  const unsigned char *at = (const unsigned char *)bytes;
  size_t length = at[0] < 0x80 ? 1 : at[0] < 0xC2 ? 0 : at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
  if (length == 0 || length > left || at[0] > 0xF4)
    return 0;
  for (size_t i = 1; i < length; i++) {
    if ((at[i] & 0xC0) != 0x80)
      return 0;
  }
  bool too_long = (at[0] == 0xE0 && at[1] < 0xA0) || (at[0] == 0xF0 && at[1] < 0x90);
  bool surrogate = at[0] == 0xED && at[1] > 0x9F;
  bool too_great = at[0] == 0xF4 && at[1] > 0x8F;
  return too_long || surrogate || too_great ? 0 : length;
}

bool tp_utf8_begins(char byte) {
  return (byte & 0xC0) != 0x80;
}

int tp_utf8_count(const char *bytes, size_t length) {
  int count = 0;
  for (size_t i = 0; i < length; i++)
    count += tp_utf8_begins(bytes[i]);
  return count;
}
