/* SPDX-License-Identifier: MIT
 *
 * A session; see session.h. */
#include "server/session.h"
#include "base/fail.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "host/host.h"
#include "server/foreign.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  BURST = 64,       /* lines of one burst: others wait less than a millisecond for them */
  LINGER_MS = 1000, /* how long a session goes on whose client or server has left */
};

static void advance(tp_session *session, lua_State *L);
static void set_wait(tp_session *session, tp_session_wait wait);

static lua_State *main_state(const tp_session *session) {
  return session->clients->host->L;
}

/* The only place where the state changes: keeps the number of open sessions. */
static void set_state(tp_session *session, tp_session_state state) {
  if (session->state == TP_SESSION_OPEN)
    session->clients->open--;
  session->state = state;
}

static void warn(const tp_session *session, const char *what) {
  tp_warning_write(&session->clients->warnings, what);
}

/* ---- the end ---- */

static void free_if_over(tp_session *session) {
  if (session->state != TP_SESSION_CLOSED || session->handles > 0 || session->burst)
    return;
  tp_clients *clients = session->clients;
  tp_target_close(&session->target, main_state(session));
  tp_output_close(&session->output);
  tp_input_close(&session->input);
  LIST_REMOVE(session, link);
  clients->count--;
  free(session);
  clients->left(clients->context);
}

static void on_handle_closed(uv_handle_t *handle) {
  tp_session *session = handle->data;
  session->handles--;
  free_if_over(session);
}

/* The burst ends soon after. */
static void cancel_burst(tp_session *session, const char *why) {
  tp_exec *exec = session->clients->host->exec;
  tp_cancel *reason =
      tp_exec_cancel_new_reason(exec, TP_CANCELLED, "control session", why, TP_GRACE_DEFAULT);
  tp_exec_cancel(exec, session->burst, reason);
  tp_cancel_release(reason);
}

/* Ends what the session streams, if it does. */
static void end_stream(tp_session *session) {
  if (!session->stream)
    return;
  session->interrupted = true;
  tp_rows_wake(session->stream);
}

/* Ends the command that runs, unless it cancels the tasks that it lists: that is done to its end.
 */
static void interrupt(tp_session *session) {
  if (session->listing && session->method->role == TP_ROLE_OPERATE)
    return;
  session->interrupted = true;
  if (session->stream)
    tp_rows_wake(session->stream);
  else
    cancel_burst(session, "interrupted by the client");
}

void tp_session_close(tp_session *session) {
  if (session->state == TP_SESSION_CLOSED)
    return;
  set_state(session, TP_SESSION_CLOSED);
  if (session->burst)
    cancel_burst(session, "the client has left");
  uv_close(&session->client.handle, on_handle_closed);
  uv_close((uv_handle_t *)&session->deadline, on_handle_closed);
  uv_close((uv_handle_t *)&session->flusher, on_handle_closed);
}

void tp_session_leave(tp_session *session) {
  if (session->state == TP_SESSION_OPEN)
    set_state(session, TP_SESSION_LEAVING);
}

void tp_session_end(tp_session *session) {
  bool pending = session->burst || tp_output_pending(&session->output) > 0;
  if (session->state == TP_SESSION_CLOSED)
    return;
  if (!pending) {
    tp_session_close(session);
    return;
  }
  tp_session_leave(session);
  end_stream(session);
  set_wait(session, TP_SESSION_NOTHING);
  set_wait(session, TP_SESSION_LINGER);
}

static void on_shutdown(uv_shutdown_t *request, int status) {
  tp_session *session = request->data;
  session->shut_down = true;
  if (session->ended || status < 0)
    tp_session_close(session);
}

/* Shuts our side down once all answers are sent; closes when the client has shut down its own. */
static void shut_down(tp_session *session) {
  if (session->shutting || tp_output_pending(&session->output) > 0)
    return;
  session->shutting = true;
  session->shutdown.data = session;
  if (uv_shutdown(&session->shutdown, &session->client.stream, on_shutdown) != 0)
    tp_session_close(session);
}

void tp_session_refuse(tp_session *session, const tp_error *error) {
  tp_answer_failure(&session->output, session->mode, error);
  tp_session_drop(session, error->message);
}

void tp_session_drop(tp_session *session, const char *what) {
  warn(session, what);
  tp_session_leave(session);
}

bool tp_session_is_idle(const tp_session *session) {
  return session->state == TP_SESSION_OPEN && !session->burst;
}

