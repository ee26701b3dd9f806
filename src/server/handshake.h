/* SPDX-License-Identifier: MIT
 *
 * The first line of a session says how the client is answered:
 *
 *     {"terminal_width": 80}                    a client of mode 1; unknown keys are ignored
 *     {"terminal_width": 80, "reply": "json"}   one of mode 2
 *     {"token": "…"}                            shows a token, in either mode
 *     anything else                             a command (netcat) */
#ifndef TP_SERVER_HANDSHAKE_H
#define TP_SERVER_HANDSHAKE_H

#include "server/session.h"
#include <lua.h>
#include <stdbool.h>

/* Whether the session's first line is a handshake, not a command. */
bool tp_handshake_is(const tp_session *session);

/* Answers it: `return tp_handshake_run(L, session)`. A wrong token is answered after a while. */
int tp_handshake_run(lua_State *L, tp_session *session);

#endif
