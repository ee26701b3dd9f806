/* SPDX-License-Identifier: MIT
 *
 * Help texts for the prompt, made from the records of the methods (binding/method.h), wrapped to
 * the client's terminal. A text of several lines has no line end after the last. The functions
 * raise only for lack of memory. */
#ifndef TP_COMMAND_HELP_H
#define TP_COMMAND_HELP_H

#include "binding/method.h"
#include <lua.h>

/* Widths outside of these are clamped; 0 and less mean "unknown". */
#define TP_HELP_WIDTH_DEFAULT 80
#define TP_HELP_WIDTH_MIN 20
#define TP_HELP_WIDTH_MAX 400

/* Pushes the list of all commands in `tables` (ended by NULL, each by a record whose name is NULL)
 * that a pool of the kind `on` has. `pool` is how the pool prints ("SimpleTaskPool-0"). */
void tp_help_push_all(lua_State *L, const char *pool, const tp_method *const *tables, int on,
                      int width);

/* Pushes the help on one command: usage, summary, arguments and options. */
void tp_help_push_command(lua_State *L, const tp_method *method, int width);

#endif
