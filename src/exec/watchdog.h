/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: tells the listener of what is stuck, from a thread of its own, because the
 * one that is stuck cannot. A signal handler rings its bell. */
#ifndef TP_EXEC_WATCHDOG_H
#define TP_EXEC_WATCHDOG_H

#include "exec/types.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

typedef struct tp_watchdog {
  const tp_exec_listener *listener; /* who is told */
  bool is_running;                  /* `thread` was started */
  pthread_t thread;                 /* waits for `bell` */
  sem_t bell;                       /* rung when something is stuck, and at the end */
  atomic_bool ending;               /* the thread is to return */
  atomic_bool telling;              /* the thread reads `stuck`, and nobody writes it */
  tp_exec_stuck stuck;              /* what is, and where; filled before the bell is rung */
} tp_watchdog;

/* Starts the thread of a zeroed record; without one, nobody is told. */
void tp_watchdog_start(tp_watchdog *dog, const tp_exec_listener *listener);

/* Tells that this coroutine (NULL: none) is stuck in what its thread runs. For signal handlers. */
void tp_watchdog_ring(tp_watchdog *dog, const tp_coro *coro, lua_State *running);

/* Ends the thread, if it was started. */
void tp_watchdog_stop(tp_watchdog *dog);

#endif
