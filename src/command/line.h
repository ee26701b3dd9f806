/* SPDX-License-Identifier: MIT
 *
 * The first word of a line, which is the command.
 *
 * A session turns a line of bytes, without its line end, into a call:
 *
 *     tp_line_split(&line, cursor);                the command word, perhaps after "--pool NAME";
 *                                                  is help asked for?
 *     method = tp_method_find(line.command, on);   NULL: tp_line_unknown makes the error
 *     tp_parse_arguments(L, …, line.arguments, …)  the arguments (parse.h) */
#ifndef TP_COMMAND_LINE_H
#define TP_COMMAND_LINE_H

#include "binding/method.h"
#include "command/cursor.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>

#define TP_LINE_COMMAND_SIZE 64

/* A line whose command has been split off. */
typedef struct tp_line {
  tp_cursor pool;      /* the word after --pool, up to its length; no text: the line has none */
  size_t word;         /* where the command begins */
  tp_cursor arguments; /* the whole line, read up to the end of the command */
  char command[TP_LINE_COMMAND_SIZE]; /* the command by its Lua name ("pool_size"); "" for an empty
                                         line or for help on all commands; cut where it would not
                                         fit */
  bool help; /* -h or --help stands on the line: answer with help, do not parse */
} tp_line;

/* Splits off "--pool NAME" and the command word of the line at `cursor`. Any bytes are allowed;
 * cannot fail. */
void tp_line_split(tp_line *line, tp_cursor cursor);

/* Fills `error` for a command that no table has for pools of the kind `on`, naming the closest one
 * that exists. `tables` ends with NULL, each table with a record whose name is NULL. Returns false.
 */
bool tp_line_unknown(const tp_line *line, const tp_method *const *tables, int on, tp_error *error);

#endif
