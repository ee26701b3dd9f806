/* SPDX-License-Identifier: MIT
 *
 * A place in a line: where words and arguments end from there on.
 *
 * A line is text as people type it, with blanks between the words; or it is made of words that came
 * one by one, each with a zero byte after it. Then blanks and quotes are a part of their word. */
#ifndef TP_COMMAND_CURSOR_H
#define TP_COMMAND_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

/* Room for an excerpt of a line. */
#define TP_CURSOR_EXCERPT_SIZE 64

typedef struct tp_cursor {
  const char *text; /* the whole line; the caller's memory, must stay as it is */
  size_t length;    /* its bytes */
  size_t at;        /* the byte to be read next */
  bool is_words;    /* each word ends with a zero byte */
} tp_cursor;

/* The byte `ahead` bytes further on; NUL past the end. */
char tp_cursor_peek(const tp_cursor *cursor, size_t ahead);

/* True if a word begins or goes on at `at`: neither a blank nor the end. */
bool tp_cursor_in_word(const tp_cursor *cursor, size_t at);

/* True if a text in quotes begins here. */
bool tp_cursor_at_quote(const tp_cursor *cursor);

/* Goes on to where the next word begins. */
void tp_cursor_skip_blanks(tp_cursor *cursor);

/* Where the word here ends: at the next blank, whatever it holds. */
size_t tp_cursor_word_end(const tp_cursor *cursor);

/* Where the argument here ends: at a blank outside of quotes and brackets. */
size_t tp_cursor_argument_end(const tp_cursor *cursor);

/* Where the command here ends: at a ';' outside of quotes and brackets, or at the end. */
size_t tp_cursor_command_end(const tp_cursor *cursor);

/* True if `word` stands from here to `end`. */
bool tp_cursor_is(const tp_cursor *cursor, size_t end, const char *word);

/* The bytes from `from` to `to` for a message: written into `out`, cut where they do not fit, with
 * '?' for control bytes and those beyond ASCII. Returns `out`. */
const char *tp_cursor_excerpt(const tp_cursor *cursor, size_t from, size_t to,
                              char out[TP_CURSOR_EXCERPT_SIZE]);

/* How messages number the byte at `at`: from 1. */
unsigned tp_cursor_column(size_t at);

#endif
