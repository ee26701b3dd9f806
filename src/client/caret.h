/* SPDX-License-Identifier: MIT
 *
 * Shows where in a line a mistake is. */
#ifndef TP_CLIENT_CARET_H
#define TP_CLIENT_CARET_H

#include "base/span.h"
#include <stdio.h>

/* What a terminal shows of a line. */
typedef struct tp_caret_view {
  int indent; /* columns before the line, which is on the screen just above; -1: it is not there */
  int width;  /* columns of the terminal */
} tp_caret_view;

/* Writes a line with a caret under byte `column` (from 1) of `line`. Where the line is not on the
 * screen, or is too long for it, what is around that place is written before. */
void tp_caret_write(FILE *to, tp_span line, size_t column, const tp_caret_view *view);

#endif
