/* SPDX-License-Identifier: MIT
 *
 * How it works: the text is decoded as UTF-8, one character after the other; runs of harmless ones
 * are written as they are. A byte that begins no valid sequence (an overlong one too) is escaped
 * alone, so a stray C1 byte never passes.
 *
 * To add characters: a line in `hostile`. */
#include "client/escape.h"
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

/* A form of UTF-8 sequence, told by its first byte. */
typedef struct form {
  unsigned char mask, lead; /* first byte & mask == lead */
  unsigned char length;     /* bytes in all */
  uint32_t least;           /* smallest code point that needs this form */
} form;

static const form forms[] = {
    {.mask = 0x80, .lead = 0x00, .length = 1, .least = 0},
    {.mask = 0xE0, .lead = 0xC0, .length = 2, .least = 0x80},
    {.mask = 0xF0, .lead = 0xE0, .length = 3, .least = 0x800},
    {.mask = 0xF8, .lead = 0xF0, .length = 4, .least = 0x10000},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_hostile(uint32_t point) {
  for (size_t i = 0; i < COUNT(hostile); i++)
    if (point >= hostile[i].first && point <= hostile[i].last)
      return true;
  return false;
}

static bool is_scalar(uint32_t point) {
  return point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
}

/* The rest of a sequence of that form. Returns its length, 0 if it is not valid. */
static size_t decode_as(const form *as, const unsigned char *bytes, size_t length,
                        uint32_t *point) {
  if (as->length > length)
    return 0;
  *point = bytes[0] & (unsigned char)~as->mask;
  for (size_t i = 1; i < as->length; i++) {
    if ((bytes[i] & 0xC0) != 0x80)
      return 0;
    *point = *point << 6 | (bytes[i] & 0x3F);
  }
  return *point >= as->least && is_scalar(*point) ? as->length : 0;
}

/* Decodes the character that `bytes` begins with. Returns its length, 0 if there is none. */
static size_t decode(const unsigned char *bytes, size_t length, uint32_t *point) {
  for (size_t i = 0; i < COUNT(forms); i++)
    if ((bytes[0] & forms[i].mask) == forms[i].lead)
      return decode_as(&forms[i], bytes, length, point);
  return 0;
}

void tp_escape_write(FILE *out, const char *bytes, size_t length) {
  const unsigned char *text = (const unsigned char *)bytes;
  size_t written = 0; /* all before it has been written */
  size_t at = 0;
  while (at < length) {
    uint32_t point = 0;
    size_t size = decode(text + at, length - at, &point);
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
