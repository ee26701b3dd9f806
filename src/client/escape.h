/* SPDX-License-Identifier: MIT
 *
 * Text from elsewhere on a terminal. What a server answers may hold names and error texts of
 * anybody, and a terminal obeys what is in them; so what could steer it is shown and not sent. */
#ifndef TP_CLIENT_ESCAPE_H
#define TP_CLIENT_ESCAPE_H

#include <stddef.h>
#include <stdio.h>

/* Writes `bytes` to `out`, all but newline and tab of C0, DEL, C1, line separators, bidi controls
 * and what is no UTF-8 replaced: a byte by \x1b, a character by \u{202e}. */
void tp_escape_write(FILE *out, const char *bytes, size_t length);

#endif
