/* SPDX-License-Identifier: MIT
 *
 * Tokens that a session shows; see auth.h. */
#include "server/auth.h"
#include "command/spelling.h"
#include "exec/wait.h"
#include "value/raise.h"

/* How long the answer to a wrong token takes, and how many of them a session may show. */
#define DELAY_SECONDS 1.0
enum { WRONG_MAX = 3 };

bool tp_auth_take(tp_session *session, const char *token, size_t length) {
  tp_role role = tp_access_find(session->clients->access, token, length);
  if (role == TP_ROLE_NONE)
    return false;
  session->role = role;
  tp_input_set_limit(&session->input, session->clients->limits.line);
  return true;
}

static int after_delay(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  (void)status;
  session->delayed = false;
  tp_wait_values(session->clients->host->exec, L, 0);
  if (session->wrong >= WRONG_MAX)
    tp_session_leave(session);
  return tp_raise(L, TP_DENIED, "the token is wrong");
}

int tp_auth_refuse(lua_State *L, tp_session *session) {
  session->wrong++;
  session->delayed = true;
  tp_warning_write(&session->clients->warnings, "a wrong token");
  return tp_wait_pause(session->clients->host->exec, L, DELAY_SECONDS, after_delay,
                       (lua_KContext)session);
}

void tp_auth_check(lua_State *L, const tp_session *session, tp_role needed, const char *command) {
  char name[TP_SPELLING_SIZE];
  if (session->role >= needed)
    return;
  if (session->role == TP_ROLE_NONE)
    tp_raise(L, TP_DENIED, "this server needs a token first: auth TOKEN");
  tp_raise(L, TP_DENIED, "%s needs the role operate, and this session may only read",
           tp_spelling_command(command, name));
}
