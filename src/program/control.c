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

/* Reads seconds, more than 0. */
static bool set_timeout(void *to, const char *text) {
  char *end = NULL;
  double seconds = strtod(text, &end);
  ((settings *)to)->client.timeout = seconds;
  return *text && *end == '\0' && seconds > 0 && seconds < 1e9;
}

/* The last word of the line: in a server's file the role stands before the token. */
static char *last_word(char *line) {
  line[strcspn(line, "\r\n")] = '\0';
  char *blank = strrchr(line, ' ');
  return blank ? blank + 1 : line;
}

/* Reads the first line of a file that is neither empty nor a comment. */
static bool set_token(void *to, const char *path) {
  settings *of = to;
  size_t size = 0;
  FILE *file = fopen(path, "re");
  of->client.token = NULL;
  while (file && !of->client.token && getline(&of->token, &size, file) >= 0) {
    const char *word = last_word(of->token);
    if (*word && *of->token != '#')
      of->client.token = word;
  }
  if (file)
    fclose(file);
  return of->client.token != NULL;
}

static const char *const colors[] = {
    [TP_CLIENT_COLOR_AUTO] = "auto",
    [TP_CLIENT_COLOR_ALWAYS] = "always",
    [TP_CLIENT_COLOR_NEVER] = "never",
};

static bool set_color(void *to, const char *text) {
  for (size_t i = 0; i < COUNT(colors); i++)
    if (strcmp(text, colors[i]) == 0) {
      ((settings *)to)->client.color = (tp_client_color)i;
      return true;
    }
  return false;
}

static bool set_json(void *to, const char *text) {
  (void)text;
  return ((settings *)to)->client.json = true;
}

static bool set_quiet(void *to, const char *text) {
  (void)text;
  return ((settings *)to)->client.quiet = true;
}

static const tp_option options[] = {
    {.name = "--timeout",
     .value = "SECONDS",
     .takes = "a number of seconds above 0",
     .help = "how long connecting and each answer may take (default: any time); also after the "
             "command ping",
     .set = set_timeout},
    {.name = "--token-file",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .takes = "a file with a token",
     .help = "show the server the first token in FILE, which may be the server's own",
     .set = set_token},
    {.name = "--json",
     .help = "print each answer as the server sends it, a JSON object in a line",
     .set = set_json},
    {.name = "--quiet", .short_name = "-q", .help = "print nothing but errors", .set = set_quiet},
    {.name = "--color",
     .value = "WHEN",
     .choices = "auto always never",
     .takes = "auto, always or never",
     .help = "always, never or auto (default): on a terminal, unless the environment has NO_COLOR",
     .set = set_color},
    {.name = NULL},
};

/* Takes the option that stands first. False after a complaint. */
static bool take_option(words *of, settings *to) {
  int at = 0;
  bool taken = tp_option_take(&tp_control_subcommand, to, of->count, of->next, &at);
  of->count -= at;
  of->next += at;
  return taken;
}

/* Takes the options that stand first. False after a complaint. */
static bool take_options(words *of, settings *to) {
  while (of->count > 0 && tp_option_find(&tp_control_subcommand, of->next[0]))
    if (!take_option(of, to))
      return false;
  return true;
}

/* Takes --timeout after the command ping, as health checks are used to. */
static bool take_ping_options(words *of, settings *to) {
  words after = {of->count - 1, of->next + 1};
  if (of->count < 2 || strcmp(of->next[0], "ping") != 0)
    return true;
  const tp_option *found = tp_option_find(&tp_control_subcommand, after.next[0]);
  if (!found || found->set != set_timeout)
    return true;
  if (!take_option(&after, to))
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

static int control(int argc, char **argv, const tp_subcommand *const *all) {
  (void)all;
  settings with = {.token = NULL};
  int result = run_words((words){argc, argv}, &with);
  free(with.token);
  return result;
}

static const tp_exit exits[] = {
    {"0", "all went well"}, {"1", "a command failed"},
    {"2", "wrong usage"},   {"3", "no connection or no answer in time"},
    {"4", "denied"},        {"5", "the connection was lost in the middle"},
    {NULL, NULL},
};

const tp_subcommand tp_control_subcommand = {
    .name = "control",
    .usage = (const char *const[]){"control [OPTIONS] tcp HOST PORT [COMMAND...]",
                                   "control [OPTIONS] unix PATH [COMMAND...]", NULL},
    .summary = "send commands to a running host",
    .about = "Connects to a control server. With COMMAND it sends that one and prints the answer: "
             "one word is a line, as at the prompt, and several are sent as the words that they "
             "are. Else it reads commands from stdin, at a prompt if that is a terminal. The "
             "command -h lists all commands of the server, exit leaves.",
    .options = (const tp_option *const[]){options, NULL},
    .notes = (const char *const[]){"Answers go to stdout, errors to stderr. Tables are fitted to a "
                                   "terminal; elsewhere there are tabs between their cells.",
                                   NULL},
    .exits = exits,
    .call = control,
};
