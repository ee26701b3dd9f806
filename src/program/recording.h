/* SPDX-License-Identifier: MIT
 *
 * What a run writes to files beside its log: a profile, and a trace.
 *
 * The files are opened before anything runs, so that a wrong path is found then. */
#ifndef TP_PROGRAM_RECORDING_H
#define TP_PROGRAM_RECORDING_H

#include "exec/profile.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stdio.h>

typedef struct tp_recording {
  const char *profile_path; /* where folded stacks go; NULL: nowhere */
  const char *trace_path;   /* where the trace goes; NULL: nowhere */
  FILE *profile_file;       /* NULL: none is open */
  tp_profile profile;       /* what was found */
  struct tp_trace *trace;   /* NULL: there is none */
} tp_recording;

/* Begins to record a host that has not run yet. False: IOError, NoMemory, NotAvailable. It must be
 * ended in any case. */
bool tp_recording_begin(tp_recording *of, tp_host *host, tp_error *error);

/* Writes the profile, before the host is destroyed. False: IOError. */
bool tp_recording_end(tp_recording *of, tp_host *host, tp_error *error);

/* Ends the trace, after the host was destroyed. False: IOError. */
bool tp_recording_close(tp_recording *of, tp_error *error);

#endif
