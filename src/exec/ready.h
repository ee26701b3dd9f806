/* SPDX-License-Identifier: MIT
 *
 * What can run at once: the run queue, and the pools that have something to start. While there is
 * something, the loop calls a turn (turn.c). */
#ifndef TP_EXEC_READY_H
#define TP_EXEC_READY_H

#include "exec/types.h"

/* Makes sure that a turn comes. */
void tp_ready_poke(tp_exec *exec);

/* Appends to the run queue; `nargs` values for it are on its stack already. */
void tp_ready_add(tp_coro *coro, int nargs);

/* The first resume of a coroutine comes now, or will never come. */
void tp_ready_count_begun(tp_coro *coro);

/* Queues a pool for the next turn to feed, and takes it out of the queue. */
void tp_ready_add_pool(tp_run *run);
void tp_ready_remove_pool(tp_run *run);

/* Whether a coroutine or a pool could go on at once. */
bool tp_ready_has_work(const tp_exec *exec);

#endif
