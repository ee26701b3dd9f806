/* SPDX-License-Identifier: MIT
 *
 * How a coroutine is cancelled, limited in time, or shielded from both.
 *
 * A cancel marks the coroutine; from then on every wait of it raises the cancel error, also in code
 * that has caught it before. It has a grace to end by itself, and a number of raises; after either
 * it is killed: not resumed again, its <close> variables closed within a budget (kill.c). A shield
 * holds the raising off for a while; a time limit is a cancel that comes by itself. */
#ifndef TP_EXEC_CANCEL_H
#define TP_EXEC_CANCEL_H

#include "exec/types.h"

/* Cancels a coroutine: its present or next wait raises; one that has not begun never begins. Takes
 * a reference of `reason`. Only the first cancel counts. Where there is no memory for it, NoMemory
 * is raised once instead. */
void tp_exec_cancel(tp_exec *exec, tp_coro *coro, tp_cancel *reason);

/* Cancels every coroutine but the one that runs. The pools' tasks should have been cancelled by
 * their pools. */
void tp_exec_cancel_all(tp_exec *exec, tp_cancel *reason);

/* Has a coroutine cancelled with TimedOut after so many seconds, HUGE_VAL: never. False: no memory.
 */
bool tp_exec_cancel_after(tp_coro *coro, double seconds);

/* A new reason, or, for lack of memory, one that is kept for that case and says less. Never NULL.
 */
tp_cancel *tp_exec_cancel_new_reason(tp_exec *exec, tp_code code, const char *who,
                                     const char *message, double grace);

/* Why the running coroutine is cancelled, and how much of its grace is left, seconds; NULL: it is
 * not. */
const tp_cancel *tp_exec_cancel_reason(const tp_exec *exec, double *left);

/* Why a live task is being cancelled; NULL: it is not, or its function is over. */
tp_cancel *tp_exec_cancel_reason_of(tp_task *task);

/* Holds the raising off in the running coroutine, for so many seconds at most, until
 * tp_exec_cancel_unshield gets back what was stored in `*before`. False: no memory. */
bool tp_exec_cancel_shield(tp_exec *exec, double seconds, uint64_t *before);
void tp_exec_cancel_unshield(tp_exec *exec, uint64_t before);

/* Whether the running coroutine is shielded: it may be killed in a wait that no cancel has cut. */
bool tp_exec_cancel_is_shielded(const tp_exec *exec);

/* Whether the value at `index` is the error by which the running coroutine is being cancelled. */
bool tp_exec_cancel_is_error(const tp_exec *exec, lua_State *L, int index);

/* ---- for the files of exec/ ---- */

/* Whether the coroutine's waits raise now. */
bool tp_exec_cancel_is_raising(const tp_coro *coro);

/* Whether a cancel or a time limit ends what the coroutine does, now or later. */
bool tp_exec_cancel_is_coming(const tp_coro *coro);

/* Whether the cancel error was raised as often as it may be. */
bool tp_exec_cancel_is_exhausted(const tp_coro *coro);

/* Counts a raise of the cancel error, and tells of the first one. */
void tp_exec_cancel_count_raise(tp_exec *exec);

/* Raises the cancel error in the running coroutine, or, if that has been of no use, has it killed;
 * does not return then either. */
int tp_exec_cancel_raise(tp_exec *exec, lua_State *L);

/* The coroutine has been resumed and has not ended: its grace is watched from now on. Most end at
 * once when they are cancelled, so a timer for each would be for nothing. */
void tp_exec_cancel_watch(tp_coro *coro);

/* The timer of a cancel is due: the time limit, the shield or the grace is over. */
void tp_exec_cancel_due(tp_coro *coro);

/* Pushes the error by which a cancelled coroutine ends; NULL: the one for lack of memory. */
void tp_exec_cancel_push(lua_State *L, const tp_cancel *reason);

/* Writes into the cancel error on top of L how the coroutine came to its end: `killed`, and `took`,
 * the seconds since the cancel. */
void tp_exec_cancel_add_fields(const tp_coro *coro, lua_State *L);

/* The body of a cancelled task is over, its coroutine's `cancelled` and `failed` say how: writes
 * what came of the cancel into the task's record (NULL: it has none), and tells if the task was
 * killed, or has ignored the cancel. */
void tp_exec_cancel_record(tp_coro *coro, tp_record *record);

/* Whether there was no memory to cancel the coroutine or to limit its time: it is ended at its next
 * turn. */
bool tp_exec_cancel_is_lost(const tp_coro *coro);

/* Forgets it all: the body is over. */
void tp_exec_cancel_clear(tp_coro *coro);

#endif
