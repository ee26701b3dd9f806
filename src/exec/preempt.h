/* SPDX-License-Identifier: MIT
 *
 * Preemption: slices of time, so that a worker that never waits does not freeze the host.
 *
 * How it works. While turns run, a timer signals this thread every few milliseconds. Where the
 * signal finds the same resume as the time before, it sets a count hook on the innermost running
 * thread, as lua.c does for ^C; until then nothing is hooked, so nothing is slower. The hook sends
 * the coroutine to the end of the run queue; where it cannot yield (a sort comparator), it lets it
 * go on for a burst and then raises an error. In a cancelled coroutine it raises the cancel. In our
 * own Lua files it waits until they are left, so that nobody sees a queue half changed. A hook of
 * the user's in that place is put back afterwards.
 *
 * Out of reach are C code, and what Lua runs with hooks off: finalizers, and hooks of others. A
 * watchdog tells of them. An error raised by a hook leaves hooks off while a message handler runs,
 * and for good in the thread of an inner coroutine that it ends; luastd.c and closing.c see to
 * both. */
#ifndef TP_EXEC_PREEMPT_H
#define TP_EXEC_PREEMPT_H

#include "exec/types.h"

/* What was running before Lua code that is not part of a coroutine. */
typedef struct tp_preempt_scope {
  lua_State *L;       /* what runs in between */
  lua_State *running; /* what ran before; NULL: nothing */
  tp_coro *coro;      /* the coroutine that ran; NULL: none */
  bool slicing;       /* slices were watched already */
} tp_preempt_scope;

/* Lua code that is not a part of a coroutine, such as a callback of the loop, begins to run on L,
 * and ends. In between it can be interrupted: after a second an error is raised in it. */
tp_preempt_scope tp_preempt_enter_outside(tp_exec *exec, lua_State *L);
void tp_preempt_leave_outside(tp_exec *exec, tp_preempt_scope before);

/* lua_pcall of code that is not a part of a coroutine; called by a task, it is a part of that. */
int tp_preempt_call_outside(tp_exec *exec, lua_State *L, int nargs, int nresults, int handler);

/* ---- for the files of exec/ ---- */

/* Makes the slices of an executor, which has a signal for them. NULL: no memory. */
struct tp_preempt *tp_preempt_create(tp_exec *exec);

/* Stops them, in the thread that ran them. NULL is allowed. */
void tp_preempt_destroy(struct tp_preempt *slice);

/* The loop is left: no signal comes before the next turn, in whichever thread that is.
 * NULL is allowed. */
void tp_preempt_rest(struct tp_preempt *slice);

/* A turn begins, and ends; the one takes what the other has returned. */
bool tp_preempt_enter(struct tp_preempt *slice);
void tp_preempt_leave(struct tp_preempt *slice, bool before);

/* The thread that runs now is being closed: it has a slice of its own that ends in the cancel
 * error. */
void tp_preempt_begin_closing(tp_exec *exec);
void tp_preempt_end_closing(tp_exec *exec);

/* Whether the hook has left the inner coroutine for good: its resume is to raise the cancel. Once.
 */
bool tp_preempt_has_abandoned(tp_exec *exec, lua_State *L);

/* Whether the hook was the last to raise an error in that thread. If it was not caught, hooks are
 * off in the thread from then on. Once. */
bool tp_preempt_has_raised(tp_exec *exec, lua_State *L);

/* The thread `from` has come back to the one that resumed it, perhaps with a hook that has not
 * fired: moves it. NULL: to nowhere. */
void tp_preempt_hand_on(const tp_exec *exec, lua_State *from, lua_State *to);

/* Has every coroutine preempted after so many instructions, for tests of transparency; 0: no more.
 */
void tp_preempt_force(struct tp_preempt *slice, int instructions);

/* Prepares a thread that begins a call. */
void tp_preempt_prepare(const tp_exec *exec, lua_State *L);

#endif
