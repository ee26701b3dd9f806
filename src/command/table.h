/* SPDX-License-Identifier: MIT
 *
 * Answers that are made of tables, as people see them: rows in columns, or one line a field. */
#ifndef TP_COMMAND_TABLE_H
#define TP_COMMAND_TABLE_H

#include <lua.h>
#include <stdbool.h>

/* An answer has at most so many fields. */
#define TP_TABLE_FIELDS 32

/* Pushes the text of the value at `index`, without a line end after the last line:
 *
 *     a list of tables    a line of titles, then a line for each table; the fields in columns, "-"
 *                         where one is nil. The last column is cut where the line is full.
 *     a table             a line for each field that is not nil, its name and its value
 *
 * `fields` are the fields in order, ended by NULL; `width` is that of a line in characters. False:
 * the value is neither, and nothing was pushed. Raises only for lack of memory. */
bool tp_table_push(lua_State *L, int index, const char *const *fields, int width);

#endif
