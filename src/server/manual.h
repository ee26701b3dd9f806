/* SPDX-License-Identifier: MIT
 *
 * Help as an answer: for people, and for programs. */
#ifndef TP_SERVER_MANUAL_H
#define TP_SERVER_MANUAL_H

#include "binding/method.h"
#include "server/session.h"
#include <lua.h>

/* Answers with the help on a command, or on all of `tables` if `method` is NULL. */
void tp_manual_answer(lua_State *L, tp_session *session, const tp_method *const *tables,
                      const tp_method *method);

/* Answers with the schema of all commands (command/schema.h), whose text is a line of JSON. */
void tp_manual_answer_schema(lua_State *L, tp_session *session, const tp_method *const *tables);

#endif
