/* SPDX-License-Identifier: MIT
 *
 * What a line asks for; see request.h. */
#include "server/request.h"
#include "base/fail.h"
#include <jansson.h>
#include <string.h>

/* ---- words ---- */

/* Writes the words over the line, each with a zero byte after it: they need less room than the JSON
 * that they come from. */
static bool write_words(tp_session *session, const json_t *words, tp_error *error) {
  char *start = session->input.bytes + (session->line.bytes - session->input.bytes), *to = start;
  const json_t *word;
  size_t index;
  json_array_foreach(words, index, word) {
    size_t length = json_string_length(word);
    if (!json_is_string(word))
      return tp_fail(
          error, TP_INVALID_ARGUMENT,
          "word %zu of the line is not a string: a JSON array has the words of a command",
          index + 1);
    memcpy(to, json_string_value(word), length + 1);
    to += length + 1;
  }
  session->command = (tp_cursor){.text = start, .length = (size_t)(to - start), .is_words = true};
  return true;
}

static bool read_words(tp_session *session, tp_error *error) {
  json_error_t where;
  json_t *words = json_loadb(session->line.bytes, session->line.length, 0, &where);
  if (!words)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the line is not a JSON array of words: %s at column %d", where.text,
                   where.column);
  bool understood = write_words(session, words, error);
  json_decref(words);
  return understood;
}

/* ---- text ---- */

/* Takes the first command, and gives the others back. Returns whether there are others. */
static bool split(tp_session *session) {
  tp_cursor line = {.text = session->line.bytes, .length = session->line.length};
  size_t end = tp_cursor_command_end(&line), next = end;
  session->command = line;
  if (end == 0 || !session->accepted)
    return false;
  session->command.length = end;
  while (next < line.length && strchr("; \t", line.text[next]))
    next++;
  if (next < line.length)
    tp_input_give_back(&session->input, line.text + next);
  return next < line.length;
}

bool tp_request_read(tp_session *session, tp_error *error) {
  bool is_array = session->accepted && session->line.bytes[0] == '[';
  if (memchr(session->line.bytes, '\0', session->line.length))
    return tp_fail(error, TP_INVALID_ARGUMENT, "the line has a zero byte in it");
  bool has_more = !is_array && split(session);
  if (session->mode != TP_ANSWER_TEXT)
    session->mode = has_more ? TP_ANSWER_JSON_MORE : TP_ANSWER_JSON;
  return !is_array || read_words(session, error);
}
