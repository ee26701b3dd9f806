/* SPDX-License-Identifier: MIT
 *
 * Where the log of `taskpool run` goes: to stderr, or to a file that can be rotated. */
#ifndef TP_PROGRAM_LOGGING_H
#define TP_PROGRAM_LOGGING_H

#include "taskpool.h"

typedef struct tp_logging {
  const char *path; /* the file; NULL: stderr */
  tp_log_file to;   /* the context of tp_log_to_file */
} tp_logging;

/* Opens the log; `path` and `to.json` are set. */
bool tp_logging_open(tp_logging *logging, tp_error *error);

/* Goes on in a new file at the same path, after the old one was renamed. Each record is in the one
 * or in the other. If there can be no new file, the log goes on in the old one. */
bool tp_logging_reopen(tp_logging *logging, tp_error *error);

/* Says how the run has ended: on stderr, and in the log where that is not text on stderr. */
void tp_logging_tell(tp_logging *logging, const tp_error *error);

void tp_logging_close(tp_logging *logging);

#endif
