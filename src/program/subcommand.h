/* SPDX-License-Identifier: MIT
 *
 * A sub-command of the program: `taskpool NAME …`. */
#ifndef TP_PROGRAM_SUBCOMMAND_H
#define TP_PROGRAM_SUBCOMMAND_H

#include <stdbool.h>

/* The exit code of wrong usage. */
enum { TP_EXIT_USAGE = 2 };

typedef struct tp_subcommand {
  const char *name;
  const char *usage;                  /* the words after `taskpool` */
  const char *summary;                /* one line for the list of sub-commands */
  const char *help;                   /* what its -h prints below the usage */
  int (*call)(int argc, char **argv); /* gets the words after the name; returns the exit code */
} tp_subcommand;

/* Whether a word asks for help. */
bool tp_subcommand_is_help(const char *word);

/* Prints the help, and returns the exit code. */
int tp_subcommand_print_help(const tp_subcommand *of);

/* Says on stderr what is wrong with the words of a sub-command, and returns the exit code. */
int tp_subcommand_complain(const tp_subcommand *of, const char *what, const char *word);

/* The sub-commands. */
extern const tp_subcommand tp_run_subcommand, tp_serve_subcommand, tp_control_subcommand;

#endif
