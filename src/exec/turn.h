/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the turn, which the loop calls while there is something to run.
 *
 * A turn lets pools start what they have room for, then resumes a snapshot of the run queue, again
 * and again until a time budget is spent; then I/O has its chance. Nothing is ever resumed from
 * inside Lua: calls of the API only mark. */
#ifndef TP_EXEC_TURN_H
#define TP_EXEC_TURN_H

#include "exec/types.h"

#include <uv.h>

/* One turn. The handle's data is the executor. */
void tp_turn_run(uv_idle_t *idle);

/* Resumes a coroutine until it yields or ends. True: it is an iterator that holds values for its
 * group. */
bool tp_turn_resume(tp_coro *coro);

#endif
