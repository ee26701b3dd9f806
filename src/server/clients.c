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

static const tp_client_limits defaults = {.clients = 128, .line_ms = 10000, .unread_ms = 30000};

tp_client_limits tp_clients_complete(tp_client_limits limits) {
  limits.clients = limits.clients > 0 ? limits.clients : defaults.clients;
  limits.line_ms = limits.line_ms > 0 ? limits.line_ms : defaults.line_ms;
  limits.unread_ms = limits.unread_ms > 0 ? limits.unread_ms : defaults.unread_ms;
  return limits;
}

/* Makes a place for a new client: takes that of the longest idle one if all are taken. */
static bool make_room(tp_clients *clients, tp_error *refusal) {
  tp_session *session, *longest = NULL;
  if (clients->open < clients->limits.clients)
    return true;
  LIST_FOREACH (session, &clients->list, link) {
    if (tp_session_is_idle(session) && (!longest || session->used < longest->used))
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
