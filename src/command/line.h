/* SPDX-License-Identifier: MIT
 *
 * A command line becomes a call: "map a.b.worker ['x', 'y z'] -n 3" is split into the command and,
 * on a Lua stack, one value for each parameter of its method (binding/method.h).
 *
 * A session does this with a line of bytes, without its line end:
 *
 *     tp_line line;
 *     tp_line_split(&line, bytes, length);            the command word; is help asked for?
 *     method = tp_method_find(line.command, on);      NULL: tp_line_unknown makes the error
 *     tp_line_parse(L, names, method, &line, &error); the arguments, above the pool on the stack
 *
 * Spelling. Words are separated by blanks; quotes keep blanks in a word. Options stand anywhere
 * after the command, as -n 3, -n3, -n=3, --num-concurrent 3 or --num-concurrent=3; after "--"
 * nothing is an option. A value that begins with a minus and is no number must be attached by '='
 * or stand in quotes: -g=-n, -g "-n". Literals (value/literal.h) may hold blanks. In names of
 * commands and options '-' and '_' are the same. A number with a sign is an argument, never an
 * option.
 *
 * How it works. There is no list of tokens: the type of the parameter that is next decides how the
 * text from here on is read, by one row in the table of readers. To add a type of parameter: one
 * member of tp_param_type, one reader, one row. */
#ifndef TP_COMMAND_LINE_H
#define TP_COMMAND_LINE_H

#include "binding/method.h"
#include "taskpool.h"
#include "value/name.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

#define TP_LINE_COMMAND_SIZE 64

/* A line whose command has been split off. */
typedef struct tp_line {
  const char *text;                   /* the whole line; the caller's memory, must stay as it is */
  size_t length;                      /* its bytes */
  size_t at;                          /* where the arguments begin */
  char command[TP_LINE_COMMAND_SIZE]; /* the command by its Lua name ("pool_size"); "" for an empty
                                         line or for help on all commands; cut where it would not
                                         fit */
  bool help; /* -h or --help stands on the line: answer with help, do not parse */
} tp_line;

/* Splits off the command word. Any bytes are allowed; cannot fail. */
void tp_line_split(tp_line *line, const char *text, size_t length);

/* Reads the arguments of `line` for `method`. The pool is on top of the stack; above it comes one
 * slot for each parameter, nil where it was not given, then what else a REST parameter took. An
 * iterable is a list or (for the name of a function) an iterator, see value/iterator.h.
 * On failure leaves the stack as it was and fills `error`: InvalidArgument says what was wanted and
 * at which column of the line, or that of tp_name_push_exposed. Where a name is in a module that
 * must be loaded first, `*missing` is that one: load it, and parse again; else missing->name is "".
 * Runs no Lua code. May raise only for lack of memory: call it protected. */
bool tp_line_parse(lua_State *L, const tp_names *names, const tp_method *method,
                   const tp_line *line, tp_module *missing, tp_error *error);

/* Fills `error` for a command that no table has for pools of the kind `on`, naming the closest one
 * that exists. `tables` ends with NULL, each table with a record whose name is NULL. Returns false.
 */
bool tp_line_unknown(const tp_line *line, const tp_method *const *tables, int on, tp_error *error);

#endif
