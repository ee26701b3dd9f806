/* SPDX-License-Identifier: MIT
 *
 * Why a task is cancelled: one record for each cancel call, shared by all its tasks. */
#ifndef TP_POOL_CANCEL_H
#define TP_POOL_CANCEL_H

#include "taskpool.h"
#include <stdatomic.h>

typedef struct tp_cancel {
  atomic_uint references; /* freed when it falls to 0; a call in a thread and its owner share one */
  tp_code code;           /* Cancelled, TimedOut, … */
  double when;            /* seconds since 1970 */
  double grace;           /* seconds that a task has to end by itself before it is killed */
  const char *who;        /* what asked for it, such as "cancel_group"; static */
  char message[];         /* the caller's message, "" for none */
} tp_cancel;

/* The default grace, seconds. */
#define TP_GRACE_DEFAULT 5

/* A new record of a cancel at this moment, with one reference, owned by the caller. `who` is a
 * static string, `message` is copied and may be NULL. NULL: no memory. */
tp_cancel *tp_cancel_create(tp_code code, const char *who, const char *message, double grace);

/* A copy with one reference and another grace, for another thread. NULL: no memory. */
tp_cancel *tp_cancel_copy(const tp_cancel *cancel, double grace);

tp_cancel *tp_cancel_keep(tp_cancel *cancel);

/* Gives a reference back; NULL is allowed. */
void tp_cancel_release(tp_cancel *cancel);

#endif
