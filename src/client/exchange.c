/* SPDX-License-Identifier: MIT
 *
 * A conversation with a control server; see exchange.h.
 *
 * How it works: while a command waits, one loop serves the connection, ^C and the clock. ^C sends
 * the line `interrupt`, which ends the command and has an answer of its own, so that answer is
 * waited for too. A second ^C ends the program. Servers that do not know the line leave ^C its
 * usual effect.
 *
 * To give one more code an exit code of its own: a row in `result_of`. */
#include "client/exchange.h"
#include "base/fail.h"
#include "client/progress.h"
#include "client/sigint.h"
#include "client/style.h"
#include <stdlib.h>
#include <string.h>

enum {
  NOTICE_MS = 3 * 1000, /* after so long a wait a person is told how to end it */
  LOOK_MS = 200,        /* so often clock and progress are looked at */
};

#define INTERRUPT "interrupt"
#define USE TP_LINK_USE " "
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- results ---- */

/* The results are numbered by severity: the worst is kept. At a prompt a person has seen the
 * answers, and mistakes do not count. */
static void worsen(tp_exchange *exchange, tp_client_result result) {
  if (!exchange->show.interactive && result > exchange->result)
    exchange->result = result;
}

/* The results of failures of the client itself; all others are TP_CLIENT_NO_CONNECTION. */
static const struct {
  tp_code code;
  tp_client_result result;
} result_of[] = {
    {.code = TP_INVALID_ARGUMENT, .result = TP_CLIENT_USAGE},
    {.code = TP_DENIED, .result = TP_CLIENT_DENIED},
};

bool tp_exchange_fail(tp_exchange *exchange, const tp_error *error) {
  tp_client_result result = TP_CLIENT_NO_CONNECTION;
  for (size_t i = 0; i < COUNT(result_of); i++)
    if (result_of[i].code == error->code)
      result = result_of[i].result;
  if (exchange->link.protocol > 0 && exchange->link.connection.lost)
    result = TP_CLIENT_LOST;
  tp_show_error(&exchange->show, error);
  bool is_typo = exchange->show.interactive && result == TP_CLIENT_USAGE;
  if (!is_typo && result > exchange->result)
    exchange->result = result;
  return false;
}

static void disconnect(tp_exchange *exchange) {
  tp_side_close(&exchange->side);
  tp_link_close(&exchange->link);
  exchange->is_open = false;
}

/* The connection cannot be used any more. */
static tp_exchange_outcome lose(tp_exchange *exchange, const tp_error *error) {
  tp_exchange_fail(exchange, error);
  disconnect(exchange);
  return TP_EXCHANGE_LOST;
}

/* ---- the connection ---- */

/* A pool with a name is called by that; one with a number by its whole label. */
static const char *shorten(const char *label) {
  static const char kind[] = "TaskPool-";
  const char *dash = strstr(label, kind);
  const char *name = dash ? dash + sizeof kind - 1 : label;
  return name[strspn(name, "0123456789")] ? name : label;
}

const char *tp_exchange_pool(const tp_exchange *exchange) {
  if (!exchange->is_open)
    return NULL;
  return shorten(exchange->pool ? exchange->pool : exchange->link.pool);
}

void tp_exchange_prepare(tp_exchange *exchange, const tp_client_options *options) {
  *exchange = (tp_exchange){.options = options, .link.connection.fd = -1};
  tp_show_open(&exchange->show, options);
}

bool tp_exchange_connect(tp_exchange *exchange) {
  tp_error error;
  const tp_client_options *options = exchange->options;
  int width = tp_style_width(exchange->show.out);
  if (!tp_link_open(&exchange->link, options, width, &error))
    return tp_exchange_fail(exchange, &error);
  if (exchange->link.protocol == TP_LINK_PLAIN && exchange->show.json) {
    tp_fail(&error, TP_NOT_AVAILABLE, "the server at %s has no JSON answers", options->address);
    return tp_exchange_fail(exchange, &error);
  }
  return exchange->is_open = true;
}

/* Whether the server has closed the connection since the last answer. */
static bool is_gone(tp_exchange *exchange) {
  tp_error silent;
  tp_span line;
  tp_connection_step step = tp_connection_try_line(&exchange->link.connection, &line, &silent);
  return step == TP_CONNECTION_FAILED;
}

/* The pool of the last `use` is used again. */
static bool use_again(tp_exchange *exchange) {
  tp_error error;
  if (!exchange->pool)
    return true;
  json_t *answer = tp_link_use(&exchange->link, exchange->pool, &error);
  bool used = answer && !tp_link_is_failure(answer);
  if (answer && !used)
    tp_fail(&error, TP_NOT_FOUND, "the host has no pool %s any more", exchange->pool);
  if (!used)
    tp_exchange_fail(exchange, &error);
  json_decref(answer);
  free(used ? NULL : exchange->pool);
  exchange->pool = used ? exchange->pool : NULL;
  return used;
}

