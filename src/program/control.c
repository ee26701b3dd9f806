/* SPDX-License-Identifier: MIT
 *
 * `taskpool control`: the words of the command line as options of tp_client_run. */
#include "program/subcommand.h"
#include "taskpool.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The words with `between` between them; the caller frees it. NULL for lack of memory. */
static char *join(size_t count, const char *const words[], const char *between) {
  size_t size = 1;
  for (size_t i = 0; i < count; i++)
    size += strlen(words[i]) + strlen(between);
  char *joined = malloc(size);
  if (!joined)
    return NULL;
  char *end = joined;
  for (size_t i = 0; i < count; i++) {
    const char *parts[] = {i > 0 ? between : "", words[i]};
    for (size_t k = 0; k < COUNT(parts); k++) {
      size_t length = strlen(parts[k]);
      memcpy(end, parts[k], length);
      end += length;
    }
  }
  *end = '\0';
  return joined;
}

static char *tcp_address(char **words) {
  bool colons = strchr(words[0], ':') != NULL; /* an IPv6 address */
  const char *parts[] = {"tcp://", colons ? "[" : "", words[0], colons ? "]:" : ":", words[1]};
  return join(COUNT(parts), parts, "");
}

static char *unix_address(char **words) {
  const char *parts[] = {"unix:", words[0]};
  return join(COUNT(parts), parts, "");
}

/* A way to reach a server. */
typedef struct transport {
  const char *name;               /* the word after `control` */
  int words;                      /* how many words its address has */
  const char *missing;            /* the complaint if they are missing */
  char *(*address)(char **words); /* makes the address of them; the caller frees it */
} transport;

static const transport transports[] = {
    {.name = "tcp", .words = 2, .missing = "HOST and PORT are needed", .address = tcp_address},
    {.name = "unix", .words = 1, .missing = "PATH is needed", .address = unix_address},
};

static const transport *find_transport(const char *name) {
  for (size_t i = 0; i < COUNT(transports); i++)
    if (strcmp(transports[i].name, name) == 0)
      return &transports[i];
  return NULL;
}

/* Lets the prompt take all characters, even where the environment names no language. */
static void use_locale(void) {
  if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
    setlocale(LC_CTYPE, "C.UTF-8");
}

static int connect_to(const transport *by, int argc, char **argv) {
  int left = argc - by->words;
  const char *const *words = (const char *const *)argv + by->words;
  char *address = by->address(argv);
  char *command = left > 0 ? join((size_t)left, words, " ") : NULL;
  int result = EXIT_FAILURE;
  if (address && (command || left == 0)) {
    use_locale();
    result = (int)tp_client_run(&(tp_client_options){.address = address, .command = command});
  } else {
    fputs("taskpool control: no memory\n", stderr);
  }
  free(command);
  free(address);
  return result;
}

static int control(int argc, char **argv) {
  const tp_subcommand *self = &tp_control_subcommand;
  if (argc == 0)
    return tp_subcommand_complain(self, "tcp or unix is needed", "");
  /* After the address -h is a command for the server. */
  if (tp_subcommand_is_help(argv[0]) || (argc > 1 && tp_subcommand_is_help(argv[1])))
    return tp_subcommand_print_help(self);
  const transport *by = find_transport(argv[0]);
  if (!by)
    return tp_subcommand_complain(self, "expected tcp or unix, not ", argv[0]);
  if (argc - 1 < by->words)
    return tp_subcommand_complain(self, by->missing, "");
  return connect_to(by, argc - 1, argv + 1);
}

const tp_subcommand tp_control_subcommand = {
    .name = "control",
    .usage = "control tcp HOST PORT [COMMAND...]\n"
             "       taskpool control unix PATH [COMMAND...]",
    .summary = "send commands to a running host",
    .help = "Connects to a control server. With COMMAND (its words are joined with\n"
            "blanks) it sends that one and prints the answer; else it reads commands\n"
            "from stdin, at a prompt if that is a terminal. The command -h lists all\n"
            "commands of the server, exit leaves.\n"
            "\n"
            "Answers go to stdout, errors to stderr.\n"
            "Exit codes: 0 all went well, 1 a command failed, 2 wrong usage,\n"
            "3 no connection, 4 denied.\n",
    .call = control,
};
