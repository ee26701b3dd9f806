/* SPDX-License-Identifier: MIT
 *
 * Commands whose answer is a stream: a line for each thing that happens, and at the end, when the
 * client asks for that by `interrupt`, the answer itself. */
#ifndef TP_SERVER_STREAM_H
#define TP_SERVER_STREAM_H

#include "server/session.h"
#include <lua.h>

/* Answers the session's command with the stream at [1], which its method has returned. To be called
 * as `return tp_stream_run(L, session)`. */
int tp_stream_run(lua_State *L, tp_session *session);

#endif
