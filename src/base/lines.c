/* SPDX-License-Identifier: MIT
 *
 * Text of several lines; see lines.h. */
#define _XOPEN_SOURCE 700 /* strnlen */
#include "base/lines.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Copies a character of several bytes; returns how many. 0: it is not one. */
static size_t copy_character(const char *from, char out[8]) {
  size_t length = tp_utf8_length(from, strnlen(from, 4));
  if (length < 2)
    return 0;
  memcpy(out, from, length);
  out[length] = '\0';
  return length;
}

/* Writes to `out` the form of the next bytes at `from`, and returns how many those are. Idempotent:
 * text that is laid out already stays as it is. */
static size_t lay_out_next(const char *from, char out[8]) {
  unsigned char byte = (unsigned char)*from, next = (unsigned char)from[1];
  size_t length;
  if (byte == '\n') {
    bool is_deeper = next == '\t', is_laid_out = next == ' ' && from[2] == ' ';
    strcpy(out, is_deeper ? "\n    " : "\n  ");
    return is_laid_out ? 3 : is_deeper ? 2 : 1;
  }
  if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
    snprintf(out, 8, "\\u%04x", (unsigned)next);
    return 2;
  }
  if ((length = copy_character(from, out)) > 0)
    return length;
  if (byte == '\t' || (byte >= ' ' && byte < 0x7f))
    snprintf(out, 8, "%c", byte);
  else
    snprintf(out, 8, "\\x%02x", byte);
  return 1;
}

/* How long a text is when it is laid out. */
static size_t measure(const char *from, const char *end) {
  size_t length = 0;
  char out[8];
  while (from < end) {
    from += lay_out_next(from, out);
    length += strlen(out);
  }
  return length;
}

/* Appends the text from `*from` on, laid out, as far as it has at most `most` bytes. Returns the
 * end of what is written. */
static char *append(char *to, const char **from, const char *end, size_t most) {
  char out[8];
  while (*from < end) {
    size_t taken = lay_out_next(*from, out), length = strlen(out);
    if (length > most)
      break;
    memcpy(to, out, length);
    to += length;
    most -= length;
    *from += taken;
  }
  *to = '\0';
  return to;
}

/* Room for the words that replace the middle. */
enum { CUT_SIZE = 48 };

void tp_lines_lay_out(char *to, size_t size, const char *text) {
  const char *end = text + strlen(text);
  while (end > text && end[-1] == '\n')
    end--;
  size_t length = measure(text, end);
  if (length < size) {
    append(to, &text, end, length);
    return;
  }
  size_t head = (size - CUT_SIZE) * 2 / 3, tail = size - CUT_SIZE - head - 1;
  to = append(to, &text, end, head);
  size_t left = measure(text, end), skipped = 0;
  char out[8];
  while (left - skipped > tail) {
    text += lay_out_next(text, out);
    skipped += strlen(out);
  }
  to += snprintf(to, CUT_SIZE, "\n  ... (%zu bytes left out) ...\n  ", skipped);
  append(to, &text, end, tail);
}
