/* SPDX-License-Identifier: MIT
 *
 * `taskpool run`: a host for one script, as a service if a manager has started it; and `taskpool
 * serve`, whose script is lua/taskpool/serve.lua.
 *
 * To add an option: a function and a record in `options`. */
#include "base/bytes.h"
#include "base/fail.h"
#include "program/init.h"
#include "program/logging.h"
#include "program/service.h"
#include "program/subcommand.h"
#include "taskpool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SIGNAL = 128 };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* What the options say. */
typedef struct settings {
  tp_host_options host;    /* for the host */
  tp_logging logging;      /* where its log goes */
  bool ignore_failures;    /* tasks that failed do not make the run fail */
  const tp_subcommand *as; /* run or serve */
} settings;

/* ---- options ---- */

static bool set_log_level(settings *of, const char *value) {
  int level = tp_log_level_of(value);
  if (level >= 0)
    of->host.log_level = (tp_log_level)level;
  return level >= 0;
}

static bool set_log_file(settings *of, const char *value) {
  of->logging.path = value;
  return *value != '\0';
}

static bool set_log_json(settings *of, const char *value) {
  (void)value;
  of->logging.to.json = true;
  return true;
}

static bool set_modules(settings *of, const char *value) {
  of->host.modules = value;
  return *value != '\0';
}

static bool set_preempt(settings *of, const char *value) {
  of->host.preempt = strcmp(value, "on") == 0;
  return of->host.preempt || strcmp(value, "off") == 0;
}

static bool set_ignore_failures(settings *of, const char *value) {
  (void)value;
  of->ignore_failures = true;
  return true;
}

/* An option of `taskpool run`. */
typedef struct option {
  const char *name;
  bool (*set)(settings *of, const char *value); /* false: not a value for it */
  const char *complaint; /* the value follows it; NULL: the option takes no value */
} option;

static const option options[] = {
    {.name = "--log-level",
     .set = set_log_level,
     .complaint = "--log-level must be debug, info, warning, error or none, not "},
    {.name = "--log-file", .set = set_log_file, .complaint = "--log-file must be a file, not "},
    {.name = "--log-json", .set = set_log_json},
    {.name = "--preempt", .set = set_preempt, .complaint = "--preempt must be on or off, not "},
    {.name = "--modules", .set = set_modules, .complaint = "--modules must be a directory, not "},
    {.name = "--ignore-failures", .set = set_ignore_failures},
};

/* The option of that name, which has `length` bytes; NULL: there is none. */
static const option *find_option(const char *name, size_t length) {
  for (size_t i = 0; i < COUNT(options); i++)
    if (strlen(options[i].name) == length && strncmp(options[i].name, name, length) == 0)
      return &options[i];
  return NULL;
}

/* Takes the option at argv[*at], as "--name", "--name VALUE" or "--name=VALUE". False after a
 * complaint. */
static bool take_option(settings *of, int argc, char **argv, int *at) {
  const char *word = argv[(*at)++], *value = "";
  size_t length = strcspn(word, "=");
  const option *known = find_option(word, length);
  if (!known || (!known->complaint && word[length])) {
    tp_subcommand_complain(of->as, "unknown option ", word);
    return false;
  }
  if (known->complaint)
    value = word[length] == '=' ? word + length + 1 : *at < argc ? argv[(*at)++] : "";
  if (known->set(of, value))
    return true;
  tp_subcommand_complain(of->as, known->complaint, *value ? value : "nothing");
  return false;
}

/* ---- signals ---- */

/* What the signal handlers need. They get no argument, so this is the one variable of the program
 * that is outside every function. */
static struct {
  tp_host *volatile host;       /* the host to stop, NULL when there is none */
  const tp_service *service;    /* that of the host */
  volatile sig_atomic_t signal; /* what stopped it, 0 for nothing */
} interruption;

static void stop_host(int signal_number) {
  interruption.signal = signal_number;
  tp_host *host = interruption.host;
  if (!host)
    return;
  tp_service_set_stopping(interruption.service);
  tp_host_stop_by(host, signal_number == SIGINT ? "SIGINT" : "SIGTERM");
}

static void do_nothing(int signal_number) {
  (void)signal_number;
}

/* Signals that have a meaning only later, or none, do nothing. */
static void ignore_signals(void) {
  static const int idle[] = {SIGHUP, SIGUSR1, SIGUSR2};
  struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
  sigemptyset(&nothing.sa_mask);
  for (size_t i = 0; i < COUNT(idle); i++)
    sigaction(idle[i], &nothing, NULL);
}

/* Takes SIGINT and SIGTERM once: the second one meets the system's handler, which ends the program.
 */
