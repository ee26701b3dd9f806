/* SPDX-License-Identifier: MIT
 *
 * The options of a server as Lua gives them.
 *
 * To add an option: a field of tp_serve_options, and a record in options.c. */
#ifndef TP_SERVER_OPTIONS_H
#define TP_SERVER_OPTIONS_H

#include "server/server.h"
#include <lua.h>

/* Reads the table at 1: its pools, its address and its options. Raises InvalidArgument. What
 * `to` points to then is on the stack. */
void tp_options_read(lua_State *L, tp_server_options *to);

#endif
