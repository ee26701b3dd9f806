/* SPDX-License-Identifier: MIT
 *
 * The coroutine executor: runs Lua functions as coroutines on the host's loop.
 *
 * A *coroutine* here (tp_coro) is one call being run: a pool's task, a control session, the main
 * chunk, an iterator that feeds a group. It is in the run queue, running, parked (waiting for a
 * wake), offering (an iterator with a value), or at rest, to be used again.
 *
 * The files, from the top: exec the executor's life, turn what the loop calls; drive what a
 * coroutine runs, kill the end of those that do not end by themselves, ops what a pool asks; call
 * what a group calls, source with which arguments, feed its iterator; luastd pcall and the
 * coroutine library for tasks, closing the <close> variables of what is killed, retry tasks that
 * are tried again; wait, preempt, report, run (the record of a pool), deadlock; cancel; park; slot,
 * timer, bind; ready, signal, watchdog; state the records. Each calls only files below it. */
#ifndef TP_EXEC_EXEC_H
#define TP_EXEC_EXEC_H

#include "exec/types.h"

#include <uv.h>

/* ---- lifetime ---- */

/* Makes the executor of the Lua state L (its main thread) on `loop`. The listener's struct is
 * copied. With `in_state` the record is memory of L, so that what runs in L until its end can still
 * call. Raises only for lack of memory or handles. */
tp_exec *tp_exec_create(lua_State *L, uv_loop_t *loop, const tp_exec_listener *listener,
                        bool in_state);

/* Switches preemption on or off. Not inside a coroutine. The first time that it is on, a
 * signal is taken, which is put back when the executor is closed: `signal`, or 0 for one that
 * nobody handles. False: InvalidArgument, NotAvailable, NoMemory. */
bool tp_exec_set_preempt(tp_exec *exec, bool on, int signal, tp_error *error);

/* The same as in the executor `from`, which outlives this one, with its signal. False: NoMemory. */
bool tp_exec_borrow_preempt(tp_exec *exec, const tp_exec *from, tp_error *error);

/* Who has borrowed the signal may outlive this executor: it is not put back. */
void tp_exec_keep_signal(const tp_exec *exec);

/* Says which Lua files are a part of this library: those whose chunk names begin with `prefix`
 * ("@/usr/…/taskpool/"). Their functions are never interrupted half way. */
void tp_exec_set_library(tp_exec *exec, const char *prefix);

/* Has every coroutine preempted after so many instructions, to test that it makes no difference; 0:
 * no more. */
void tp_exec_force_preemption(tp_exec *exec, int instructions);

/* Stops the turns: nothing runs until something else is queued. */
void tp_exec_halt(tp_exec *exec);

/* The Lua state that it runs. */
lua_State *tp_exec_state(const tp_exec *exec);

/* Starts closing the handles; run the loop until they are closed, close the Lua state, then free.
 */
void tp_exec_close(tp_exec *exec);
void tp_exec_free(tp_exec *exec);

/* ---- starting ---- */

/* Queues the call of the function below the `nargs` values on top of `L` (all popped). It runs at
 * the next turn. Raises only for lack of memory. `what` (static, such as "control session") names
 * it in messages; `done` may be NULL: an error is told to the listener then. */
tp_coro *tp_exec_start(tp_exec *exec, lua_State *L, int nargs, const char *what, tp_coro_done done,
                       void *context);

/* The same, before all that is ready to run now and whenever it has waited: for what must answer
 * under any load. */
tp_coro *tp_exec_start_urgent(tp_exec *exec, lua_State *L, int nargs, const char *what,
                              tp_coro_done done, void *context);

/* The end of a call that was started is no longer told. */
void tp_exec_detach(tp_coro *coro);

/* ---- what runs ---- */

/* The coroutine that runs now; NULL: none. */
tp_coro *tp_exec_current(const tp_exec *exec);

/* The name that tp_exec_start gave to the coroutine that runs now; NULL: it is a task, or none
 * runs. */
const char *tp_exec_current_job(const tp_exec *exec);

/* What was given with `done` to tp_exec_start for the coroutine that runs now; NULL: it was started
 * with something else, or none runs. */
void *tp_exec_current_context(const tp_exec *exec, tp_coro_done done);

/* Whether a running task waits for something, and is not ready to go on. */
bool tp_exec_waits(tp_task *task);

/* The task that runs now; NULL if none does. */
const tp_task *tp_exec_current_task(const tp_exec *exec);

/* The pool whose task runs now; NULL if none does. */
tp_pool *tp_exec_current_pool(const tp_exec *exec);

/* Coroutines that have not ended. */
uint64_t tp_exec_live(const tp_exec *exec);

/* Has the listener told of each run of a task. */
void tp_exec_watch_runs(tp_exec *exec);

/* While runs are watched: since when what runs now has run, nanoseconds; 0: nothing runs. From now
 * on it is another one's run. */
uint64_t tp_exec_take_run(tp_exec *exec);

/* ---- the loop ---- */

/* Runs the loop until `finished` says so. False: nothing is left that could make it so. */
bool tp_exec_run(tp_exec *exec, bool (*finished)(void *context), void *context);

/* One round of the loop, which waits for nothing. */
void tp_exec_turn(tp_exec *exec);

/* Whether the last run has ended because there was no memory to go on, and none came. */
bool tp_exec_is_exhausted(const tp_exec *exec);

/* Whether the loop runs already. */
bool tp_exec_is_looping(const tp_exec *exec);

#endif
