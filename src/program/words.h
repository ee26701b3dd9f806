/* SPDX-License-Identifier: MIT
 *
 * Words of the command line for our own Lua modules. */
#ifndef TP_PROGRAM_WORDS_H
#define TP_PROGRAM_WORDS_H

#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>

/* Calls the Lua function that the expression `function` stands for with a list of the words. `name`
 * stands for it in messages. */
bool tp_words_pass(tp_host *host, const char *function, const char *const *words, size_t count,
                   const char *name, tp_error *error);

#endif
