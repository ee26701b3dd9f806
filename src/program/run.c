/* SPDX-License-Identifier: MIT
 *
 * `taskpool run`: a host for one script. */
#include "program/launch.h"
#include "program/words.h"

#include <string.h>

/* Opens the control servers, and runs the script. */
static bool run_file(tp_launch *of, tp_host *host, int argc, char **argv, tp_error *error) {
  if (of->listen_count > 0 && !tp_words_pass(host, "require 'taskpool.listen'.open", of->listen,
                                             of->listen_count, "=taskpool run", error))
    return false;
  return tp_host_run_file(host, argv[0], argc - 1, argv + 1, error);
}

static bool add_listen(void *to, const char *value) {
  tp_launch *of = to;
  if (of->listen_count == TP_LISTEN_MAX)
    return false;
  of->listen[of->listen_count++] = value;
  return *value != '\0';
}

static bool set_profile(void *to, const char *value) {
  ((tp_launch *)to)->recording.profile_path = value;
  return *value != '\0';
}

static bool set_trace(void *to, const char *value) {
  ((tp_launch *)to)->recording.trace_path = value;
  return *value != '\0';
}

static bool set_ignore_failures(void *to, const char *value) {
  (void)value;
  ((tp_launch *)to)->ignore_failures = true;
  return true;
}

static int run(int argc, char **argv, const tp_subcommand *const *all) {
  tp_launch of;
  int at = 0;
  (void)all;
  tp_launch_init(&of, &tp_run_subcommand);
  of.begin = run_file;
  while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(of.as);
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    if (!tp_option_take(of.as, &of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  if (at == argc)
    return tp_subcommand_complain(of.as, "FILE is missing", "");
  return tp_launch_run(&of, argc - at, argv + at);
}

static const tp_option options[] = {
    {.name = "--listen",
     .value = "ADDRESS[,KEY=VALUE...]",
     .takes = "an address, up to 16 times",
     .help = "a control server for all pools of the script, as for taskpool serve; the host then "
             "goes on until it is stopped; may be given several times",
     .set = add_listen},
    {.name = "--profile",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .takes = "a file",
     .help = "write to FILE, at the end, which Lua code ran, by samples: folded stacks, from which "
             "flame graphs are made",
     .set = set_profile},
    {.name = "--trace",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .takes = "a file",
     .help = "write to FILE what pools, groups and tasks do, and when, in the trace format of "
             "Chrome, which ui.perfetto.dev shows",
     .set = set_trace},
    {.name = "--ignore-failures",
     .help = "exit with 0 even if tasks failed and the script has not looked at their errors",
     .set = set_ignore_failures},
    {.name = NULL},
};

static const tp_exit exits[] = {
    {"0", "done"},        {"1", "the script or tasks of it failed"},
    {"2", "wrong usage"}, {"130", "SIGINT"},
    {"143", "SIGTERM"},   {NULL, NULL},
};

const tp_subcommand tp_run_subcommand = {
    .name = "run",
    .usage = (const char *const[]){"run [OPTIONS] FILE [ARG...]", NULL},
    .summary = "run a host script",
    .about = "Runs the Lua script FILE with the arguments ARG as the main task of a host, until no "
             "task is left and no control server is open.",
    .options = (const tp_option *const[]){tp_launch_options, options, NULL},
    .notes =
        (const char *const[]){
            "SIGINT (^C) or SIGTERM cancels the tasks and stops the host; the same signal once "
            "more "
            "ends it at once. SIGUSR1 writes to the log which tasks there are, and where they are. "
            "SIGUSR2 does nothing.",
            NULL},
    .exits = exits,
    .call = run,
};