static void handle_signals(tp_host *host, const tp_service *service) {
  interruption.service = service;
  interruption.host = host;
  struct sigaction action = {.sa_handler = stop_host, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

/* ---- the run ---- */

/* Adds a word as a Lua string; each byte is written as a number. */
static bool add_word(tp_bytes *text, const char *word) {
  bool ok = tp_bytes_append(text, "\"", 1);
  for (; ok && *word; word++) {
    char byte[5];
    snprintf(byte, sizeof byte, "\\%03d", (unsigned char)*word);
    ok = tp_bytes_append(text, byte, 4);
  }
  return ok && tp_bytes_append(text, "\",", 2);
}

/* Runs the script of `taskpool serve` with its options. */
static bool run_serve(tp_host *host, int argc, char **argv, tp_error *error) {
  static const char begin[] = "require 'taskpool.serve' {", end[] = "}";
  tp_bytes text = {0};
  bool ok = tp_bytes_append(&text, begin, sizeof begin - 1);
  for (int i = 0; ok && i < argc; i++)
    ok = add_word(&text, argv[i]);
  ok = ok && tp_bytes_append(&text, end, sizeof end);
  ok = ok ? tp_host_run_text(host, text.data, "=taskpool serve", error)
          : tp_fail(error, TP_NO_MEMORY, "no memory for the options");
  tp_bytes_clear(&text);
  return ok;
}

/* Runs the script and what it leaves. */
static bool run_script(const settings *of, tp_host *host, tp_service *service, int argc,
                       char **argv, tp_error *error) {
  bool serves = of->as == &tp_run_serve_subcommand;
  if (!(serves ? run_serve(host, argc, argv, error)
               : tp_host_run_file(host, argv[0], argc - 1, argv + 1, error)))
    return false;
  if (interruption.signal)
    return true;
  tp_service_set_ready(service);
  return tp_host_run(host, error);
}

/* Tells which failures nobody has looked at. Returns whether there are none. */
static bool check_failures(const tp_host *host, tp_logging *logging) {
  tp_error error;
  if (tp_host_check_failures(host, &error))
    return true;
  tp_logging_tell(logging, &error);
  return false;
}

/* Runs a host from its creation to its end, and returns the exit code. */
static int run_host(settings *of, int argc, char **argv) {
  tp_error error;
  tp_service service;
  bool done = false, is_clean = true;
  ignore_signals();
  tp_host *host = tp_host_create(&of->host, &error);
  if (host) {
    tp_service_open(&service, host, &of->logging);
    handle_signals(host, &service);
    done = run_script(of, host, &service, argc, argv, &error);
    interruption.host = NULL;
    is_clean = of->ignore_failures || check_failures(host, &of->logging);
    tp_service_close(&service);
    tp_host_destroy(host);
  }
  if (interruption.signal)
    return EXIT_SIGNAL + interruption.signal;
  if (!done)
    tp_logging_tell(&of->logging, &error);
  return done && is_clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run_file(settings *of, int argc, char **argv) {
  tp_error error;
  tp_init_fork();
  if (!tp_logging_open(&of->logging, &error)) {
    tp_logging_tell(&of->logging, &error);
    return EXIT_FAILURE;
  }
  of->host.log = tp_log_to_file;
  of->host.log_context = &of->logging.to;
  int code = run_host(of, argc, argv);
  tp_logging_close(&of->logging);
  return code;
}

static settings default_settings(const tp_subcommand *as) {
  settings of = {.as = as};
  tp_host_options_init(&of.host);
  of.host.preempt = true;
  return of;
}

/* Takes our own options out of the words; serve.lua takes the others. */
static int serve(int argc, char **argv) {
  settings of = default_settings(&tp_run_serve_subcommand);
  int count = 0;
  for (int at = 0; at < argc;) {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(of.as);
    if (!find_option(argv[at], strcspn(argv[at], "=")))
      argv[count++] = argv[at++];
    else if (!take_option(&of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  of.ignore_failures = true; /* those of its clients' tasks */
  return run_file(&of, count, argv);
}

static int run(int argc, char **argv) {
  settings of = default_settings(&tp_run_subcommand);
  int at = 0;
  while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(&tp_run_subcommand);
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    if (!take_option(&of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  if (at == argc)
    return tp_subcommand_complain(&tp_run_subcommand, "FILE is missing", "");
  return run_file(&of, argc - at, argv + at);
}

const tp_subcommand tp_run_subcommand = {
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
            "  --log-file FILE    where the log goes instead, at its end; SIGHUP opens\n"
            "                     FILE anew, for log rotation\n"
            "  --log-json         each record of the log is one JSON object\n"
            "  --preempt on|off   whether workers that never wait are interrupted\n"
            "                     (default: on)\n"
            "  --ignore-failures  exit with 0 even if tasks failed and the script\n"
            "                     has not looked at their errors\n"
            "\n"
            "SIGINT (^C) or SIGTERM cancels the tasks and stops the host; the same\n"
            "signal once more ends it at once. SIGUSR1 writes to the log which tasks\n"
            "there are, and where they are. SIGUSR2 does nothing.\n"
            "Exit codes: 0 done, 1 the script or tasks of it failed, 2 wrong usage,\n"
            "130 SIGINT, 143 SIGTERM.\n",
    .call = run,
};

const tp_subcommand tp_run_serve_subcommand = {
    .name = "serve",
    .usage = "serve [OPTIONS] --listen ADDRESS...",
    .summary = "run a host without a script",
    .help = "Runs a host with pools and control servers, until it is told to stop.\n"
            "\n"
            "  --listen ADDRESS   unix:PATH or tcp://HOST:PORT (on loopback); may be\n"
            "                     given several times\n"
            "  --pool NAME[,KEY=VALUE...]\n"
            "                     a pool, with its options such as size=8, order=lifo,\n"
            "                     executor=thread; may be given several times (default:\n"
            "                     one pool without a limit)\n"
            "  --modules DIR      where the modules are that control commands may\n"
            "                     name\n"
            "  --expose NAME      a function, or MODULE.* for all of a module, that\n"
            "                     control commands may name, in place of --modules;\n"
            "                     may be given several times\n"
            "  --config FILE      a Lua file that returns a table with these keys:\n"
            "                     listen, pool, expose, drain\n"
            "  --drain SECONDS    how long work has to end after SIGTERM (default: 10)\n"
            "  --log-level, --log-file, --log-json, --preempt\n"
            "                     as for taskpool run\n"
            "\n"
            "SIGTERM or SIGINT locks the pools and lets their work end for the time\n"
            "of --drain; what is left then is cancelled. The second one cancels at\n"
            "once. SIGHUP and SIGUSR1 are as for taskpool run.\n"
            "Exit codes: 0 it was told to stop, 1 it could not start.\n",
    .call = serve,
};
