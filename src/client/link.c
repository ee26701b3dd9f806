/* SPDX-License-Identifier: MIT
 *
 * A connection to a control server; see link.h. */
#include "client/link.h"
#include "base/fail.h"
#include "client/escape.h"
#include <stdlib.h>
#include <string.h>

enum { GREETING_MS = 10 * 1000 }; /* a control server greets at once; another may never do so */

/* Shown for the parts of a refusal that a server leaves out. */
#define NO_CODE "Failed"
#define NO_MESSAGE "the server does not say why"

/* ---- what answers hold ---- */

const char *tp_link_text(const json_t *answer, const char *key, const char *fallback) {
  const char *text = json_string_value(json_object_get(answer, key));
  return text ? text : fallback;
}

bool tp_link_is_failure(const json_t *answer) {
  return json_is_false(json_object_get(answer, "ok"));
}

/* The JSON object that `bytes` are, or NULL. */
static json_t *parse_object(tp_span bytes) {
  json_t *object = json_loadb(bytes.bytes, bytes.length, JSON_ALLOW_NUL, NULL);
  if (json_is_object(object))
    return object;
  json_decref(object);
  return NULL;
}

json_t *tp_link_read(const tp_link *link, tp_span line, tp_error *error) {
  json_t *object = parse_object(line);
  if (!object)
    tp_fail(error, TP_IO_ERROR, "the server at %s sent a line that is not an answer",
            link->connection.address);
  return object;
}

/* ---- the first lines ---- */

static bool send_hello(tp_link *link, const tp_client_options *options, int width,
                       tp_error *error) {
  json_t *hello = json_pack("{s:i, s:s, s:s*}", "terminal_width", width, "reply", "json", "token",
                            options->token);
  char *line = hello ? json_dumps(hello, JSON_PRESERVE_ORDER) : NULL;
  bool sent = line ? tp_connection_send(&link->connection, line, strlen(line), error)
                   : tp_fail(error, TP_INVALID_ARGUMENT, "the token must be UTF-8");
  free(line);
  json_decref(hello);
  return sent;
}

/* The greeting says that the server does not serve this client; always false. */
static bool refuse(const tp_link *link, const json_t *greeting, tp_error *error) {
  const char *code = tp_link_text(greeting, "code", NO_CODE);
  bool denied = strcmp(code, tp_code_name(TP_DENIED)) == 0;
  return tp_fail(error, denied ? TP_DENIED : TP_NOT_AVAILABLE, "the server at %s refuses: %s: %s",
                 link->connection.address, code, tp_link_text(greeting, "message", NO_MESSAGE));
}

/* Takes what the greeting says; it is NULL if `line` is plain. */
static bool take_greeting(tp_link *link, const json_t *greeting, tp_span line, tp_error *error) {
  if (tp_link_is_failure(greeting))
    return refuse(link, greeting, error);
  json_int_t protocol = json_integer_value(json_object_get(greeting, "protocol"));
  const char *name = tp_link_text(greeting, "text", "a server without a name");
  link->pool =
      greeting ? tp_escape_text(name, strlen(name)) : tp_escape_text(line.bytes, line.length);
  link->protocol = !greeting ? TP_LINK_PLAIN : protocol > TP_LINK_PLAIN ? (int)protocol : 2;
  return link->pool || tp_fail(error, TP_NO_MEMORY, "no memory for a name");
}

static bool read_greeting(tp_link *link, tp_error *error) {
  tp_span line;
  if (!link->connection.deadline && !tp_connection_wait(&link->connection, GREETING_MS))
    return tp_fail(error, TP_TIMED_OUT, "%s does not greet within %d s; is it a control server?",
                   link->connection.address, GREETING_MS / 1000);
  if (!tp_connection_read_line(&link->connection, &line, error))
    return false;
  json_t *greeting = parse_object(line);
  bool welcome = take_greeting(link, greeting, line, error);
  json_decref(greeting);
  return welcome;
}

bool tp_link_open(tp_link *link, const tp_client_options *options, int width, tp_error *error) {
  *link = (tp_link){0};
  return tp_connection_open(&link->connection, options->address, options->timeout, error) &&
         send_hello(link, options, width, error) && read_greeting(link, error);
}

/* ---- commands ---- */

bool tp_link_send(tp_link *link, const char *bytes, size_t length, tp_error *error) {
  tp_connection_start_clock(&link->connection);
  return tp_connection_send(&link->connection, bytes, length, error);
}

json_t *tp_link_ask(tp_link *link, const char *command, tp_error *error) {
  tp_span line;
  if (!tp_link_send(link, command, strlen(command), error))
    return NULL;
  while (tp_connection_read_line(&link->connection, &line, error)) {
    json_t *answer = tp_link_read(link, line, error);
    if (!answer || json_object_get(answer, "ok"))
      return answer;
    json_decref(answer);
  }
  return NULL;
}

json_t *tp_link_use(tp_link *link, const char *pool, tp_error *error) {
  const char *const words[] = {TP_LINK_USE, pool, NULL};
  char *line = tp_link_join(words, link->protocol >= TP_LINK_WORDS);
  json_t *answer = line ? tp_link_ask(link, line, error) : NULL;
  if (!line)
    tp_fail(error, TP_INVALID_ARGUMENT, "the name of a pool is UTF-8");
  free(line);
  return answer;
}

char *tp_link_join(const char *const *words, bool as_array) {
  char *line = NULL;
  size_t size;
  json_t *array = json_array();
  for (size_t i = 0; words[i]; i++)
    if (json_array_append_new(array, json_string(words[i])) != 0) {
      json_decref(array);
      return NULL;
    }
  if (as_array) {
    line = json_dumps(array, JSON_COMPACT);
  } else {
    FILE *file = open_memstream(&line, &size);
    for (size_t i = 0; file && words[i]; i++)
      fprintf(file, "%s%s", i > 0 ? " " : "", words[i]);
    if (file)
      fclose(file);
  }
  json_decref(array);
  return line;
}

void tp_link_close(tp_link *link) {
  tp_connection_close(&link->connection);
  free(link->pool);
  *link = (tp_link){.connection = link->connection};
}
