/* SPDX-License-Identifier: MIT
 *
 * Where a coroutine is, in words: message and traceback of the error that ended it, and the calls
 * that it is in. */
#ifndef TP_EXEC_REPORT_H
#define TP_EXEC_REPORT_H

#include "exec/types.h"

/* Pushes the calls that a task of this executor is in, the innermost first, in one line. */
void tp_report_push_stack(lua_State *L, tp_task *task);

/* Pushes the line of the user's own code that a task of this executor is at, such as "jobs.lua:12",
 * and what that line has called and waits for, such as "sleep". nil for either that is not known:
 * code that runs waits for nothing. */
void tp_report_push_place(lua_State *L, tp_task *task);

/* Whether a call, of which lua_getinfo has told "S", is of our own Lua files. */
bool tp_report_is_own(const tp_exec *exec, const lua_Debug *info);

/* Says where the error whose value is on top of L comes from, before it is raised: message and
 * traceback are the text `cause`, not those of the running coroutine. */
void tp_report_set_cause(lua_State *L, const char *cause, size_t length);

/* Pushes words for where the call at `info` in the thread `of` is. */
typedef void (*tp_report_place)(lua_State *L, lua_State *of, lua_Debug *info);

/* Calls of `function` wait for what is done elsewhere, and `push` knows where that is. One function
 * an executor. */
void tp_report_set_place(tp_exec *exec, lua_CFunction function, tp_report_place push);

/* Pushes message and traceback of the error whose value is on top of L, in the tp_coro_done of the
 * call that it has ended. */
void tp_report_push_traceback(tp_exec *exec, lua_State *L);

/* ---- for the files of exec/ ---- */

/* Lua: the message handler of every body; keeps message and traceback for tp_report_push. */
int tp_report_handler(lua_State *L);

/* Pushes what the handler has kept for a coroutine; without that, or without a coroutine, what the
 * error value on top of L says. */
void tp_report_push(tp_coro *coro, lua_State *L);

/* Lets go of what the handler has kept. Allocates nothing. */
void tp_report_forget(tp_coro *coro, lua_State *L);

/* Tells the listener of the error value on top of L, in the words that the handler has kept for the
 * coroutine (NULL: there is none), or in its own. The group (NULL: none) is that of what has
 * failed, if that is not a task. Never raises. */
void tp_report_tell(tp_exec *exec, tp_coro *coro, const tp_group *group, lua_State *L,
                    const char *who);

#endif
