/* SPDX-License-Identifier: MIT
 *
 * UTF-8. */
#ifndef TP_BASE_UTF8_H
#define TP_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of the character that begins at `bytes`, of which there are `left` (1 or more); 0: they
 * are not well-formed UTF-8. */
size_t tp_utf8_length(const char *bytes, size_t left);

/* The same, and the number of the character. */
size_t tp_utf8_decode(const char *bytes, size_t left, unsigned *code);

/* Writes a character, which must not be a surrogate, and returns its bytes. */
size_t tp_utf8_encode(unsigned code, char out[4]);

/* True if the byte begins a character, and does not continue one. */
bool tp_utf8_begins(char byte);

/* The number of characters in well-formed bytes. */
int tp_utf8_count(const char *bytes, size_t length);

/* How many columns of a terminal well-formed bytes take. Built without libutf8proc, each character
 * takes one. */
int tp_utf8_width(const char *bytes, size_t length);

/* The length of the longest beginning of well-formed bytes that takes at most `columns`. */
size_t tp_utf8_fit(const char *bytes, size_t length, int columns);

#endif
