/* SPDX-License-Identifier: MIT
 *
 * Answers that are made of tables, as people see them: rows in columns, or one line a field. */
#ifndef TP_COMMAND_TABLE_H
#define TP_COMMAND_TABLE_H

#include "base/blocks.h"

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

/* An answer has at most so many fields. */
#define TP_TABLE_FIELDS 64

/* Pushes the text of the value at `index`, without a line end after the last line:
 *
 *     a list of tables    a line of titles, then a line for each table; the fields in columns, "-"
 *                         where one is nil. The last column is cut where the line is full.
 *                         Numbers in fields that end in "_at" are times of day, those in "age",
 *                         "busy", "took" and "left" durations.
 *     a table             a line for each field that is not nil, its name and its value
 *
 * `fields` are the fields in order, ended by NULL; `width` is that of a line in characters. False:
 * the value is neither, and nothing was pushed. Raises only for lack of memory. */
bool tp_table_push(lua_State *L, int index, const char *const *fields, int width);

/* What numbers in a field are: "time" of day, "duration", or NULL for plain numbers. */
const char *tp_table_unit(const char *field);

/* The columns that such a table has set right, those with numbers only: bit N for field N. */
uint64_t tp_table_right_of(lua_State *L, int index, const char *const *fields);

/* ---- the first kind, row by row ---- */

typedef struct tp_table tp_table;

/* Pushes a table that has no rows yet, which owns its memory. */
tp_table *tp_table_create(lua_State *L, const char *const *fields, int width);

/* Adds a row, the Lua table on top of the stack. */
void tp_table_add(tp_table *table, lua_State *L);

/* The text will have at least so many bytes. */
size_t tp_table_length(const tp_table *table);

/* All rows are there: lays out the next line, at the end of tp_table_text. False: that was the last
 * one. */
bool tp_table_lay_out(tp_table *table);

/* The same as tp_table_right_of for the rows so far. */
uint64_t tp_table_right(const tp_table *table);

/* The lines so far; the caller may take blocks from it. */
tp_blocks *tp_table_text(tp_table *table);

/* Whether there was no memory for a row or a line. */
bool tp_table_has_failed(const tp_table *table);

#endif
