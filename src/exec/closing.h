/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: runs the <close> variables of threads that are not resumed again.
 *
 * lua_resetthread does that, with two faults. Where a hook has raised the error that ended the
 * thread, Lua leaves hooks off in it for good, so a handler that loops could not be interrupted.
 * And the handlers of a thread that was ended in the middle of a wait or of a slice get no error,
 * as if its scopes had ended well. So these are closed *by proxy*: while lua_resetthread
 * runs, each __close that the thread may call is replaced in its metatable by one that calls it in
 * a thread of its own, with the error that has ended the thread. */
#ifndef TP_EXEC_CLOSING_H
#define TP_EXEC_CLOSING_H

#include "exec/types.h"

/* Runs the <close> variables of a suspended or failed thread for the running one, L. Returns a
 * status; the error, if there is one, is on top of the thread. */
int tp_closing_run(tp_exec *exec, lua_State *L, lua_State *thread);

/* The same by proxy, for a thread that was ended by the error on top of L. An error of closing
 * takes its place. */
void tp_closing_run_by_proxy(tp_exec *exec, lua_State *L, lua_State *thread);

/* The same for the thread of a killed coroutine and, before it, all inner ones that it waits in,
 * the innermost first. All of them have the time that tp_preempt_begin_closing gives. */
void tp_closing_kill(tp_exec *exec, lua_State *L, lua_State *thread);

#endif
