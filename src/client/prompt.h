/* SPDX-License-Identifier: MIT
 *
 * The prompt of the client: one line after the other from a person at a terminal, with editing and
 * history where the program was built with libedit.
 *
 * While a line is edited ^C clears it and ^D on an empty one ends the input. While no line is read
 * the terminal and its signals are as they were: ^C ends the program. */
#ifndef TP_CLIENT_PROMPT_H
#define TP_CLIENT_PROMPT_H

#include <stdio.h>

typedef struct tp_prompt tp_prompt;

/* A prompt on these terminals. NULL for lack of memory. */
tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err);

/* The next line, without its newline; it lives until the next read. NULL at the end of input. */
const char *tp_prompt_read(tp_prompt *prompt);

/* NULL is allowed. */
void tp_prompt_destroy(tp_prompt *prompt);

#endif