/* A client that does not read its answers cannot be told. */
void tp_session_evict(tp_session *session) {
  static const tp_error evicted = {
      .code = TP_NOT_AVAILABLE,
      .message = "the server is full and another client needs this place; connect again"};
  if (tp_output_pending(&session->output) > 0) {
    warn(session, evicted.message);
    tp_session_close(session);
    return;
  }
  tp_session_refuse(session, &evicted);
  advance(session, main_state(session));
}

/* ---- deadlines ---- */

/* How long a session waits for `wait` at most, in milliseconds. */
static uint64_t time_limit(const tp_session *session, tp_session_wait wait) {
  const tp_client_limits *limits = &session->clients->limits;
  switch (wait) {
  case TP_SESSION_LINE:
  case TP_SESSION_TOKEN:
    return limits->line_ms;
  case TP_SESSION_COMMAND:
    return limits->idle_ms;
  case TP_SESSION_READER:
    return limits->unread_ms;
  default:
    return LINGER_MS;
  }
}

/* What the client should have sent has not come in time. */
static void refuse_late(tp_session *session, tp_session_wait wait) {
  tp_error late;
  const char *text = wait == TP_SESSION_LINE ? "a line must end within %g seconds of its first byte"
                     : wait == TP_SESSION_TOKEN ? "a token must come within %g seconds"
                                                : "no command has come for %g seconds";
  tp_fail(&late, TP_TIMED_OUT, text, (double)time_limit(session, wait) / 1000);
  tp_session_refuse(session, &late);
  advance(session, main_state(session));
}

static void on_deadline(uv_timer_t *timer) {
  tp_session *session = timer->data;
  tp_session_wait wait = session->wait;
  session->wait = TP_SESSION_NOTHING;
  if (wait == TP_SESSION_LINE || wait == TP_SESSION_TOKEN || wait == TP_SESSION_COMMAND) {
    refuse_late(session, wait);
    return;
  }
  if (wait == TP_SESSION_LINGER && session->listing && !session->clients->closing) {
    set_wait(session, wait); /* it ends by itself */
    return;
  }
  if (wait == TP_SESSION_READER)
    warn(session, "dropped, it does not read its answers");
  tp_session_close(session);
}

/* A deadline runs on while the wait stays the same. */
static void set_wait(tp_session *session, tp_session_wait wait) {
  if (wait == session->wait)
    return;
  session->wait = wait;
  if (wait == TP_SESSION_NOTHING)
    uv_timer_stop(&session->deadline);
  else
    uv_timer_start(&session->deadline, on_deadline, time_limit(session, wait), 0);
}

/* A stream does not end because its client does not read: it waits, and says later what it has
 * left out. */
static tp_session_wait next_wait(const tp_session *session) {
  if (tp_output_is_sending(&session->output) && !session->stream)
    return TP_SESSION_READER;
  if (session->state == TP_SESSION_LEAVING || session->ended)
    return TP_SESSION_LINGER;
  if (session->burst)
    return TP_SESSION_NOTHING;
  if (tp_input_has_part(&session->input))
    return TP_SESSION_LINE;
  if (session->role == TP_ROLE_NONE)
    return TP_SESSION_TOKEN;
  return session->clients->limits.idle_ms > 0 ? TP_SESSION_COMMAND : TP_SESSION_NOTHING;
}

/* ---- answers ---- */

static void send_answers(tp_session *session) {
  int status = tp_output_flush(&session->output);
  if (status == UV_ENOBUFS || status == UV_ENOMEM) {
    warn(session, "dropped, there is no room for its answers");
    tp_session_close(session);
  } else if (status < 0) { /* it is gone: what it sent is run, without answers */
    tp_output_mute(&session->output);
    session->ended = true;
  }
}

static void on_written(tp_output *output, int status) {
  tp_session *session = output->stream->data;
  if (session->state == TP_SESSION_CLOSED)
    return;
  if (status < 0) {
    tp_output_mute(output);
    session->ended = true;
  }
  set_wait(session, TP_SESSION_NOTHING); /* the client reads: its time starts again */
  send_answers(session);
  advance(session, main_state(session));
}

/* A burst has not ended since its last answer: its command waits, or there are many. */
static void on_flush(uv_timer_t *timer) {
  tp_session *session = timer->data;
  send_answers(session);
  advance(session, main_state(session));
}

void tp_session_flush(tp_session *session) {
  if (!uv_is_active((uv_handle_t *)&session->flusher))
    uv_timer_start(&session->flusher, on_flush, 0, 0);
}

