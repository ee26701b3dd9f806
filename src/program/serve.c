/* SPDX-License-Identifier: MIT
 *
 * `taskpool serve`: a host without a script of the user's. Its own is lua/taskpool/serve.lua, which
 * reads the options that are not of every host. */
#include "base/bytes.h"
#include "base/fail.h"
#include "program/launch.h"

#include <stdio.h>

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

/* Takes our own options out of the words; serve.lua takes the others. */
static int serve(int argc, char **argv) {
  tp_launch of;
  int count = 0;
  tp_launch_init(&of, &tp_serve_subcommand);
  of.begin = run_serve;
  for (int at = 0; at < argc;) {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(of.as);
    if (!tp_launch_has_option(argv[at]))
      argv[count++] = argv[at++];
    else if (!tp_launch_take_option(&of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  of.ignore_failures = true; /* those of its clients' tasks */
  return tp_launch_run(&of, count, argv);
}

const tp_subcommand tp_serve_subcommand = {
    .name = "serve",
    .usage = "serve [OPTIONS] --listen ADDRESS...",
    .summary = "run a host without a script",
    .help = "Runs a host with pools and control servers, until it is told to stop.\n"
            "\n"
            "  --listen ADDRESS[,KEY=VALUE...]\n"
            "                     unix:PATH or tcp://HOST:PORT (beyond loopback only with\n"
            "                     tokens), with its options such as role=read,\n"
            "                     token_file=FILE, uids=1000+1001, max_clients=16; may be\n"
            "                     given several times\n"
            "  --token-file FILE  the tokens that clients must show, a line each: TOKEN,\n"
            "                     read TOKEN or operate TOKEN; only its owner may read it\n"
            "  --role ROLE        what clients may do at most: read or operate (default)\n"
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
            "                     listen, pool, expose, drain, token_file, role\n"
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
