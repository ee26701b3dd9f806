/* SPDX-License-Identifier: MIT
 *
 * Text from a server on a terminal; see escape.h.
 *
 * How it works: the text is taken as UTF-8, one character after the other; runs of harmless ones
 * are written as they are. A byte that begins no valid sequence (an overlong one too) is escaped
 * alone, so a stray C1 byte never passes.
 *
 * To add characters: a row in `hostile`. */
#include "client/escape.h"
#include "base/utf8.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct span {
  uint32_t first, last; /* code points, both included */
} span;

/* What must not reach a terminal, in rising order. */
static const span hostile[] = {
    {0x00, 0x08},     /* C0 up to tab and newline */
    {0x0B, 0x1F},     /* the rest of C0 */
    {0x7F, 0x9F},     /* DEL, C1 */
    {0x061C, 0x061C}, /* Arabic letter mark */
    {0x200E, 0x200F}, /* left-to-right and right-to-left marks */
    {0x2028, 0x202E}, /* line and paragraph separators, bidi embeddings and overrides */
    {0x2066, 0x2069}, /* bidi isolates */
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_hostile(uint32_t point) {
  for (size_t i = 0; i < COUNT(hostile); i++)
    if (point >= hostile[i].first && point <= hostile[i].last)
      return true;
  return false;
}

/* The code point of a well-formed character of `size` bytes. */
static uint32_t code_point(const unsigned char *bytes, size_t size) {
  uint32_t point = size == 1 ? bytes[0] : bytes[0] & (0xFFu >> (size + 1));
  for (size_t i = 1; i < size; i++)
    point = point << 6 | (bytes[i] & 0x3F);
  return point;
}

void tp_escape_write(FILE *out, const char *bytes, size_t length) {
  const unsigned char *text = (const unsigned char *)bytes;
  size_t written = 0; /* all before it has been written */
  size_t at = 0;
  while (at < length) {
    size_t size = tp_utf8_length(bytes + at, length - at);
    uint32_t point = code_point(text + at, size);
    if (size > 0 && !is_hostile(point)) {
      at += size;
      continue;
    }
    fwrite(text + written, 1, at - written, out);
    if (size > 1)
      fprintf(out, "\\u{%x}", (unsigned)point);
    else
      fprintf(out, "\\x%02x", text[at]);
    at += size > 0 ? size : 1;
    written = at;
  }
  fwrite(text + written, 1, length - written, out);
}
