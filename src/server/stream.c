/* SPDX-License-Identifier: MIT
 *
 * Commands whose answer is a stream; see stream.h.
 *
 * The session's coroutine takes rows and sends them as lines. It parks where there is no row yet,
 * and where the client has not read what was sent: what comes meanwhile waits in the stream, which
 * bounds it. */
#include "server/stream.h"
#include "exec/exec.h"
#include "exec/wait.h"
#include <lauxlib.h>

/* The stack. */
enum { ROWS = 1, COUNT, TOP = COUNT };

/* Takes a step; sends the row that it has brought, and counts it. */
static tp_rows_step take(tp_session *session, lua_State *L) {
  session->blocked = tp_output_pending(&session->output) >= TP_OUTPUT_HIGH;
  if (session->blocked)
    return TP_ROWS_WAITING;
  tp_rows_step step = tp_rows_next(session->stream, L);
  if (step != TP_ROWS_FOUND)
    return step;
  tp_answer_item(&session->output, session->mode, L, session->method->fields);
  lua_pushinteger(L, lua_tointeger(L, COUNT) + 1);
  lua_replace(L, COUNT);
  lua_settop(L, TOP);
  return step;
}

static int finish(lua_State *L, tp_session *session) {
  tp_answer_end_stream(&session->output, session->mode, (uint64_t)lua_tointeger(L, COUNT));
  session->busy = false;
  return 0;
}

static int go_on(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  tp_exec *exec = session->clients->host->exec;
  if (status == LUA_YIELD)
    tp_wait_values(exec, L, TOP);
  lua_settop(L, TOP);
  tp_rows_step step = TP_ROWS_NONE;
  while (!session->interrupted && step != TP_ROWS_END) {
    step = take(session, L);
    bool gives_way = tp_wait_must_give_way(exec, L);
    if (step == TP_ROWS_WAITING || gives_way)
      tp_session_flush(session);
    if (step == TP_ROWS_WAITING)
      return tp_rows_park(session->stream, L, go_on, context);
    if (gives_way)
      return tp_wait_give_way(exec, L, go_on, context);
  }
  return finish(L, session);
}

int tp_stream_run(lua_State *L, tp_session *session) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_settop(L, ROWS);
  lua_pushinteger(L, 0);
  session->stream = tp_rows_at(L, ROWS);
  session->stream->form = session->mode == TP_ANSWER_TEXT ? TP_ROWS_TEXT : TP_ROWS_JSON;
  return go_on(L, LUA_OK, (lua_KContext)session);
}
