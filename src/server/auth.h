/* SPDX-License-Identifier: MIT
 *
 * Tokens that a session shows: in its first line, or by the command `auth`.
 *
 * A wrong one is logged, and its answer comes after a second, for which the session is held; the
 * third one ends the session. */
#ifndef TP_SERVER_AUTH_H
#define TP_SERVER_AUTH_H

#include "server/session.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Gives the session the role of a token. False: it is wrong. */
bool tp_auth_take(tp_session *session, const char *token, size_t length);

/* Answers a wrong token, by raising Denied after a while: `return tp_auth_refuse(L, session)`. */
int tp_auth_refuse(lua_State *L, tp_session *session);

/* Raises Denied if the session has not the role that a method needs. */
void tp_auth_check(lua_State *L, const tp_session *session, tp_role needed, const char *command);

#endif