bool tp_exchange_revive(tp_exchange *exchange) {
  char line[512];
  if (exchange->is_open && exchange->link.protocol != TP_LINK_PLAIN && is_gone(exchange))
    disconnect(exchange);
  if (exchange->is_open)
    return true;
  if (!tp_exchange_connect(exchange))
    return false;
  exchange->result = TP_CLIENT_DONE;
  snprintf(line, sizeof line, "Connected again to %s", exchange->link.pool);
  tp_show_notice(&exchange->show, line);
  return use_again(exchange);
}

json_t *tp_exchange_ask_aside(tp_exchange *exchange, const char *const *words) {
  if (!exchange->is_open || exchange->link.protocol < TP_LINK_WORDS)
    return NULL;
  return tp_side_ask(&exchange->side, exchange->options, exchange->pool, words);
}

void tp_exchange_close(tp_exchange *exchange) {
  tp_side_close(&exchange->side);
  tp_link_close(&exchange->link);
  free(exchange->pool);
  free(exchange->value);
  exchange->pool = exchange->value = NULL;
}

/* ---- plain answers ---- */

static tp_exchange_outcome take_plain(tp_exchange *exchange) {
  tp_error error;
  tp_span text;
  if (exchange->show.interactive && !tp_connection_wait(&exchange->link.connection, NOTICE_MS))
    tp_show_notice(&exchange->show, "(waiting for the answer; ^C leaves without it)");
  if (!tp_connection_read_burst(&exchange->link.connection, &text, &error))
    return lose(exchange, &error);
  tp_show_plain(&exchange->show, text);
  return TP_EXCHANGE_OK;
}

/* ---- framed answers ---- */

/* A command that waits for its answer. */
typedef struct wait {
  const tp_show_command *command; /* the command */
  tp_sigint sigint;               /* tells of ^C */
  int answers;                    /* how many are still to come: also that of `interrupt` */
  bool answered;                  /* that of the command has come */
  uint64_t began;                 /* when it was sent */
  bool noticed;                   /* a person was told how to end it */
  tp_progress progress;           /* of the tasks that it waits for */
  tp_exchange_outcome outcome;    /* what came of the command */
} wait;

static bool is_denied(const json_t *answer) {
  return strcmp(tp_link_text(answer, "code", ""), tp_code_name(TP_DENIED)) == 0;
}

/* Keeps the value of an answer if it is a text. */
static void keep_value(tp_exchange *exchange, const json_t *answer) {
  const char *value = json_string_value(json_object_get(answer, "value"));
  free(exchange->value);
  exchange->value = value ? strdup(value) : NULL;
}

static void take_answer(tp_exchange *exchange, wait *of, const json_t *answer, tp_span raw) {
  if (of->answered) { /* that of `interrupt` */
    of->answers--;
    return;
  }
  of->answered = !json_is_true(json_object_get(answer, "more"));
  of->answers -= of->answered;
  tp_show_answer(&exchange->show, answer, raw, of->command);
  keep_value(exchange, answer);
  if (!tp_link_is_failure(answer))
    return;
  of->outcome = TP_EXCHANGE_FAILED;
  worsen(exchange, is_denied(answer) ? TP_CLIENT_DENIED : TP_CLIENT_FAILED);
}

/* Takes a line of the server. False: the connection cannot be used any more. */
static bool take_line(tp_exchange *exchange, wait *of, tp_span line, tp_error *error) {
  json_t *object = tp_link_read(&exchange->link, line, error);
  if (!object)
    return false;
  tp_progress_erase(&of->progress);
  if (json_object_get(object, "event"))
    tp_show_event(&exchange->show, object, line);
  else
    take_answer(exchange, of, object, line);
  json_decref(object);
  return true;
}

/* ^C was pressed. From now on it has its usual effect. */
static bool interrupt(tp_exchange *exchange, wait *of, tp_error *error) {
  tp_sigint_close(&of->sigint);
  of->answers++;
  return tp_link_send(&exchange->link, INTERRUPT, sizeof INTERRUPT - 1, error);
}

/* Tells a person how to end a long wait. */
static void notice(const tp_exchange *exchange, wait *of) {
  bool ends = of->sigint.fd >= 0;
  if (of->noticed || tp_connection_now() - of->began < NOTICE_MS * UINT64_C(1000000))
    return;
  of->noticed = true;
  tp_show_notice(&exchange->show, ends ? "(waiting for the answer; ^C ends the command)"
                                       : "(waiting for the answer; ^C leaves without it)");
}

/* Nothing has come for a while. */
static void pass_time(tp_exchange *exchange, wait *of) {
  static const char *const groups[] = {"groups", NULL};
  if (!of->progress.to) {
    notice(exchange, of);
    return;
  }
  json_t *rows = tp_exchange_ask_aside(exchange, groups);
  tp_progress_draw(&of->progress, rows);
  json_decref(rows);
}

/* Waits until there may be something to read. False: the connection cannot be used any more. */
static bool wait_more(tp_exchange *exchange, wait *of, tp_error *error) {
  const tp_connection *connection = &exchange->link.connection;
  switch (tp_sigint_wait(&of->sigint, connection->fd, LOOK_MS)) {
  case TP_SIGINT_SIGNAL:
    return interrupt(exchange, of, error);
  case TP_SIGINT_TIME:
    pass_time(exchange, of);
    return !tp_connection_is_late(connection, error);
  case TP_SIGINT_READY:
    break;
  }
  return true;
}

