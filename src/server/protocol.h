/* SPDX-License-Identifier: MIT
 *
 * What a line of a client is: HTTP, which ends the session (foreign.h); the handshake, if it is the
 * first line (handshake.h); or commands (request.h, command.h). */
#ifndef TP_SERVER_PROTOCOL_H
#define TP_SERVER_PROTOCOL_H

#include <lua.h>

/* Lua: runs the line of the session at 1 and answers. Raises what the command raises; may wait. */
int l_protocol_run(lua_State *L);

#endif
