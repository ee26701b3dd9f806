/* SPDX-License-Identifier: MIT
 *
 * A host that the program runs, as a service if a manager has started it: what `taskpool run` and
 * `taskpool serve` have in common. */
#ifndef TP_PROGRAM_LAUNCH_H
#define TP_PROGRAM_LAUNCH_H

#include "program/logging.h"
#include "program/recording.h"
#include "program/subcommand.h"
#include "taskpool.h"

/* How many control servers the command line may name. */
#define TP_LISTEN_MAX 16

typedef struct tp_launch {
  const tp_subcommand *as;           /* who complains about its words */
  tp_host_options host;              /* for the host */
  tp_logging logging;                /* where its log goes */
  tp_recording recording;            /* what else it writes */
  bool ignore_failures;              /* tasks that failed do not make the run fail */
  const char *listen[TP_LISTEN_MAX]; /* addresses of control servers, with their options */
  size_t listen_count;               /* how many */
  /* Runs what the words after the options say, as the main task. */
  bool (*begin)(struct tp_launch *of, tp_host *host, int argc, char **argv, tp_error *error);
} tp_launch;

/* Fills in the defaults, all but `begin`. */
void tp_launch_init(tp_launch *of, const tp_subcommand *as);

/* The options of every host; what they set is a tp_launch. */
extern const tp_option tp_launch_options[];

/* Runs a host from its creation to its end, and returns the exit code of the program. */
int tp_launch_run(tp_launch *of, int argc, char **argv);

#endif
