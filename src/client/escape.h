/* SPDX-License-Identifier: MIT
 *
 * Text from a server on a terminal. An answer may hold names and error texts from anywhere, and a
 * terminal obeys control characters in them: these are shown instead of sent. */
#ifndef TP_CLIENT_ESCAPE_H
#define TP_CLIENT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Writes `bytes` to `out`, all but newline and tab of C0, DEL, C1, line separators, bidi controls
 * and what is not UTF-8 replaced: a byte by \x1b, a character by \u{202e}. */
void tp_escape_write(FILE *out, const char *bytes, size_t length);

/* The same as a text of its own, which the caller frees. NULL: no memory. */
char *tp_escape_text(const char *bytes, size_t length);

#endif
