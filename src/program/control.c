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

/* The words that are left. */
typedef struct words {
  int count;   /* how many */
  char **next; /* the first of them */
} words;

/* What the options say. */
typedef struct settings {
  tp_client_options client; /* for tp_client_run */
  char *token;              /* the token, if the options name a file; owned */
} settings;

/* ---- options ---- */

/* Reads seconds, more than 0. False after a complaint. */
static bool read_timeout(settings *to, const char *text) {
  char *end = NULL;
  double seconds = strtod(text, &end);
  if (*text && *end == '\0' && seconds > 0 && seconds < 1e9) {
    to->client.timeout = seconds;
    return true;
  }
  tp_subcommand_complain(&tp_control_subcommand,
                         "--timeout must be a number of seconds above 0, not ",
                         *text ? text : "nothing");
  return false;
}

/* Reads the first line of a file. */
static bool read_token(settings *to, const char *path) {
  size_t size = 0;
  FILE *file = fopen(path, "re");
  free(to->token);
  to->token = NULL;
  ssize_t length = file ? getline(&to->token, &size, file) : -1;
  if (file)
    fclose(file);
  if (length >= 0)
    to->token[strcspn(to->token, "\r\n")] = '\0';
  to->client.token = to->token;
  if (length >= 0 && *to->token)
    return true;
  tp_subcommand_complain(&tp_control_subcommand, "there is no token in ", path);
  return false;
}

static bool read_color(settings *to, const char *text) {
  static const char *const names[] = {
      [TP_CLIENT_COLOR_AUTO] = "auto",
      [TP_CLIENT_COLOR_ALWAYS] = "always",
      [TP_CLIENT_COLOR_NEVER] = "never",
  };
  for (size_t i = 0; i < COUNT(names); i++)
    if (strcmp(text, names[i]) == 0) {
      to->client.color = (tp_client_color)i;
      return true;
    }
  tp_subcommand_complain(&tp_control_subcommand, "--color must be auto, always or never, not ",
                         *text ? text : "nothing");
  return false;
}

static bool set_json(settings *to, const char *text) {
  (void)text;
  return to->client.json = true;
}

static bool set_quiet(settings *to, const char *text) {
  (void)text;
  return to->client.quiet = true;
}

/* An option of the client. */
typedef struct option {
  const char *name;                              /* as it is written */
  const char *short_name;                        /* the same in one letter, or NULL */
  bool has_value;                                /* a value follows */
  bool (*take)(settings *to, const char *value); /* false after a complaint */
} option;

static const option options[] = {
    {.name = "--timeout", .has_value = true, .take = read_timeout},
    {.name = "--token-file", .has_value = true, .take = read_token},
    {.name = "--color", .has_value = true, .take = read_color},
    {.name = "--json", .take = set_json},
    {.name = "--quiet", .short_name = "-q", .take = set_quiet},
};

/* The option that a word is, or begins if it is written with its value; NULL: none. */
static const option *find_option(const char *word) {
  for (size_t i = 0; i < COUNT(options); i++) {
    size_t length = strlen(options[i].name);
    bool attached = strncmp(word, options[i].name, length) == 0 && word[length] == '=';
    if (strcmp(word, options[i].name) == 0 || (attached && options[i].has_value) ||
        (options[i].short_name && strcmp(word, options[i].short_name) == 0))
      return &options[i];
  }
  return NULL;
}

/* Takes an option and its value. False after a complaint. */
static bool take_option(words *of, const option *found, settings *to) {
  const char *value = found->has_value ? strchr(of->next[0], '=') : NULL;
  bool apart = found->has_value && !value && of->count > 1;
  value = apart ? of->next[1] : value ? value + 1 : "";
  of->count -= apart ? 2 : 1;
  of->next += apart ? 2 : 1;
  return found->take(to, value);
}

/* Takes the options that stand first. False after a complaint. */
static bool take_options(words *of, settings *to) {
  const option *found;
  while (of->count > 0 && (found = find_option(of->next[0])))
    if (!take_option(of, found, to))
      return false;
  return true;
}

/* Takes --timeout after the command ping, as health checks are used to. */
static bool take_ping_options(words *of, settings *to) {
  words after = {of->count - 1, of->next + 1};
  if (of->count < 2 || strcmp(of->next[0], "ping") != 0)
    return true;
  const option *found = find_option(after.next[0]);
  if (!found || found->take != read_timeout)
    return true;
  if (!take_option(&after, found, to))
    return false;
  if (after.count == 0)
    of->next[of->count = 1] = NULL;
  return true;
}

/* ---- running ---- */

/* Runs the client with the words after the address, one of which is a line. */
static int run(const words *command, settings *with) {
  with->client.command = command->count == 1 ? command->next[0] : NULL;
  with->client.words = command->count > 1 ? (const char *const *)command->next : NULL;
  use_locale();
  return (int)tp_client_run(&with->client);
}

static int connect_to(const transport *by, words of, settings *with) {
  words command = {of.count - by->words, of.next + by->words};
  if (!take_ping_options(&command, with))
    return TP_EXIT_USAGE;
  char *address = by->address(of.next);
  int result = EXIT_FAILURE;
  with->client.address = address;
  if (address)
    result = run(&command, with);
  else
    fputs("taskpool control: no memory\n", stderr);
  free(address);
  return result;
}

static int run_words(words of, settings *with) {
  const tp_subcommand *self = &tp_control_subcommand;
  if (!take_options(&of, with))
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
  return connect_to(by, (words){of.count - 1, of.next + 1}, with);
}

static int control(int argc, char **argv) {
  settings with = {.token = NULL};
  int result = run_words((words){argc, argv}, &with);
  free(with.token);
  return result;
}

const tp_subcommand tp_control_subcommand = {
    .name = "control",
    .usage = "control [OPTIONS] tcp HOST PORT [COMMAND...]\n"
             "       taskpool control [OPTIONS] unix PATH [COMMAND...]",
    .summary = "send commands to a running host",
    .help = "Connects to a control server. With COMMAND it sends that one and prints\n"
            "the answer: one word is a line, as at the prompt, and several are sent\n"
            "as the words that they are. Else it reads commands from stdin, at a\n"
            "prompt if that is a terminal. The command -h lists all commands of the\n"
            "server, exit leaves.\n"
            "\n"
            "  --timeout SECONDS  how long connecting and each answer may take\n"
            "                     (default: any time); also after the command ping\n"
            "  --token-file FILE  show the server the token in the first line of\n"
            "                     FILE\n"
            "  --json             print each answer as the server sends it, a JSON\n"
            "                     object in a line\n"
            "  -q, --quiet        print nothing but errors\n"
            "  --color WHEN       always, never or auto (default): on a terminal,\n"
            "                     unless the environment has NO_COLOR\n"
            "\n"
            "Answers go to stdout, errors to stderr. Tables are fitted to a terminal;\n"
            "elsewhere there are tabs between their cells.\n"
            "Exit codes: 0 all went well, 1 a command failed, 2 wrong usage,\n"
            "3 no connection or no answer in time, 4 denied, 5 the connection was\n"
            "lost in the middle.\n",
    .call = control,
};
