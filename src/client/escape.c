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

typedef struct range {
  unsigned first, last; /* code points, both included */
} range;

/* What must not reach a terminal, in rising order. */
static const range hostile[] = {
    {0x00, 0x08},     /* C0 up to tab and newline */
    {0x0B, 0x1F},     /* the rest of C0 */
    {0x7F, 0x9F},     /* DEL, C1 */
    {0x061C, 0x061C}, /* Arabic letter mark */
    {0x200E, 0x200F}, /* left-to-right and right-to-left marks */
    {0x2028, 0x202E}, /* line and paragraph separators, bidi embeddings and overrides */
    {0x2066, 0x2069}, /* bidi isolates */
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool is_hostile(unsigned point) {
  for (size_t i = 0; i < COUNT(hostile); i++)
    if (point >= hostile[i].first && point <= hostile[i].last)
      return true;
  return false;
}

void tp_escape_write(FILE *out, const char *bytes, size_t length) {
  size_t written = 0; /* all before it has been written */
  size_t at = 0;
  while (at < length) {
    unsigned point = 0;
    size_t size = tp_utf8_decode(bytes + at, length - at, &point);
    if (size > 0 && !is_hostile(point)) {
      at += size;
      continue;
    }
    fwrite(bytes + written, 1, at - written, out);
    if (size > 1)
      fprintf(out, "\\u{%x}", point);
    else
      fprintf(out, "\\x%02x", (unsigned char)bytes[at]);
    at += size > 0 ? size : 1;
    written = at;
  }
  fwrite(bytes + written, 1, length - written, out);
}

char *tp_escape_text(const char *bytes, size_t length) {
  char *text = NULL;
  size_t size;
  FILE *file = open_memstream(&text, &size);
  if (!file)
    return NULL;
  tp_escape_write(file, bytes, length);
  fclose(file);
  return text;
}
