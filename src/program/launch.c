/* SPDX-License-Identifier: MIT
 *
 * A host from its options to its exit code; see launch.h.
 *
 * To add an option: a function and a record in tp_launch_options. */
#include "program/launch.h"
#include "program/init.h"
#include "program/service.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_SIGNAL = 128 };

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool set_log_level(void *to, const char *value) {
  tp_launch *of = to;
  int level = tp_log_level_of(value);
  if (level >= 0)
    of->host.log_level = (tp_log_level)level;
  return level >= 0;
}

static bool set_log_file(void *to, const char *value) {
  ((tp_launch *)to)->logging.path = value;
  return *value != '\0';
}

static bool set_log_json(void *to, const char *value) {
  (void)value;
  ((tp_launch *)to)->logging.to.json = true;
  return true;
}

static bool set_modules(void *to, const char *value) {
  ((tp_launch *)to)->host.modules = value;
  return *value != '\0';
}

static bool set_preempt(void *to, const char *value) {
  tp_launch *of = to;
  of->host.preempt = strcmp(value, "on") == 0;
  return of->host.preempt || strcmp(value, "off") == 0;
}

const tp_option tp_launch_options[] = {
    {.name = "--modules",
     .value = "DIR",
     .of = TP_OPTION_OF_DIRECTORY,
     .takes = "a directory",
     .help = "where the modules are that control commands may name (default: the directory of the "
             "script, if there is one)",
     .set = set_modules},
    {.name = "--log-level",
     .value = "LEVEL",
     .choices = "debug info warning error none",
     .takes = "debug, info, warning, error or none",
     .help = "what goes to the log on stderr: debug, info, warning (default), error, none",
     .set = set_log_level},
    {.name = "--log-file",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .takes = "a file",
     .help = "where the log goes instead, at its end; SIGHUP opens FILE anew, for log rotation",
     .set = set_log_file},
    {.name = "--log-json",
     .help = "each record of the log is one JSON object",
     .set = set_log_json},
    {.name = "--preempt",
     .value = "on|off",
     .choices = "on off",
     .takes = "on or off",
     .help = "whether workers that never wait are interrupted (default: on)",
     .set = set_preempt},
    {.name = NULL},
};

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

/* Runs the script and what it leaves. */
static bool run_script(tp_launch *of, tp_host *host, tp_service *service, int argc, char **argv,
                       tp_error *error) {
  if (!tp_recording_begin(&of->recording, host, error) || !of->begin(of, host, argc, argv, error))
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

/* Tells that something was not recorded, if so. Returns `is_recorded`. */
static bool check_record(bool is_recorded, const tp_error *error, tp_logging *logging) {
  if (!is_recorded)
    tp_logging_tell(logging, error);
  return is_recorded;
}

/* Runs a host from its creation to its end, and returns the exit code. */
static int run_host(tp_launch *of, int argc, char **argv) {
  tp_error error, other;
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
    is_clean = check_record(tp_recording_end(&of->recording, host, &other), &other, &of->logging) &&
               is_clean;
    tp_service_close(&service);
    tp_host_destroy(host);
    is_clean =
        check_record(tp_recording_close(&of->recording, &other), &other, &of->logging) && is_clean;
  }
  if (interruption.signal)
    return EXIT_SIGNAL + interruption.signal;
  if (!done)
    tp_logging_tell(&of->logging, &error);
  return done && is_clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

int tp_launch_run(tp_launch *of, int argc, char **argv) {
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

void tp_launch_init(tp_launch *of, const tp_subcommand *as) {
  *of = (tp_launch){.as = as};
  tp_host_options_init(&of->host);
  of->host.preempt = true;
}
