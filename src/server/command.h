/* SPDX-License-Identifier: MIT
 *
 * Commands of a session: a line is split, its method looked up, its arguments read, the method
 * called, and what it returned becomes the answer.
 *
 * Pool methods come from the one table (binding/method.h), the commands of the session itself from
 * another (builtin.h). */
#ifndef TP_SERVER_COMMAND_H
#define TP_SERVER_COMMAND_H

#include "server/session.h"
#include <lua.h>

/* Runs the session's line and answers; raises what the command raises. Must be called in a burst,
 * as `return tp_command_run(L, session)` with an empty stack: the method may wait. */
int tp_command_run(lua_State *L, tp_session *session);

#endif
