/* SPDX-License-Identifier: MIT
 *
 * The options of a sub-command, as data: the parser, `-h`, the completion of shells and the manual
 * come from their records. */
#ifndef TP_PROGRAM_OPTION_H
#define TP_PROGRAM_OPTION_H

#include <stdbool.h>

/* What an option's value is, for shells that complete it. */
typedef enum tp_option_of {
  TP_OPTION_OF_ANYTHING,
  TP_OPTION_OF_FILE,
  TP_OPTION_OF_DIRECTORY,
} tp_option_of;

typedef struct tp_option {
  const char *name;       /* as it is written: "--log-level" */
  const char *short_name; /* the same with one letter, such as "-q"; NULL: there is none */
  const char *value;      /* the placeholder of its value; NULL: it takes none */
  tp_option_of of;        /* what that is */
  const char *choices;    /* all values that there are, with blanks between; NULL: there are more */
  const char *help;       /* a text in one line */
  const char *takes;      /* what the value must be, for a complaint: "on or off" */
  /* Takes the value ("" for an option without one) into what the sub-command keeps. False: it is
   * wrong. NULL: the sub-command reads the option by itself. */
  bool (*set)(void *to, const char *value);
} tp_option;

struct tp_subcommand;

/* The option of the sub-command that the word is, or begins with where its value is attached by
 * '='; NULL: there is none. */
const tp_option *tp_option_find(const struct tp_subcommand *of, const char *word);

/* Takes the option at argv[*at], as "--name", "--name VALUE", "--name=VALUE" or "-n". False after a
 * complaint. */
bool tp_option_take(const struct tp_subcommand *of, void *to, int argc, char **argv, int *at);

#endif
