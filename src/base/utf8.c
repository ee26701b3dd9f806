/* SPDX-License-Identifier: MIT
 *
 * UTF-8; see utf8.h. */
#include "base/utf8.h"

#ifdef TP_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

/* How many bytes a character has that begins with this one; 0: none does. */
static size_t length_by(unsigned char first) {
  if (first < 0x80)
    return 1;
  if (first < 0xC2 || first > 0xF4)
    return 0;
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

size_t tp_utf8_decode(const char *bytes, size_t left, unsigned *code) {
  static const unsigned smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const unsigned char *at = (const unsigned char *)bytes;
  size_t length = length_by(at[0]);
  if (length == 0 || length > left)
    return 0;
  *code = length == 1 ? at[0] : at[0] & (0xFFU >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if (tp_utf8_begins(bytes[i]))
      return 0;
    *code = *code << 6 | (at[i] & 0x3FU);
  }
  bool is_surrogate = *code >= 0xD800 && *code <= 0xDFFF;
  return *code < smallest[length] || *code > 0x10FFFF || is_surrogate ? 0 : length;
}

size_t tp_utf8_length(const char *bytes, size_t left) {
  unsigned code;
  return tp_utf8_decode(bytes, left, &code);
}

size_t tp_utf8_encode(unsigned code, char out[4]) {
  if (code < 0x80) {
    out[0] = (char)code;
    return 1;
  }
  size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (size_t i = length; --i > 0; code >>= 6)
    out[i] = (char)(0x80 | (code & 0x3F));
  out[0] = (char)((0xF00U >> length) | code);
  return length;
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

/* How many columns a character takes: 0 for one that is drawn over the one before it, 2 for a wide
 * one. */
static int width_of(unsigned code) {
#ifdef TP_HAVE_UTF8PROC
  if (code >= 0x80)
    return utf8proc_charwidth((utf8proc_int32_t)code);
#endif
  (void)code;
  return 1;
}

size_t tp_utf8_fit(const char *bytes, size_t length, int columns) {
  size_t at = 0;
  while (at < length) {
    unsigned code;
    size_t size = tp_utf8_decode(bytes + at, length - at, &code);
    columns -= size ? width_of(code) : 1;
    if (columns < 0)
      break;
    at += size ? size : 1;
  }
  return at;
}

int tp_utf8_width(const char *bytes, size_t length) {
  int columns = 0;
  for (size_t at = 0; at < length;) {
    unsigned code;
    size_t size = tp_utf8_decode(bytes + at, length - at, &code);
    columns += size ? width_of(code) : 1;
    at += size ? size : 1;
  }
  return columns;
}
