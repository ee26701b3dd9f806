/* SPDX-License-Identifier: MIT
 *
 * Answers that are lists, made in slices: the loop goes on between two slices, however long the
 * list is. */
#ifndef TP_SERVER_LISTING_H
#define TP_SERVER_LISTING_H

#include "server/session.h"
#include <lua.h>

/* Answers the session's command with the rows at [1], which its method has returned. To be called
 * as `return tp_listing_run(L, session)`. */
int tp_listing_run(lua_State *L, tp_session *session);

#endif
