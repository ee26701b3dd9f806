/* SPDX-License-Identifier: MIT
 *
 * The first line of a session says how the client is answered:
 *
 *     {"terminal_width": 80}                    a client of mode 1; unknown keys are ignored
 *     {"terminal_width": 80, "reply": "json"}   one of mode 2
 *     anything else                             a command (netcat) */
#ifndef TP_SERVER_HANDSHAKE_H
#define TP_SERVER_HANDSHAKE_H

#include "server/session.h"
#include <lua.h>
#include <stdbool.h>

/* Answers the session's line as its first. False: it is not a handshake but a command. May raise.
 */
bool tp_handshake_run(lua_State *L, tp_session *session);

#endif
