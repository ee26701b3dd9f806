/* SPDX-License-Identifier: MIT
 *
 * `taskpool run`: a host for one script. */
#include "program/launch.h"

#include <string.h>

/* Runs the script. */
static bool run_file(tp_host *host, int argc, char **argv, tp_error *error) {
  return tp_host_run_file(host, argv[0], argc - 1, argv + 1, error);
}

static int run(int argc, char **argv) {
  tp_launch of;
  int at = 0;
  tp_launch_init(&of, &tp_run_subcommand);
  of.begin = run_file;
  while (at < argc && argv[at][0] == '-' && argv[at][1] != '\0') {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(&tp_run_subcommand);
    if (strcmp(argv[at], "--") == 0) {
      at++;
      break;
    }
    if (!tp_launch_take_option(&of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  if (at == argc)
    return tp_subcommand_complain(&tp_run_subcommand, "FILE is missing", "");
  return tp_launch_run(&of, argc - at, argv + at);
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
