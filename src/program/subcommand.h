/* SPDX-License-Identifier: MIT
 *
 * A sub-command of the program: `taskpool NAME …`. */
#ifndef TP_PROGRAM_SUBCOMMAND_H
#define TP_PROGRAM_SUBCOMMAND_H

#include "program/option.h"

#include <stdbool.h>

/* The exit code of wrong usage. */
enum { TP_EXIT_USAGE = 2 };

/* What an exit code of the program means. */
typedef struct tp_exit {
  const char *code;    /* the number */
  const char *meaning; /* a few words; NULL: the end of a table */
} tp_exit;

typedef struct tp_subcommand {
  const char *name;
  const char *const *usage;        /* the words after `taskpool`, for each way to write it; ended by
                                      NULL */
  const char *summary;             /* one line for the list of sub-commands */
  const char *about;               /* what it does, in one line */
  const tp_option *const *options; /* tables of options, each ended by one without a name; ended by
                                      NULL */
  const char *const *notes;        /* more to know, paragraphs of one line each, ended by NULL */
  const tp_exit *exits;            /* its exit codes; NULL: those of any program */
  const char *values; /* its arguments, with blanks between; NULL: they are files, or its own */
  /* Gets the words after the name, and all sub-commands (ended by NULL); returns the exit code. */
  int (*call)(int argc, char **argv, const struct tp_subcommand *const *all);
} tp_subcommand;

/* Whether a word asks for help. */
bool tp_subcommand_is_help(const char *word);

/* Prints the help, and returns the exit code. */
int tp_subcommand_print_help(const tp_subcommand *of);

/* Says on stderr what is wrong with the words of a sub-command, and returns the exit code. */
int tp_subcommand_complain(const tp_subcommand *of, const char *what, const char *word);

/* Writes an option as help shows it: "-q, --quiet", "--timeout SECONDS"; cut where it does not fit.
 * Returns `out`. */
enum { TP_SUBCOMMAND_TERM_SIZE = 128 };
const char *tp_subcommand_term(const tp_option *option, char out[TP_SUBCOMMAND_TERM_SIZE]);

/* The sub-commands. */
extern const tp_subcommand tp_run_subcommand, tp_serve_subcommand, tp_control_subcommand,
    tp_completion_subcommand;

#endif
