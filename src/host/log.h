/* SPDX-License-Identifier: MIT
 *
 * The log: records at or above a level, to one function. A record has one line, or further lines
 * that begin with blanks. */
#ifndef TP_HOST_LOG_H
#define TP_HOST_LOG_H

#include "taskpool.h"
#include <stdarg.h>

typedef struct tp_log {
  tp_log_fn write;    /* NULL: records are dropped */
  void *context;      /* handed to `write` */
  tp_log_level level; /* records below it are dropped */
} tp_log;

/* Writes a record, laid out by base/lines.h. */
void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* After the last record: says how many were dropped since then, if the log can take that now. */
void tp_log_end(const tp_log *log);

#endif
