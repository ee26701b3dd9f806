/* SPDX-License-Identifier: MIT
 *
 * The program: `taskpool SUBCOMMAND …`.
 *
 * How it works: the first word picks a record of `subcommands`, whose function gets the words after
 * it. Each record has its own `-h`.
 *
 * To add a sub-command: a file in program/ and its record here. */
#include "program/subcommand.h"
#include "taskpool.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int version(int argc, char **argv, const tp_subcommand *const *all);

static const tp_subcommand version_of_program = {
    .name = "version",
    .usage = (const char *const[]){"version", NULL},
    .summary = "print the version",
    .about = "Prints the name and the version of the program.",
    .options = (const tp_option *const[]){NULL},
    .notes = (const char *const[]){NULL},
    .values = "",
    .call = version,
};

static const tp_subcommand *const subcommands[] = {
    &tp_run_subcommand,        &tp_serve_subcommand, &tp_control_subcommand,
    &tp_completion_subcommand, &version_of_program,  NULL,
};

static int version(int argc, char **argv, const tp_subcommand *const *all) {
  (void)all;
  if (argc > 0 && tp_subcommand_is_help(argv[0]))
    return tp_subcommand_print_help(&version_of_program);
  if (argc > 0)
    return tp_subcommand_complain(&version_of_program, "takes no arguments, but got ", argv[0]);
  printf("taskpool %s\n", tp_version());
  return EXIT_SUCCESS;
}

static void print_usage(FILE *to) {
  fputs("usage: taskpool SUBCOMMAND ...\n\n", to);
  for (size_t i = 0; subcommands[i]; i++)
    fprintf(to, "  %-10s %s\n", subcommands[i]->name, subcommands[i]->summary);
  fputs("\ntaskpool SUBCOMMAND -h explains one of them.\n", to);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* if a reader leaves, the write fails and the program goes on */
  if (argc > 1 && tp_subcommand_is_help(argv[1])) {
    print_usage(stdout);
    return EXIT_SUCCESS;
  }
  if (argc > 1 && strcmp(argv[1], "--version") == 0)
    return version(argc - 2, argv + 2, subcommands);
  for (size_t i = 0; argc > 1 && subcommands[i]; i++)
    if (strcmp(argv[1], subcommands[i]->name) == 0)
      return subcommands[i]->call(argc - 2, argv + 2, subcommands);
  if (argc > 1)
    fprintf(stderr, "taskpool: unknown sub-command '%s'\n", argv[1]);
  print_usage(stderr);
  return TP_EXIT_USAGE;
}
