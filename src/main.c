/* SPDX-License-Identifier: MIT
 *
 * The program: `taskpool SUBCOMMAND …`. It is the first embedder of the library and sees no more of
 * it than taskpool.h.
 *
 * How it works: the first word picks a record of `subcommands`, whose function gets the words after
 * it. Each record has its own `-h`.
 *
 * To add a sub-command: a function and a record. To add an option of `run`: a function and a record
 * in `run_options`. */
#include "taskpool.h"
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_USAGE = 2, EXIT_SIGNAL = 128 };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* A sub-command of the program. */
typedef struct subcommand {
  const char *name;
  const char *usage;                  /* the words after `taskpool` */
  const char *summary;                /* one line for the list of sub-commands */
  const char *help;                   /* what its -h prints below the usage */
  int (*call)(int argc, char **argv); /* gets the words after the name; returns the exit code */
} subcommand;

static int run(int argc, char **argv);
static int control(int argc, char **argv);
static int version(int argc, char **argv);

enum { RUN, CONTROL, VERSION };

static const subcommand subcommands[] = {
    [RUN] =
        {
            .name = "run",
            .usage = "run [OPTIONS] FILE [ARG...]",
            .summary = "run a host script",
            .help = "Runs the Lua script FILE with the arguments ARG as the main task of a\n"
                    "host, until no task is left and no control server is open.\n"
                    "\n"
                    "  --log-level LEVEL  what goes to the log on stderr: debug, info,\n"
                    "                     warning (default), error, none\n"
                    "  --modules DIR      where the modules are that control commands may\n"
                    "                     name (default: the directory of FILE)\n"
                    "  --preempt on|off   whether workers that never wait are interrupted\n"
                    "                     (default: on)\n"
                    "  --ignore-failures  exit with 0 even if tasks failed and the script\n"
                    "                     has not looked at their errors\n"
                    "\n"
                    "SIGINT (^C) or SIGTERM cancels the tasks and stops the host; the same\n"
                    "signal once more ends it at once. SIGHUP, SIGUSR1 and SIGUSR2 do\n"
                    "nothing.\n"
                    "Exit codes: 0 done, 1 the script or tasks of it failed, 2 wrong usage,\n"
                    "130 SIGINT, 143 SIGTERM.\n",
            .call = run,
        },
    [CONTROL] =
        {
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
        },
    [VERSION] =
        {
            .name = "version",
            .usage = "version",
            .summary = "print the version",
            .help = "Prints the name and the version of the program.\n",
            .call = version,
        },
};

static bool is_help(const char *word) {
  return strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0;
}

static int print_help(const subcommand *of) {
  printf("usage: taskpool %s\n\n%s", of->usage, of->help);
  return EXIT_SUCCESS;
}

/* Says what is wrong with the words of a sub-command. */
static int complain(const subcommand *of, const char *what, const char *word) {
  fprintf(stderr, "taskpool %s: %s%s\nusage: taskpool %s\n", of->name, what, word, of->usage);
  return EXIT_USAGE;
}

/* ---- taskpool run ---- */

static bool set_log_level(tp_host_options *options, const char *value) {
  int level = tp_log_level_of(value);
  if (level >= 0)
    options->log_level = (tp_log_level)level;
  return level >= 0;
}

static bool set_modules(tp_host_options *options, const char *value) {
  options->modules = value;
  return *value != '\0';
}

static bool set_preempt(tp_host_options *options, const char *value) {
  options->no_preempt = strcmp(value, "off") == 0;
  return options->no_preempt || strcmp(value, "on") == 0;
}

/* An option of `taskpool run`; each takes a value. */
typedef struct option {
  const char *name;
  bool (*set)(tp_host_options *options, const char *value); /* false: not a value for it */
  const char *complaint;                                    /* the value follows it */
} option;

static const option run_options[] = {
    {.name = "--log-level",
     .set = set_log_level,
     .complaint = "--log-level must be debug, info, warning, error or none, not "},
    {.name = "--preempt", .set = set_preempt, .complaint = "--preempt must be on or off, not "},
    {.name = "--modules", .set = set_modules, .complaint = "--modules must be a directory, not "},
};

/* Takes the option at argv[*at], as "--name VALUE" or "--name=VALUE". False after a complaint. */
static bool take_option(tp_host_options *options, int argc, char **argv, int *at) {
  const char *word = argv[(*at)++];
  size_t length = strcspn(word, "=");
  for (size_t i = 0; i < COUNT(run_options); i++) {
    const option *known = &run_options[i];
    if (strlen(known->name) != length || strncmp(known->name, word, length) != 0)
      continue;
    const char *value = word[length] == '=' ? word + length + 1 : *at < argc ? argv[(*at)++] : "";
    if (known->set(options, value))
      return true;
    complain(&subcommands[RUN], known->complaint, *value ? value : "nothing");
    return false;
  }
  complain(&subcommands[RUN], "unknown option ", word);
  return false;
}

