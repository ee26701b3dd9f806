/* SPDX-License-Identifier: MIT
 *
 * Completes a page of the manual: copies the template on stdin to stdout, in the language of scdoc,
 * and replaces each line with one of these by what the tables of the program say.
 *
 *     @summaries@       the sub-commands
 *     @about NAME@      what a sub-command does
 *     @options NAME@    its options
 *     @notes NAME@      what more there is to know
 *     @exits NAME@      its exit codes
 *     @commands@        the commands of control sessions
 *     @codes@           the names of errors
 *
 * To add one: a function and a record in `fillers`. */
#include "command/spelling.h"
#include "program/subcommand.h"
#include "server/builtin.h"
#include "taskpool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const tp_subcommand *const subcommands[] = {
    &tp_run_subcommand,
    &tp_serve_subcommand,
    &tp_control_subcommand,
    &tp_completion_subcommand,
    NULL,
};

/* Prints a text in which nothing has a meaning of its own. */
static void print_plain(const char *text) {
  for (; *text; text++) {
    if (strchr("\\*_#`~", *text))
      putchar('\\');
    putchar(*text);
  }
}

static void print_in(char mark, const char *text) {
  putchar(mark);
  print_plain(text);
  putchar(mark);
}

/* ---- sub-commands ---- */

static void fill_summaries(const tp_subcommand *of) {
  (void)of;
  for (size_t i = 0; subcommands[i]; i++) {
    print_in('*', subcommands[i]->name);
    printf("\n\t");
    print_plain(subcommands[i]->summary);
    printf("\n\n");
  }
}

static void fill_about(const tp_subcommand *of) {
  print_plain(of->about);
  putchar('\n');
}

static void fill_options(const tp_subcommand *of) {
  for (const tp_option *const *table = of->options; *table; table++)
    for (const tp_option *option = *table; option->name; option++) {
      if (option->short_name) {
        print_in('*', option->short_name);
        printf(", ");
      }
      print_in('*', option->name);
      if (option->value) {
        putchar(' ');
        print_in('_', option->value);
      }
      printf("\n\t");
      print_plain(option->help);
      printf("\n\n");
    }
}

static void fill_notes(const tp_subcommand *of) {
  for (const char *const *note = of->notes; *note; note++) {
    print_plain(*note);
    printf("\n\n");
  }
}

static void fill_exits(const tp_subcommand *of) {
  for (const tp_exit *each = of->exits; each && each->meaning; each++) {
    print_in('*', each->code);
    printf("\n\t");
    print_plain(each->meaning);
    printf("\n\n");
  }
}

/* ---- commands ---- */

static void print_param(const tp_param *param) {
  char text[TP_SPELLING_SIZE], value[TP_SPELLING_SIZE];
  printf("\t");
  print_in('*', tp_spelling_param(param, text));
  if (tp_method_is_option(param) && *tp_spelling_value(param, value)) {
    putchar(' ');
    print_in('_', value);
  }
  printf(": ");
  print_plain(param->help);
  if (param->fallback && param->type != TP_PARAM_FLAG) {
    printf(" (default: ");
    print_plain(param->fallback);
    putchar(')');
  }
  printf("\n\n");
}

static void print_command(const tp_method *method) {
  char text[TP_SPELLING_SIZE];
  print_in('*', tp_spelling_command(method->name, text));
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++)
    if (!tp_method_is_option(param)) {
      putchar(' ');
      print_in('_', tp_spelling_usage(param, text));
    }
  printf("\n\t");
  print_plain(method->summary);
  if (method->role == TP_ROLE_OPERATE)
    printf(method->property ? " To set it needs the role operate." : " Needs the role operate.");
  printf("\n\n");
  for (const tp_param *param = method->params; param->kind != TP_PARAM_NONE; param++)
    print_param(param);
}

static void fill_commands(const tp_subcommand *of) {
  (void)of;
  for (const tp_method *const *table = tp_builtin_tables; *table; table++)
    for (const tp_method *method = *table; method->name; method++)
      print_command(method);
}

static void fill_codes(const tp_subcommand *of) {
#define TP_CODE(name, text) #text,
  static const char *const codes[] = {TP_CODES(TP_CODE)};
#undef TP_CODE
  (void)of;
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    printf(i > 0 ? ", " : "");
    print_in('*', codes[i]);
  }
  putchar('\n');
}

/* ---- the template ---- */

static const struct {
  const char *name;
  void (*fill)(const tp_subcommand *of);
} fillers[] = {
    {"summaries", fill_summaries}, {"about", fill_about}, {"options", fill_options},
    {"notes", fill_notes},         {"exits", fill_exits}, {"commands", fill_commands},
    {"codes", fill_codes},
};

/* Fills in what the line between its two marks names. False: there is nothing of that name. */
static bool fill(char *line) {
  const tp_subcommand *of = NULL;
  const char *name = strtok(line, "@ \n"), *argument = strtok(NULL, "@ \n");
  for (size_t i = 0; argument && subcommands[i]; i++)
    if (strcmp(subcommands[i]->name, argument) == 0)
      of = subcommands[i];
  for (size_t i = 0; name && i < sizeof fillers / sizeof *fillers; i++)
    if (strcmp(fillers[i].name, name) == 0 && !argument == !of) {
      fillers[i].fill(of);
      return true;
    }
  return false;
}

int main(void) {
  char line[1024];
  while (fgets(line, sizeof line, stdin)) {
    if (line[0] != '@')
      fputs(line, stdout);
    else if (!fill(line)) {
      fprintf(stderr, "pages: nothing is called %s\n", line);
      return EXIT_FAILURE;
    }
  }
  return EXIT_SUCCESS;
}
