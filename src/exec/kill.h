/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the end of coroutines that do not end by themselves. */
#ifndef TP_EXEC_KILL_H
#define TP_EXEC_KILL_H

#include "exec/types.h"

/* Kills a coroutine that is to be killed, or gives it up: its thread is not resumed again, but
 * closed within a budget; what comes after the body runs in a new one. False: it is not to be
 * resumed now. */
bool tp_kill(tp_coro *coro);

/* The thread has ended instead of coming to rest, for lack of memory outside the base frame, or
 * is given up: all who wait for its end are told, and the coroutine is freed. */
void tp_kill_reap(tp_coro *coro);

#endif
