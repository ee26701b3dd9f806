/* SPDX-License-Identifier: MIT
 *
 * Takes samples of the Lua code that runs, for a profile.
 *
 * How it works. A timer signals the thread that runs the host, by the signal of preemption. The
 * signal sets a count hook on the Lua thread that runs, which takes the sample at the next
 * instruction, and is gone then. Time in a C function is that of the line which called it: the
 * signals that came meanwhile count there. While no profile is taken there is no timer, so nothing
 * is slower.
 *
 * Tasks that run in threads are not sampled: each thread is a host of its own. */
#ifndef TP_EXEC_SAMPLER_H
#define TP_EXEC_SAMPLER_H

#include "exec/profile.h"
#include "exec/signal.h"
#include "exec/types.h"
#include "taskpool.h"
#include <signal.h>
#include <time.h>

/* Seconds between two samples: the default, and the bounds. */
#define TP_SAMPLER_INTERVAL_DEFAULT 0.001
#define TP_SAMPLER_INTERVAL_MIN 0.0001
#define TP_SAMPLER_INTERVAL_MAX 1.0

/* The sampler of an executor; a part of it, because a signal may come late. */
typedef struct tp_sampler {
  tp_signal_target target;       /* what the signal carries; the first member */
  tp_exec *exec;                 /* whose code */
  tp_profile *profile;           /* where samples go; NULL: none are taken */
  const tp_pool *pool;           /* only tasks of this pool, compared only; NULL: everything */
  timer_t timer;                 /* while there is a profile */
  lua_State *volatile thread;    /* in which a sample is due; NULL: none is */
  volatile sig_atomic_t signals; /* how many have found that thread since its last sample */
} tp_sampler;

/* Begins to take samples every `interval` seconds for the profile, which the caller owns. False:
 * NotAvailable (another profile is being taken, there is no signal or no timer). */
bool tp_sampler_start(tp_exec *exec, tp_profile *profile, const tp_pool *pool, double interval,
                      tp_error *error);

/* Takes no more samples, if it is this profile that they go to. */
void tp_sampler_stop(tp_exec *exec, const tp_profile *profile);

/* ---- for the files of exec/ ---- */

/* Ends it for good; no signal for it comes after that. */
void tp_sampler_close(tp_exec *exec);

/* What the hook of preemption calls first: takes the sample that is due in L. */
void tp_sampler_take(tp_exec *exec, lua_State *L);

#endif
