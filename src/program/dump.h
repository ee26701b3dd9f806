/* SPDX-License-Identifier: MIT
 *
 * Writes what a host does now to its log: its pools, how far their groups are, where their tasks
 * are. */
#ifndef TP_PROGRAM_DUMP_H
#define TP_PROGRAM_DUMP_H

#include "host/host.h"
#include "pool/view.h"
#include <sys/queue.h>
#include <uv.h>

typedef struct tp_dump_line tp_dump_line;

typedef struct tp_dump {
  tp_host *host;                     /* what is written, and where to */
  uv_timer_t timer;                  /* active while lines are left */
  STAILQ_HEAD(, tp_dump_line) lines; /* to be written */
  tp_view_groups groups;             /* where taking down stands in the groups of a pool, … */
  tp_view_tasks tasks;               /* … and in its tasks */
  unsigned count;                    /* lines of the present dump */
} tp_dump;

void tp_dump_open(tp_dump *dump, tp_host *host);

/* Takes down the present state, and writes it little by little while the loop runs, at level info
 * whatever level is logged. While one is being written, another one is not begun. */
void tp_dump_start(tp_dump *dump);

/* Writes what is left, and closes the timer. The record must live until the loop is closed. */
void tp_dump_close(tp_dump *dump);

#endif
