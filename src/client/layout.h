/* SPDX-License-Identifier: MIT
 *
 * Answers that are tables, as people and scripts see them. */
#ifndef TP_CLIENT_LAYOUT_H
#define TP_CLIENT_LAYOUT_H

#include "base/bytes.h"
#include <jansson.h>
#include <stdbool.h>

/* Whether an answer holds a table: a "value" that is a list of objects, or an object, and the
 * "columns" of it. */
bool tp_layout_is_table(const json_t *answer);

/* Appends the table of an answer as lines with tabs between the cells, the first with the titles;
 * of an object, a line for each field. False: no memory. */
bool tp_layout_with_tabs(const json_t *answer, tp_bytes *to);

/* Appends it in columns, fitted to `width`: texts are cut where the line is too long, and if that
 * is not enough, each row becomes a line for each field. False: built without libsmartcols, no
 * rows, or no memory; nothing is appended. */
bool tp_layout_in_columns(const json_t *answer, int width, bool color, tp_bytes *to);

#endif