/* Takes lines until all answers are there. False: the connection cannot be used any more. */
static bool take_lines(tp_exchange *exchange, wait *of, tp_error *error) {
  while (of->answers > 0 && tp_show_is_read(&exchange->show)) {
    tp_span line;
    bool goes_on = false;
    switch (tp_connection_try_line(&exchange->link.connection, &line, error)) {
    case TP_CONNECTION_LINE:
      goes_on = take_line(exchange, of, line, error);
      break;
    case TP_CONNECTION_NOTHING:
      goes_on = wait_more(exchange, of, error);
      break;
    case TP_CONNECTION_FAILED:
      break;
    }
    if (!goes_on)
      return false;
  }
  return true;
}

/* Whether the progress of a command can be shown. */
static bool can_progress(const tp_exchange *exchange, const tp_show_command *command) {
  const tp_show *show = &exchange->show;
  return !show->json && !show->quiet && tp_style_is_terminal(show->err) &&
         exchange->link.protocol >= TP_LINK_WORDS && tp_progress_is_for(command->sent);
}

static tp_exchange_outcome take_framed(tp_exchange *exchange, const tp_show_command *command) {
  tp_error error;
  wait of = {.command = command, .answers = 1, .began = tp_connection_now()};
  tp_progress_open(&of.progress, can_progress(exchange, command) ? exchange->show.err : NULL,
                   command->sent);
  tp_sigint_open(&of.sigint,
                 exchange->show.interactive && exchange->link.protocol >= TP_LINK_WORDS);
  bool goes_on = take_lines(exchange, &of, &error);
  tp_sigint_close(&of.sigint);
  tp_progress_erase(&of.progress);
  if (!goes_on)
    return lose(exchange, &error);
  return tp_show_is_read(&exchange->show) ? of.outcome : TP_EXCHANGE_LOST;
}

/* ---- commands ---- */

/* The server has closed the connection, as `error` says; its last answer may say why. */
static tp_exchange_outcome take_last_answer(tp_exchange *exchange, const tp_show_command *command,
                                            const tp_error *error) {
  tp_error silent;
  tp_span line;
  json_t *answer = NULL;
  if (exchange->link.protocol != TP_LINK_PLAIN &&
      tp_connection_read_line(&exchange->link.connection, &line, &silent))
    answer = tp_link_read(&exchange->link, line, &silent);
  if (!answer)
    return lose(exchange, error);
  tp_show_answer(&exchange->show, answer, line, command);
  worsen(exchange, TP_CLIENT_LOST);
  json_decref(answer);
  disconnect(exchange);
  return TP_EXCHANGE_LOST;
}

static tp_exchange_outcome send(tp_exchange *exchange, const tp_show_command *command) {
  tp_error error;
  if (!tp_link_send(&exchange->link, command->sent.bytes, command->sent.length, &error))
    return take_last_answer(exchange, command, &error);
  return exchange->link.protocol == TP_LINK_PLAIN ? take_plain(exchange)
                                                  : take_framed(exchange, command);
}

/* Remembers the pool of a `use` that was answered well. */
static void remember_pool(tp_exchange *exchange, tp_span line) {
  tp_span name = {.bytes = line.bytes + sizeof USE - 1, .length = line.length - sizeof USE + 1};
  char quote = name.bytes[0];
  if (name.length > 2 && (quote == '"' || quote == '\'') && name.bytes[name.length - 1] == quote)
    name = (tp_span){.bytes = name.bytes + 1, .length = name.length - 2};
  char *pool = strndup(name.bytes, name.length);
  if (!pool)
    return;
  free(exchange->pool);
  exchange->pool = pool;
  tp_side_close(&exchange->side); /* that is still in the other pool */
}

tp_exchange_outcome tp_exchange_send(tp_exchange *exchange, tp_span line, int indent) {
  tp_show_command command = {
      .sent = line,
      .line = line,
      .view = {.indent = indent, .width = tp_style_width(exchange->show.err)},
  };
  tp_exchange_outcome outcome = send(exchange, &command);
  if (outcome == TP_EXCHANGE_OK && line.length >= sizeof USE &&
      strncmp(line.bytes, USE, sizeof USE - 1) == 0)
    remember_pool(exchange, line);
  return outcome;
}

tp_exchange_outcome tp_exchange_send_words(tp_exchange *exchange, const char *const *words) {
  tp_error error;
  tp_show_command command = {.view.indent = -1};
  char *line = tp_link_join(words, exchange->link.protocol >= TP_LINK_WORDS);
  tp_exchange_outcome outcome = TP_EXCHANGE_LOST;
  if (!line || strchr(line, '\n')) {
    tp_fail(&error, TP_INVALID_ARGUMENT, "a command is UTF-8, in one line");
    tp_exchange_fail(exchange, &error);
  } else {
    command.sent = tp_span_of(line);
    outcome = send(exchange, &command);
  }
  free(line);
  return outcome;
}
