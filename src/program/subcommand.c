/* SPDX-License-Identifier: MIT
 *
 * What the sub-commands have in common; see subcommand.h. */
#include "program/subcommand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The page of a help: how long lines are, and where the text of options begins. */
enum { WIDTH = 76, MARGIN = 2, COLUMN = 21 };

bool tp_subcommand_is_help(const char *word) {
  return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

/* Prints the usage lines to `to`. */
static void print_usage(FILE *to, const tp_subcommand *of) {
  for (const char *const *line = of->usage; *line; line++)
    fprintf(to, "%s taskpool %s\n", line == of->usage ? "usage:" : "      ", *line);
}

/* Prints the words of a text from `column` on, in lines that begin at `indent`. Returns the column
 * after the last. */
static int print_words(const char *text, int indent, int column) {
  while (*text) {
    int length = (int)strcspn(text, " ");
    if (column > indent && column + 1 + length > WIDTH) {
      putc('\n', stdout);
      column = 0;
    }
    int gap = column < indent ? indent - column : column > indent;
    fprintf(stdout, "%*s%.*s", gap, "", length, text);
    column += gap + length;
    text += length + (text[length] == ' ');
  }
  return column;
}

static void print_paragraph(const char *text) {
  print_words(text, 0, 0);
  putc('\n', stdout);
}

const char *tp_subcommand_term(const tp_option *option, char out[TP_SUBCOMMAND_TERM_SIZE]) {
  snprintf(out, TP_SUBCOMMAND_TERM_SIZE, "%s%s%s%s%s", option->short_name ? option->short_name : "",
           option->short_name ? ", " : "", option->name,
           option->value && *option->value != '[' ? " " : "", option->value ? option->value : "");
  return out;
}

static void print_option(const tp_option *option) {
  char term[TP_SUBCOMMAND_TERM_SIZE];
  int column = fprintf(stdout, "%*s%s", MARGIN, "", tp_subcommand_term(option, term));
  if (column + 2 > COLUMN) {
    putc('\n', stdout);
    column = 0;
  }
  print_words(option->help, COLUMN, column);
  putc('\n', stdout);
}

static void print_exits(const tp_exit *exits) {
  char text[96];
  int column = print_words("Exit codes:", 0, 0);
  for (const tp_exit *each = exits; each->meaning; each++) {
    snprintf(text, sizeof text, "%s %s%s", each->code, each->meaning, each[1].meaning ? "," : ".");
    column = print_words(text, 0, column);
  }
  putc('\n', stdout);
}

int tp_subcommand_print_help(const tp_subcommand *of) {
  print_usage(stdout, of);
  putc('\n', stdout);
  print_paragraph(of->about);
  for (const tp_option *const *table = of->options; *table; table++) {
    if (table == of->options)
      putc('\n', stdout);
    for (const tp_option *option = *table; option->name; option++)
      print_option(option);
  }
  for (const char *const *note = of->notes; *note; note++) {
    putc('\n', stdout);
    print_paragraph(*note);
  }
  if (of->exits)
    print_exits(of->exits);
  return EXIT_SUCCESS;
}

int tp_subcommand_complain(const tp_subcommand *of, const char *what, const char *word) {
  fprintf(stderr, "taskpool %s: %s%s\n", of->name, what, word);
  print_usage(stderr, of);
  return TP_EXIT_USAGE;
}
