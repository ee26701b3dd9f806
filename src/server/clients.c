/* SPDX-License-Identifier: MIT
 *
 * The clients of a server; see clients.h. */
#include "server/clients.h"
#include "base/fail.h"
#include "server/session.h"
#include <inttypes.h>
#include <unistd.h>

/* How many clients are told at a time that they must go; more are closed without a word. */
enum { REFUSED_MAX = 32 };

static uint64_t to_ms(double seconds, double fallback) {
  return (uint64_t)(1000 * (seconds > 0 ? seconds : fallback));
}

tp_client_limits tp_clients_limits(const tp_serve_options *options) {
  return (tp_client_limits){
      .clients = options->max_clients > 0 ? options->max_clients : 128,
      .line = options->max_line > 0 ? options->max_line : TP_INPUT_LINE_MAX,
      .unread = options->max_unread > 0 ? options->max_unread : TP_OUTPUT_MAX,
      .line_ms = to_ms(options->line_timeout, 10),
      .unread_ms = to_ms(options->unread_timeout, 30),
      .idle_ms = to_ms(options->idle_timeout, 0),
  };
}

/* Whether `session` should make room rather than `other`. */
static bool goes_first(const tp_session *session, const tp_session *other) {
  bool is_stranger = session->role == TP_ROLE_NONE;
  if (is_stranger != (other->role == TP_ROLE_NONE))
    return is_stranger;
  return session->used < other->used;
}

/* Makes a place for a new client: takes that of the longest idle one if all are taken. */
static bool make_room(tp_clients *clients, tp_error *refusal) {
  tp_session *session, *longest = NULL;
  if (clients->open < clients->limits.clients)
    return true;
  LIST_FOREACH (session, &clients->list, link) {
    if (tp_session_is_idle(session) && (!longest || goes_first(session, longest)))
      longest = session;
  }
  if (!longest)
    return tp_fail(refusal, TP_NOT_AVAILABLE,
                   "all %" PRIu64 " clients of this server have commands running; try again later",
                   clients->limits.clients);
  tp_session_evict(longest);
  return true;
}

void tp_clients_add(tp_clients *clients, int fd, const tp_error *refusal) {
  tp_error full;
  if (clients->count >= clients->limits.clients + REFUSED_MAX) {
    close(fd);
    tp_warning_write(&clients->warnings, "closed without an answer, too many are being sent away");
    return;
  }
  if (!refusal && !make_room(clients, &full))
    refusal = &full;
  if (!tp_session_start(clients, fd, refusal))
    tp_log_write(&clients->host->log, TP_LOG_ERROR, "control server: no memory for a client");
}

void tp_clients_close(tp_clients *clients) {
  tp_session *session;
  LIST_FOREACH (session, &clients->list, link)
    tp_session_close(session);
}

void tp_clients_end(tp_clients *clients) {
  tp_session *session;
  LIST_FOREACH (session, &clients->list, link)
    tp_session_end(session);
}
