/* SPDX-License-Identifier: MIT
 *
 * How far a word is from a name, for "did you mean". */
#ifndef TP_BASE_DISTANCE_H
#define TP_BASE_DISTANCE_H

#include <stddef.h>

/* How far `text` is from a spelling of `name`: 0 if it is its beginning, else the number of bytes
 * that would have to be changed, added or left out; case does not count, '-' and '_' are the same.
 * Texts over 63 bytes are far from everything. */
size_t tp_distance(const char *name, const char *text, size_t length);

#endif
