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

/* Reads seconds, more than 0. False after a complaint. */
static bool read_timeout(const char *text, double *timeout) {
  char *end = NULL;
  double seconds = text ? strtod(text, &end) : 0;
  bool ok = text && *text && *end == '\0' && seconds > 0 && seconds < 1e9;
  if (ok)
    *timeout = seconds;
  else
    tp_subcommand_complain(&tp_control_subcommand,
                           "--timeout must be a number of seconds above 0, not ",
                           text && *text ? text : "nothing");
  return ok;
}

/* The words that are left. */
typedef struct words {
  int count;   /* how many */
  char **next; /* the first of them */
} words;

/* Takes options of the client. False after a complaint. */
static bool take_options(words *of, double *timeout) {
  static const char name[] = "--timeout";
  while (of->count > 0 && strncmp(of->next[0], name, sizeof name - 1) == 0) {
    const char *rest = of->next[0] + sizeof name - 1;
    if (*rest && *rest != '=')
      break;
    int taken = *rest || of->count == 1 ? 1 : 2;
    if (!read_timeout(*rest ? rest + 1 : taken == 2 ? of->next[1] : NULL, timeout))
      return false;
    of->count -= taken;
    of->next += taken;
  }
  return true;
}

/* Takes options that stand after the command ping, as health checks are used to. */
static bool take_ping_options(words *of, double *timeout) {
  if (of->count < 2 || strcmp(of->next[0], "ping") != 0)
    return true;
  words behind = {of->count - 1, of->next + 1};
  if (!take_options(&behind, timeout))
    return false;
  if (behind.count == 0)
    of->count = 1;
  return true;
}

static int connect_to(const transport *by, words of, double timeout) {
  char *address = by->address(of.next);
  words command = {of.count - by->words, of.next + by->words};
  int result = EXIT_FAILURE;
  if (!take_ping_options(&command, &timeout)) {
    free(address);
    return TP_EXIT_USAGE;
  }
  char *line = command.count > 0
                   ? join((size_t)command.count, (const char *const *)command.next, " ")
                   : NULL;
  if (address && (line || command.count == 0)) {
    use_locale();
    result = (int)tp_client_run(
        &(tp_client_options){.address = address, .command = line, .timeout = timeout});
  } else {
    fputs("taskpool control: no memory\n", stderr);
  }
  free(line);
  free(address);
  return result;
}

static int control(int argc, char **argv) {
  const tp_subcommand *self = &tp_control_subcommand;
  double timeout = 0;
  words of = {argc, argv};
  if (!take_options(&of, &timeout))
    return TP_EXIT_USAGE;
  if (of.count == 0)
    return tp_subcommand_complain(self, "tcp or unix is needed", "");
  /* After the address -h is a command for the server. */
  if (tp_subcommand_is_help(of.next[0]) || (of.count > 1 && tp_subcommand_is_help(of.next[1])))
    return tp_subcommand_print_help(self);
  const transport *by = find_transport(of.next[0]);
  if (!by)
    return tp_subcommand_complain(self, "expected tcp or unix, not ", of.next[0]);
  if (of.count - 1 < by->words)
    return tp_subcommand_complain(self, by->missing, "");
  return connect_to(by, (words){of.count - 1, of.next + 1}, timeout);
}

const tp_subcommand tp_control_subcommand = {
    .name = "control",
    .usage = "control [--timeout SECONDS] tcp HOST PORT [COMMAND...]\n"
             "       taskpool control [--timeout SECONDS] unix PATH [COMMAND...]",
    .summary = "send commands to a running host",
    .help = "Connects to a control server. With COMMAND (its words are joined with\n"
            "blanks) it sends that one and prints the answer; else it reads commands\n"
            "from stdin, at a prompt if that is a terminal. The command -h lists all\n"
            "commands of the server, exit leaves.\n"
            "\n"
            "  --timeout SECONDS  how long connecting and each answer may take\n"
            "                     (default: any time); also after the command ping\n"
            "\n"
            "Answers go to stdout, errors to stderr.\n"
            "Exit codes: 0 all went well, 1 a command failed, 2 wrong usage,\n"
            "3 no connection or no answer in time, 4 denied.\n",
    .call = control,
};
