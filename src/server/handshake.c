/* SPDX-License-Identifier: MIT
 *
 * The first line of a session; see handshake.h. */
#include "server/handshake.h"
#include "base/fail.h"
#include "server/auth.h"
#include "value/raise.h"
#include <jansson.h>
#include <string.h>

static bool read_width(const json_t *hello, tp_session *session, tp_error *error) {
  const json_t *width = json_object_get(hello, "terminal_width");
  if (width && !json_is_integer(width) && !json_is_null(width))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "terminal_width in the first line is not an integer");
  json_int_t columns = json_integer_value(width);
  session->width = columns > 0 && columns < 10000 ? (int)columns : 0;
  return true;
}

static bool read_reply(const json_t *hello, tp_session *session, tp_error *error) {
  const json_t *reply = json_object_get(hello, "reply");
  if (!reply)
    return true;
  if (!json_is_string(reply) || strcmp(json_string_value(reply), "json") != 0)
    return tp_fail(error, TP_INVALID_ARGUMENT, "reply in the first line must be \"json\"");
  session->mode = TP_ANSWER_JSON;
  return true;
}

/* Takes the token, if there is one. */
static bool read_token(const json_t *hello, tp_session *session, bool *is_wrong, tp_error *error) {
  const json_t *token = json_object_get(hello, "token");
  if (token && !json_is_string(token) && !json_is_null(token))
    return tp_fail(error, TP_INVALID_ARGUMENT, "token in the first line is not a string");
  *is_wrong = json_is_string(token) &&
              !tp_auth_take(session, json_string_value(token), json_string_length(token));
  return true;
}

/* Reads the options of the client from its first line. */
static bool read_hello(tp_session *session, bool *is_wrong, tp_error *error) {
  json_error_t where;
  json_t *hello = json_loadb(session->line.bytes, session->line.length, 0, &where);
  if (!hello)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the first line is not a JSON object: %s at column %d", where.text,
                   where.column);
  bool understood = read_reply(hello, session, error) && read_width(hello, session, error) &&
                    read_token(hello, session, is_wrong, error);
  json_decref(hello);
  return understood;
}

bool tp_handshake_is(const tp_session *session) {
  return session->line.bytes[0] == '{';
}

int tp_handshake_run(lua_State *L, tp_session *session) {
  tp_error error;
  bool is_wrong = false;
  if (!read_hello(session, &is_wrong, &error))
    return tp_raise_error(L, &error);
  if (is_wrong)
    return tp_auth_refuse(L, session);
  session->accepted = true;
  bool may_look = session->role != TP_ROLE_NONE;
  tp_answer_greeting(&session->output, session->mode, L,
                     may_look ? tp_target_label(&session->target, L) : "a token is needed",
                     tp_access_role_name(session->role));
  return 0;
}
