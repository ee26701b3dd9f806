/* SPDX-License-Identifier: MIT
 *
 * Where the client colours its text, and how. */
#ifndef TP_CLIENT_STYLE_H
#define TP_CLIENT_STYLE_H

#include "taskpool.h"
#include <stdbool.h>
#include <stdio.h>

typedef enum tp_style_kind {
  TP_STYLE_PLAIN, /* as the terminal writes by itself */
  TP_STYLE_TITLE, /* titles of tables */
  TP_STYLE_GOOD,  /* what goes well */
  TP_STYLE_WARN,  /* what is held up */
  TP_STYLE_BAD,   /* errors */
  TP_STYLE_DIM,   /* what matters less */
} tp_style_kind;

/* Whether `file` is a terminal. */
bool tp_style_is_terminal(FILE *file);

/* How many columns the terminal behind `file` has; 80 if it is not one. */
int tp_style_width(FILE *file);

/* Whether text on `file` is to be coloured. */
bool tp_style_is_wanted(tp_client_color color, FILE *file);

/* The kind of a value in a table, such as the state of a task. */
tp_style_kind tp_style_of(const char *column, const char *value);

/* What switches a style on, and what switches all styles off, for a terminal. */
const char *tp_style_begin(tp_style_kind kind);
const char *tp_style_end(tp_style_kind kind);

#endif
