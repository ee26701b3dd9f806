/* SPDX-License-Identifier: MIT
 *
 * The arguments of a command line become values on a Lua stack, one for each parameter of a method
 * (binding/method.h): "map a.b.worker ['x', 'y z'] -n 3".
 *
 * Spelling. Words are separated by blanks; quotes keep blanks in a word. Options stand anywhere
 * after the command, as -n 3, -n3, -n=3, --num-concurrent 3 or --num-concurrent=3; after "--"
 * nothing is an option. A value that begins with a minus and is not a number must be attached by
 * '=' or stand in quotes: -g=-n, -g "-n". Literals (value/literal.h) may hold blanks. In names of
 * commands and options '-' and '_' are the same. A number with a sign is an argument, never an
 * option.
 *
 * How it works. There is no list of tokens: the type of the parameter that is next decides how the
 * text from here on is read (reader.h). Each argument is either an option or belongs to the next
 * positional parameter; its value is moved from the top of the stack to the slot of the parameter.
 */
#ifndef TP_COMMAND_PARSE_H
#define TP_COMMAND_PARSE_H

#include "binding/method.h"
#include "command/cursor.h"
#include "taskpool.h"
#include "value/name.h"
#include <lua.h>
#include <stdbool.h>

/* Reads the arguments from `cursor` on for `method`. The pool is on top of the stack; above it
 * comes one slot for each parameter, nil where it was not given, then what else a REST parameter
 * took. An iterable is a list or (for the name of a function) an iterator, see value/iterator.h.
 * On failure leaves the stack as it was and fills `error`: InvalidArgument says what was expected
 * and at which column of the line, or that of tp_name_push_exposed. If a name is in a module that
 * must be loaded first, `*missing` is that one: load it, and parse again; else missing->name is "".
 * Runs no Lua code. May raise only for lack of memory: call it protected. */
bool tp_parse_arguments(lua_State *L, const tp_exposure *names, const tp_method *method,
                        tp_cursor cursor, tp_module *missing, tp_error *error);

#endif
