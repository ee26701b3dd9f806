/* SPDX-License-Identifier: MIT
 *
 * What TAB does at the prompt: it looks for words that the line may end in, inserts what they have
 * in common, and lists them if there are several. */
#ifndef TP_CLIENT_TAB_H
#define TP_CLIENT_TAB_H

#include "base/span.h"
#include <jansson.h>
#include <stdio.h>

/* What is to be done with the last word of the line. */
typedef struct tp_tab {
  size_t remove; /* characters before the cursor that go */
  char *insert;  /* what takes their place; owned; NULL: nothing is to be done */
} tp_tab;

/* What `candidates`, a list of objects with "word", make of the last word of a line. */
tp_tab tp_tab_find(const json_t *candidates, tp_span line);

/* Lists the candidates with what they mean, for a terminal of that width. */
void tp_tab_list(FILE *to, const json_t *candidates, int width);

#endif
