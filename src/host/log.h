/* SPDX-License-Identifier: MIT
 *
 * The log: one record, one line, escaped, at or above a level, to one function. */
#ifndef TP_HOST_LOG_H
#define TP_HOST_LOG_H

#include "taskpool.h"
#include <stdarg.h>

typedef struct tp_log {
  tp_log_fn write;    /* NULL: records are dropped */
  void *context;      /* handed to `write` */
  tp_log_level level; /* records below it are dropped */
} tp_log;

/* Writes a record. Line breaks and control bytes in it are escaped; a tab stays. */
void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
