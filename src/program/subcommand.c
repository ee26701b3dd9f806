/* SPDX-License-Identifier: MIT
 *
 * What the sub-commands have in common; see subcommand.h. */
#include "program/subcommand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool tp_subcommand_is_help(const char *word) {
  return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

int tp_subcommand_print_help(const tp_subcommand *of) {
  printf("usage: taskpool %s\n\n%s", of->usage, of->help);
  return EXIT_SUCCESS;
}

int tp_subcommand_complain(const tp_subcommand *of, const char *what, const char *word) {
  fprintf(stderr, "taskpool %s: %s%s\nusage: taskpool %s\n", of->name, what, word, of->usage);
  return TP_EXIT_USAGE;
}
