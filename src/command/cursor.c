/* SPDX-License-Identifier: MIT
 *
 * A place in a line; see cursor.h. */
#include "command/cursor.h"
#include <ctype.h>
#include <string.h>

static bool is_blank(char c) {
  return isspace((unsigned char)c);
}

char tp_cursor_peek(const tp_cursor *cursor, size_t ahead) {
  return ahead < cursor->length - cursor->at ? cursor->text[cursor->at + ahead] : '\0';
}

bool tp_cursor_in_word(const tp_cursor *cursor, size_t at) {
  return at < cursor->length && !is_blank(cursor->text[at]);
}

void tp_cursor_skip_blanks(tp_cursor *cursor) {
  while (cursor->at < cursor->length && is_blank(cursor->text[cursor->at]))
    cursor->at++;
}

size_t tp_cursor_word_end(const tp_cursor *cursor) {
  size_t end = cursor->at;
  while (tp_cursor_in_word(cursor, end))
    end++;
  return end;
}

/* A quote counts where a word or a literal can begin, so that in don't it does not. */
size_t tp_cursor_argument_end(const tp_cursor *cursor) {
  const char *text = cursor->text;
  size_t at = cursor->at, depth = 0;
  char quote = '\0';
  for (; at < cursor->length && (depth > 0 || quote || !is_blank(text[at])); at++) {
    char c = text[at];
    if (quote) {
      at += c == '\\';
      quote = c == quote ? '\0' : quote;
    } else if ((c == '"' || c == '\'') && (depth > 0 || at == cursor->at || text[at - 1] == '=')) {
      quote = c;
    } else if (strchr("[({", c) && c) {
      depth++;
    } else if (strchr("])}", c) && c && depth > 0) {
      depth--;
    }
  }
  return at < cursor->length ? at : cursor->length;
}

bool tp_cursor_is(const tp_cursor *cursor, size_t end, const char *word) {
  size_t length = end - cursor->at;
  return length == strlen(word) && memcmp(cursor->text + cursor->at, word, length) == 0;
}

const char *tp_cursor_excerpt(const tp_cursor *cursor, size_t from, size_t to,
                              char out[TP_CURSOR_EXCERPT_SIZE]) {
  enum { FITS = TP_CURSOR_EXCERPT_SIZE - 4 };
  size_t length = to - from < FITS ? to - from : FITS - 4;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)cursor->text[from + i];
    out[i] = (char)(c < 0x20 || c >= 0x7F ? '?' : c);
  }
  strcpy(out + length, to - from < FITS ? "" : "...");
  return out;
}

unsigned tp_cursor_column(size_t at) {
  return (unsigned)at + 1;
}
