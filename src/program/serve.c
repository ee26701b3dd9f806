/* SPDX-License-Identifier: MIT
 *
 * `taskpool serve`: a host without a script of the user's. Its own is lua/taskpool/serve.lua, which
 * reads the options that are not of every host. */
#include "program/launch.h"
#include "program/words.h"

/* Runs the script of `taskpool serve` with its options. */
static bool run_serve(tp_launch *of, tp_host *host, int argc, char **argv, tp_error *error) {
  (void)of;
  return tp_words_pass(host, "require 'taskpool.serve'", (const char *const *)argv, (size_t)argc,
                       "=taskpool serve", error);
}

/* Whether the word is an option that serve.lua reads, or none at all. */
static bool is_for_script(const char *word) {
  const tp_option *option = tp_option_find(&tp_serve_subcommand, word);
  return !option || !option->set;
}

/* Takes the options of every host out of the words; serve.lua takes the others. */
static int serve(int argc, char **argv, const tp_subcommand *const *all) {
  tp_launch of;
  int count = 0;
  (void)all;
  tp_launch_init(&of, &tp_serve_subcommand);
  of.begin = run_serve;
  for (int at = 0; at < argc;) {
    if (tp_subcommand_is_help(argv[at]))
      return tp_subcommand_print_help(of.as);
    if (is_for_script(argv[at]))
      argv[count++] = argv[at++];
    else if (!tp_option_take(of.as, &of, argc, argv, &at))
      return TP_EXIT_USAGE;
  }
  of.ignore_failures = true; /* those of its clients' tasks */
  return tp_launch_run(&of, count, argv);
}

/* Those that serve.lua reads. */
static const tp_option options[] = {
    {.name = "--listen",
     .value = "ADDRESS[,KEY=VALUE...]",
     .help = "unix:PATH or tcp://HOST:PORT (beyond loopback only with tokens), with its options "
             "such as role=read, token_file=FILE, uids=1000+1001, max_clients=16; may be given "
             "several times"},
    {.name = "--token-file",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .help = "the tokens that clients must show, a line each: TOKEN, read TOKEN or operate TOKEN; "
             "only its owner may read it"},
    {.name = "--role",
     .value = "ROLE",
     .choices = "read operate",
     .help = "what clients may do at most: read or operate (default)"},
    {.name = "--pool",
     .value = "NAME[,KEY=VALUE...]",
     .help = "a pool, with its options such as size=8, order=lifo, executor=thread; may be given "
             "several times (default: one pool without a limit)"},
    {.name = "--expose",
     .value = "NAME",
     .help =
         "a function, or MODULE.* for all of a module, that control commands may name, in place "
         "of --modules; may be given several times"},
    {.name = "--config",
     .value = "FILE",
     .of = TP_OPTION_OF_FILE,
     .help = "a Lua file that returns a table with these keys: listen, pool, expose, drain, "
             "token_file, role"},
    {.name = "--drain",
     .value = "SECONDS",
     .help = "how long work has to end after SIGTERM (default: 10)"},
    {.name = NULL},
};

static const tp_exit exits[] = {
    {"0", "it was told to stop"}, {"1", "it could not start"}, {"2", "wrong usage"}, {NULL, NULL}};

const tp_subcommand tp_serve_subcommand = {
    .name = "serve",
    .usage = (const char *const[]){"serve [OPTIONS] --listen ADDRESS...", NULL},
    .summary = "run a host without a script",
    .about = "Runs a host with pools and control servers, until it is told to stop.",
    .options = (const tp_option *const[]){options, tp_launch_options, NULL},
    .notes =
        (const char *const[]){
            "SIGTERM or SIGINT locks the pools and lets their work end for the time of --drain; "
            "what "
            "is left then is cancelled. The second one cancels at once. SIGHUP and SIGUSR1 are as "
            "for taskpool run.",
            NULL},
    .exits = exits,
    .call = serve,
};
