/* SPDX-License-Identifier: MIT
 *
 * The prompt of the client: one command after the other from a person at a terminal, with editing,
 * history and completion where the program was built with libedit.
 *
 * A command goes on over several lines while its quotes and brackets are open. While a line is
 * edited ^C drops the command, and ^D on an empty line ends the input. While no line is read the
 * terminal and its signals are as they were. */
#ifndef TP_CLIENT_PROMPT_H
#define TP_CLIENT_PROMPT_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

typedef struct tp_prompt tp_prompt;

/* What a prompt asks for. */
typedef struct tp_prompt_source {
  void *context; /* for both */

  /* The text before "> ". */
  const char *(*name)(void *context);

  /* What could stand in place of the last word of a line, as for tp_tab_find; the prompt releases
   * it. NULL: nothing. */
  json_t *(*complete)(void *context, const char *line, size_t length);
} tp_prompt_source;

/* A prompt on these terminals. NULL for lack of memory. */
tp_prompt *tp_prompt_create(FILE *in, FILE *out, FILE *err, const tp_prompt_source *source);

/* The next command, as one line; it lives until the next read. NULL at the end of input. */
const char *tp_prompt_read(tp_prompt *prompt);

/* How many columns of the screen are before the command that was read last; -1: it had several
 * lines. */
int tp_prompt_indent(const tp_prompt *prompt);

/* NULL is allowed. */
void tp_prompt_destroy(tp_prompt *prompt);

#endif