/* What the signal handlers need. They get no argument, so this is the one variable of the program
 * that is outside every function. */
static struct {
  tp_host *volatile host;       /* the host to stop, NULL when there is none */
  volatile sig_atomic_t signal; /* what stopped it, 0 for nothing */
} interruption;

static void stop_host(int signal_number) {
  interruption.signal = signal_number;
  tp_host *host = interruption.host;
  if (host)
    tp_host_stop_by(host, signal_number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void do_nothing(int signal_number) {
  (void)signal_number;
}

/* Takes SIGINT and SIGTERM once: the second one meets the system's handler, which ends the program.
 * Signals that have no meaning yet do nothing. */
static void handle_signals(tp_host *host) {
  static const int idle[] = {SIGHUP, SIGUSR1, SIGUSR2};
  struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
  sigemptyset(&nothing.sa_mask);
  for (size_t i = 0; i < COUNT(idle); i++)
    sigaction(idle[i], &nothing, NULL);
  interruption.host = host;
  struct sigaction action = {.sa_handler = stop_host, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* Says on stderr which failures nobody has looked at. Returns whether there are none. */
static bool report_failures(const tp_host *host) {
  tp_error error;
  if (tp_host_check_failures(host, &error))
    return true;
  fprintf(stderr, "taskpool: %s: %s\n", tp_code_name(error.code), error.message);
  return false;
}

static int run_file(const tp_host_options *options, bool ignore_failures, int argc, char **argv) {
  tp_error error;
  bool is_clean = true;
  tp_host *host = tp_host_create(options, &error);
  bool done = false;
  if (host) {
    handle_signals(host);
    done = tp_host_run_file(host, argv[0], argc - 1, argv + 1, &error);
    if (done && !interruption.signal)
      done = tp_host_run(host, &error);
    interruption.host = NULL;
    is_clean = ignore_failures || report_failures(host);
    tp_host_destroy(host);
  }
  if (interruption.signal)
    return EXIT_SIGNAL + interruption.signal;
  if (!done)
    fprintf(stderr, "taskpool: %s: %s\n", tp_code_name(error.code), error.message);
  return done && is_clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(int argc, char **argv) {
  tp_log_file log = {.file = stderr};
  tp_host_options options = {.log = tp_log_to_file, .log_context = &log};
  bool ignore_failures = false;
  int at = 0;
  while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
    if (is_help(argv[at]))
      return print_help(&subcommands[RUN]);
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    if (strcmp(argv[at], "--ignore-failures") == 0) {
      ignore_failures = true;
      at++;
    } else if (!take_option(&options, argc, argv, &at)) {
      return EXIT_USAGE;
    }
  }
  if (at == argc)
    return complain(&subcommands[RUN], "FILE is missing", "");
  return run_file(&options, ignore_failures, argc - at, argv + at);
}

/* ---- taskpool control ---- */

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
  const subcommand *self = &subcommands[CONTROL];
  if (argc == 0)
    return complain(self, "tcp or unix is needed", "");
  /* After the address -h is a command for the server. */
  if (is_help(argv[0]) || (argc > 1 && is_help(argv[1])))
    return print_help(self);
  const transport *by = find_transport(argv[0]);
  if (!by)
    return complain(self, "expected tcp or unix, not ", argv[0]);
  if (argc - 1 < by->words)
    return complain(self, by->missing, "");
  return connect_to(by, argc - 1, argv + 1);
}

/* ---- taskpool version ---- */

static int version(int argc, char **argv) {
  if (argc > 0 && is_help(argv[0]))
    return print_help(&subcommands[VERSION]);
  if (argc > 0)
    return complain(&subcommands[VERSION], "takes no arguments, but got ", argv[0]);
  printf("taskpool %s\n", tp_version());
  return EXIT_SUCCESS;
}

/* ---- taskpool ---- */

static void print_usage(FILE *to) {
  fputs("usage: taskpool SUBCOMMAND ...\n\n", to);
  for (size_t i = 0; i < COUNT(subcommands); i++)
    fprintf(to, "  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
  fputs("\ntaskpool SUBCOMMAND -h explains one of them.\n", to);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN); /* if a reader leaves, the write fails and the program goes on */
  if (argc > 1 && is_help(argv[1])) {
    print_usage(stdout);
    return EXIT_SUCCESS;
  }
  for (size_t i = 0; argc > 1 && i < COUNT(subcommands); i++)
    if (strcmp(argv[1], subcommands[i].name) == 0)
      return subcommands[i].call(argc - 2, argv + 2);
  if (argc > 1)
    fprintf(stderr, "taskpool: unknown sub-command '%s'\n", argv[1]);
  print_usage(stderr);
  return EXIT_USAGE;
}
