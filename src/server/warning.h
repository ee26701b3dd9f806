/* SPDX-License-Identifier: MIT
 *
 * Warnings that clients cause, so few that no client can fill the log: the first is a record; those
 * of the next ten seconds are counted and become one record. */
#ifndef TP_SERVER_WARNING_H
#define TP_SERVER_WARNING_H

#include "host/log.h"
#include <stdint.h>
#include <uv.h>

typedef struct tp_warnings {
  const tp_log *log; /* where they go */
  uv_timer_t quiet;  /* while it runs, warnings are counted only */
  uint64_t unlogged; /* how many were counted since the last record */
} tp_warnings;

void tp_warning_open(tp_warnings *warnings, uv_loop_t *loop, const tp_log *log);

/* Closes the timer; `closed` finds `owner` in its data. From then on warnings are counted only. */
void tp_warning_close(tp_warnings *warnings, void *owner, uv_close_cb closed);

/* Warns: why a client was sent away. */
void tp_warning_write(tp_warnings *warnings, const char *what);

/* Logs how many were counted since the last record. False: none was. */
bool tp_warning_log_counted(tp_warnings *warnings);

#endif
