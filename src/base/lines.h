/* SPDX-License-Identifier: MIT
 *
 * Text of several lines, such as an error with its traceback, as a log or a terminal shows it. */
#ifndef TP_BASE_LINES_H
#define TP_BASE_LINES_H

#include <stddef.h>

/* Writes `text` to the `size` bytes at `to`, at least 128: each further line begins with two
 * blanks, or four in place of a tab, so none can be taken for a record of its own; other control
 * bytes are escaped, a tab stays; where it is too long, the middle is left out. */
void tp_lines_lay_out(char *to, size_t size, const char *text);

#endif
