/* SPDX-License-Identifier: MIT
 *
 * A place in a line; see cursor.h. */
#include "command/cursor.h"
#include <ctype.h>
#include <string.h>

static bool is_blank(const tp_cursor *cursor, size_t at) {
  char c = cursor->text[at];
  return cursor->is_words ? c == '\0' : isspace((unsigned char)c);
}

char tp_cursor_peek(const tp_cursor *cursor, size_t ahead) {
  return ahead < cursor->length - cursor->at ? cursor->text[cursor->at + ahead] : '\0';
}

bool tp_cursor_in_word(const tp_cursor *cursor, size_t at) {
  return at < cursor->length && !is_blank(cursor, at);
}

bool tp_cursor_at_quote(const tp_cursor *cursor) {
  char c = tp_cursor_peek(cursor, 0);
  return !cursor->is_words && (c == '"' || c == '\'');
}

/* Of words, only the end of the one before is skipped: the next one may be empty. */
void tp_cursor_skip_blanks(tp_cursor *cursor) {
  size_t most = cursor->is_words && cursor->at < cursor->length ? cursor->at + 1 : cursor->length;
  while (cursor->at < most && is_blank(cursor, cursor->at))
    cursor->at++;
}

size_t tp_cursor_word_end(const tp_cursor *cursor) {
  size_t end = cursor->at;
  while (tp_cursor_in_word(cursor, end))
    end++;
  return end;
}

/* True if a quote at `at` begins a text: where a word or a value begins, but not in don't. */
static bool may_open(const tp_cursor *cursor, size_t at) {
  return at == cursor->at || is_blank(cursor, at - 1) || cursor->text[at - 1] == '=';
}

/* Where the text from the cursor on ends: at a byte for which `is_end` holds, outside of quotes and
 * brackets. */
static size_t find_end(const tp_cursor *cursor,
                       bool (*is_end)(const tp_cursor *cursor, size_t at)) {
  const char *text = cursor->text;
  size_t at = cursor->at, depth = 0;
  char quote = '\0';
  for (; at < cursor->length && (depth > 0 || quote || !is_end(cursor, at)); at++) {
    char c = text[at];
    if (quote) {
      at += c == '\\';
      quote = c == quote ? '\0' : quote;
    } else if ((c == '"' || c == '\'') && (depth > 0 || may_open(cursor, at))) {
      quote = c;
    } else if (strchr("[({", c) && c) {
      depth++;
    } else if (strchr("])}", c) && c && depth > 0) {
      depth--;
    }
  }
  return at < cursor->length ? at : cursor->length;
}

size_t tp_cursor_argument_end(const tp_cursor *cursor) {
  return cursor->is_words ? tp_cursor_word_end(cursor) : find_end(cursor, is_blank);
}

static bool is_semicolon(const tp_cursor *cursor, size_t at) {
  return cursor->text[at] == ';';
}

size_t tp_cursor_command_end(const tp_cursor *cursor) {
  return cursor->is_words ? cursor->length : find_end(cursor, is_semicolon);
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
