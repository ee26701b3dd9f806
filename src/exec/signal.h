/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the signal of preemption. Its action is the process's, so a host takes a
 * signal that is its own, and puts the action back at its end.
 *
 * Two hosts share a signal only where both were told to use it, or where there is no other. The
 * second one marks it as shared by another handler, which does the same; a shared signal stays
 * taken, because nobody knows who is the last. */
#ifndef TP_EXEC_SIGNAL_H
#define TP_EXEC_SIGNAL_H

#include "taskpool.h"
#include <signal.h>

/* Whom a timer's signal is for: a pointer to one is what the signal carries. */
typedef struct tp_signal_target {
  void (*come)(struct tp_signal_target *target); /* called by the handler */
} tp_signal_target;

typedef struct tp_signal {
  int number;              /* 0: none is taken */
  bool borrowed;           /* another executor has taken it, and outlives this one */
  struct sigaction before; /* what to put back */
} tp_signal;

/* Takes the signal `wanted`; 0: the first real-time signal that nobody handles. False:
 * InvalidArgument, NotAvailable. */
bool tp_signal_take(tp_signal *of, int wanted, tp_error *error);

/* Puts the action back, unless the signal is borrowed or shared. No timer may send it after that.
 */
void tp_signal_put_back(tp_signal *of);

/* Has the signal stay taken for ever: something that cannot be ended may still be sent it. */
void tp_signal_keep(const tp_signal *of);

/* Lets the signal through to this thread. Returns whether it was blocked, and is to be blocked
 * again.
 */
bool tp_signal_unblock(const tp_signal *of);
void tp_signal_block(const tp_signal *of);

/* Takes away what was sent to this thread while it blocked the signal. */
void tp_signal_drop_pending(const tp_signal *of);

#endif
