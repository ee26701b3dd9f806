/* SPDX-License-Identifier: MIT
 *
 * What a line of a client is; see protocol.h. */
#include "server/protocol.h"
#include "server/command.h"
#include "server/foreign.h"
#include "server/handshake.h"
#include "server/request.h"
#include "server/session.h"
#include "value/raise.h"

/* Ends a session with a line of HTTP. Before the first good line nothing is answered: a page of a
 * browser may read it. */
static void refuse_http(tp_session *session) {
  static const tp_error http = {
      .code = TP_DENIED, .message = "a line of HTTP ends the session: this is a control port"};
  if (session->accepted || !tp_foreign_is_request(session->line))
    tp_session_refuse(session, &http);
  else
    tp_session_drop(session, http.message);
}

int l_protocol_run(lua_State *L) {
  tp_session *session = lua_touserdata(L, 1);
  bool first = !session->greeted;
  tp_error error;
  lua_settop(L, 0);
  session->greeted = true;
  if (tp_foreign_is_request(session->line) || tp_foreign_is_header(session->line)) {
    refuse_http(session);
    return 0;
  }
  if (first && tp_handshake_is(session))
    return tp_handshake_run(L, session);
  if (!tp_request_read(session, &error))
    tp_raise_error(L, &error);
  return tp_command_run(L, session);
}
