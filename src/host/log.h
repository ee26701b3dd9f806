/* SPDX-License-Identifier: MIT
 *
 * The log: records at or above a level, to one function. The message of a record has one line, or
 * further lines that begin with blanks. */
#ifndef TP_HOST_LOG_H
#define TP_HOST_LOG_H

#include "pool/pool.h"
#include "taskpool.h"
#include <stdarg.h>

typedef struct tp_log {
  tp_log_fn write;    /* NULL: records are dropped */
  void *context;      /* handed to `write` */
  tp_log_level level; /* records below it are dropped */
} tp_log;

/* The wall clock, seconds since 1970. */
double tp_log_now(void);

/* The fields of a record that say what it is about: a pool, a group, a task. The pointers may be
 * NULL; a task brings its group, and a group its pool. */
tp_log_record tp_log_about(const tp_pool *pool, const tp_group *group, const tp_task *task);

/* Writes a record, whose message is laid out by base/lines.h. */
void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the other fields of `about`. */
void tp_log_write_about(const tp_log *log, tp_log_level level, const tp_log_record *about,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
