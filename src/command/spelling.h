/* SPDX-License-Identifier: MIT
 *
 * How methods and parameters are spelled at the prompt: pool_size is pool-size there, an option
 * num_concurrent with the letter n is -n or --num-concurrent. Used by the parser, its messages and
 * the help texts. */
#ifndef TP_COMMAND_SPELLING_H
#define TP_COMMAND_SPELLING_H

#include "binding/method.h"
#include <stdbool.h>
#include <stddef.h>

/* Room for any spelling. */
#define TP_SPELLING_SIZE 96

/* Each of these writes its text into `out`, cut where it would not fit, and returns it. */

/* The command or long option with this Lua name: "pool-size". */
const char *tp_spelling_command(const char *name, char out[TP_SPELLING_SIZE]);

/* The placeholder for a value of the parameter in help: "FUNC"; "" for a flag. */
const char *tp_spelling_value(const tp_param *param, char out[TP_SPELLING_SIZE]);

/* The parameter in a message: "-n/--num-concurrent", "ITERABLE". */
const char *tp_spelling_param(const tp_param *param, char out[TP_SPELLING_SIZE]);

/* The parameter in a usage line: "FUNC", "[SIZE]", "ID ...", "[-n NUM]", "[-r]". */
const char *tp_spelling_usage(const tp_param *param, char out[TP_SPELLING_SIZE]);

/* True if `text` spells the Lua name `name`, or its beginning; '-' and '_' are the same. */
bool tp_spelling_begins(const char *name, const char *text, size_t length);

/* The same for the whole name. */
bool tp_spelling_equal(const char *name, const char *text, size_t length);

#endif