/* ---- bursts ---- */

/* Takes the next line that is not empty; false when the burst is over. */
static bool next_line(tp_session *session) {
  while (session->state == TP_SESSION_OPEN && session->budget > 0 &&
         tp_output_pending(&session->output) < TP_OUTPUT_HIGH &&
         tp_input_take_line(&session->input, &session->line)) {
    session->budget--;
    session->busy = session->line.length > 0;
    if (session->busy)
      return true;
  }
  return false;
}

/* The line has been answered: the session ends if it was the first, and a bad one. */
static void end_line(tp_session *session) {
  if (session->stream)
    tp_rows_close(session->stream);
  session->stream = NULL;
  session->blocked = false;
  session->busy = session->listing = false;
  if (session->greeted && !session->accepted)
    tp_session_leave(session);
}

/* Runs line after line, each in a protected call; after one that waits, this is the continuation.
 */
static int run_lines(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  for (;;) {
    if (status != LUA_OK && status != LUA_YIELD && session->busy)
      tp_answer_error(&session->output, session->mode, L, -1);
    end_line(session);
    lua_settop(L, 0);
    if (session->interrupted || !next_line(session))
      return 0;
    if (session->output.waiting.length > 0 || tp_input_has_line(&session->input))
      tp_session_flush(session); /* and looks whether the line is interrupted */
    lua_pushcfunction(L, session->clients->run);
    lua_pushlightuserdata(L, session);
    status = lua_pcallk(L, 1, 0, 0, context, run_lines);
  }
}

/* Lua: the body of a burst. */
static int l_burst(lua_State *L) {
  return run_lines(L, LUA_OK, (lua_KContext)lua_touserdata(L, 1));
}

static void on_burst_done(void *context, lua_State *L, bool ok, int count) {
  static const tp_error ended = {.code = TP_CANCELLED,
                                 .message = "the command was ended before it had an answer"};
  tp_session *session = context;
  (void)count;
  session->burst = NULL;
  session->interrupted = false;
  if (!ok && session->busy)
    tp_answer_failure(&session->output, session->mode, &ended);
  end_line(session);
  session->used = ++session->clients->clock;
  if (session->state != TP_SESSION_CLOSED)
    set_wait(session, TP_SESSION_NOTHING);
  advance(session, L);
}

/* Lua: queues a burst; may raise for lack of memory. */
static int l_start_burst(lua_State *L) {
  tp_session *session = lua_touserdata(L, 1);
  session->budget = BURST;
  lua_pushcfunction(L, l_burst);
  lua_pushlightuserdata(L, session);
  session->burst = tp_exec_start_urgent(session->clients->host->exec, L, 1, "control command",
                                        on_burst_done, session);
  return 0;
}

static void start_burst(tp_session *session, lua_State *L) {
  static const tp_error no_memory = {.code = TP_NO_MEMORY, .message = "no memory to run commands"};
  if (lua_checkstack(L, 4)) {
    lua_pushcfunction(L, l_start_burst);
    lua_pushlightuserdata(L, session);
    if (lua_pcall(L, 1, 0, 0) == LUA_OK)
      return;
    lua_pop(L, 1);
  }
  tp_session_refuse(session, &no_memory);
}

/* ---- reading ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  const tp_session *session = handle->data;
  (void)suggested;
  tp_input_space(&session->input, &buffer->base, &buffer->len);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer) {
  tp_session *session = stream->data;
  (void)buffer; /* a part of the input */
  if (count == 0)
    return;
  if (count < 0) {
    session->ended = true;
    if (count == UV_EOF)
      tp_input_finish(&session->input);
    else
      tp_output_mute(&session->output);
    if (session->shut_down) {
      tp_session_close(session);
      return;
    }
  } else if (session->state == TP_SESSION_OPEN) {
    tp_input_add(&session->input, (size_t)count);
    if (!session->greeted && tp_foreign_is_tls(session->input.bytes[0]))
      tp_session_drop(session, "a TLS greeting ends the session: the port is not encrypted");
  }
  advance(session, main_state(session));
}

/* Reads while there is room, also while a command waits: only so is it seen that the client leaves.
 */
static void set_reading(tp_session *session) {
  bool open = session->state == TP_SESSION_OPEN || !session->burst;
  bool want = open && !session->ended && !tp_input_is_full(&session->input);
  if (want == session->reading)
    return;
  session->reading = want;
  if (want)
    uv_read_start(&session->client.stream, on_alloc, on_read);
  else
    uv_read_stop(&session->client.stream);
}

/* ---- what comes next ---- */

/* A line is longer than it may be. */
static void refuse_long(tp_session *session) {
  tp_error error;
  tp_fail(&error, TP_INVALID_ARGUMENT, "a line has at most %zu bytes%s",
          session->input.capacity - 1,
          session->role == TP_ROLE_NONE ? " before a token has come" : "");
  tp_session_refuse(session, &error);
}

/* No burst runs: starts one, or ends the session if there is nothing to wait for. */
static void go_on(tp_session *session, lua_State *L) {
  if (session->state == TP_SESSION_OPEN) {
    tp_input_compact(&session->input);
    if (tp_output_pending(&session->output) >= TP_OUTPUT_HIGH)
      return; /* until it has read some */
    if (tp_input_has_line(&session->input))
      start_burst(session, L);
    else if (session->ended)
      tp_session_leave(session);
    else if (tp_input_is_full(&session->input))
      refuse_long(session);
  }
  if (session->state != TP_SESSION_LEAVING)
    return;
  tp_input_clear(&session->input);
  send_answers(session);
  if (session->state != TP_SESSION_LEAVING)
    return;
  if (session->clients->closing && tp_output_pending(&session->output) == 0)
    tp_session_close(session);
  else
    shut_down(session);
}

/* A command runs: ends it if its client asks for that, and a stream that nobody is there to read;
 * one goes on when its client has read. */
static void watch_command(tp_session *session) {
  if (session->output.muted)
    end_stream(session);
  else if (session->busy && !session->interrupted && !session->delayed &&
           tp_input_find(&session->input, "interrupt"))
    interrupt(session);
  else if (session->blocked && tp_output_pending(&session->output) < TP_OUTPUT_HIGH)
    tp_rows_wake(session->stream);
}

/* Must be called after everything that happens to a session. */
static void advance(tp_session *session, lua_State *L) {
  if (session->burst && session->state == TP_SESSION_OPEN)
    watch_command(session);
  if (!session->burst && session->state != TP_SESSION_CLOSED) {
    uv_timer_stop(&session->flusher);
    send_answers(session);
    if (session->state != TP_SESSION_CLOSED)
      go_on(session, L);
  }
  if (session->state == TP_SESSION_CLOSED) {
    free_if_over(session);
    return;
  }
  set_reading(session);
  set_wait(session, next_wait(session));
}

/* ---- the start ---- */

/* Gives the descriptor to libuv. False: it could not take it. */
static bool open_stream(tp_session *session, int fd) {
  uv_loop_t *loop = session->clients->host->loop;
  if (session->clients->local) {
    uv_pipe_init(loop, &session->client.pipe, 0);
    return uv_pipe_open(&session->client.pipe, fd) == 0;
  }
  uv_tcp_init(loop, &session->client.tcp);
  if (uv_tcp_open(&session->client.tcp, fd) != 0)
    return false;
  uv_tcp_nodelay(&session->client.tcp, 1);
  return true;
}

static bool open_handles(tp_session *session, int fd) {
  uv_loop_t *loop = session->clients->host->loop;
  bool opened = open_stream(session, fd);
  uv_timer_init(loop, &session->deadline);
  uv_timer_init(loop, &session->flusher);
  session->client.handle.data = session->deadline.data = session->flusher.data = session;
  session->handles = 3;
  tp_output_open(&session->output, &session->client.stream, session->clients->limits.unread,
                 on_written);
  return opened;
}

bool tp_session_start(tp_clients *clients, int fd, const tp_error *refusal) {
  tp_session *session = calloc(1, sizeof *session);
  if (!session || !tp_input_open(&session->input, clients->limits.line)) {
    free(session);
    close(fd);
    return false;
  }
  session->clients = clients;
  session->role = tp_access_start(clients->access);
  if (session->role == TP_ROLE_NONE)
    tp_input_set_limit(&session->input, TP_INPUT_LINE_FIRST);
  tp_target_open(&session->target, &clients->served);
  session->used = ++clients->clock;
  LIST_INSERT_HEAD(&clients->list, session, link);
  clients->count++;
  clients->open++;
  if (!open_handles(session, fd)) {
    close(fd);
    tp_session_close(session);
    return false;
  }
  if (refusal)
    tp_session_refuse(session, refusal);
  advance(session, main_state(session));
  return true;
}
