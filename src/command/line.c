/* SPDX-License-Identifier: MIT
 *
 * The first word of a line; see line.h. */
#include "command/line.h"
#include "base/fail.h"
#include "command/spelling.h"
#include <string.h>

/* ---- splitting ---- */

static bool is_help(const tp_cursor *cursor, size_t end) {
  return tp_cursor_is(cursor, end, "-h") || tp_cursor_is(cursor, end, "--help");
}

/* True if -h is one of the arguments from the cursor on. */
static bool asks_for_help(tp_cursor cursor) {
  for (;;) {
    tp_cursor_skip_blanks(&cursor);
    size_t end = tp_cursor_argument_end(&cursor);
    if (cursor.at == cursor.length || tp_cursor_is(&cursor, end, "--"))
      return false;
    if (is_help(&cursor, end))
      return true;
    cursor.at = end;
  }
}

/* Splits off "--pool NAME" or "--pool=NAME" at the cursor. */
static tp_cursor split_pool(tp_cursor *word) {
  static const char option[] = "--pool";
  enum { LENGTH = sizeof option - 1 };
  size_t end = tp_cursor_word_end(word);
  bool is_attached = tp_cursor_peek(word, LENGTH) == '=';
  if (end - word->at < LENGTH || memcmp(word->text + word->at, option, LENGTH) != 0 ||
      (end - word->at > LENGTH && !is_attached))
    return (tp_cursor){0};
  word->at += LENGTH + is_attached;
  if (!is_attached)
    tp_cursor_skip_blanks(word);
  tp_cursor pool = *word;
  pool.length = word->at = tp_cursor_argument_end(word);
  tp_cursor_skip_blanks(word);
  return pool;
}

void tp_line_split(tp_line *line, tp_cursor cursor) {
  tp_cursor word = cursor;
  tp_cursor_skip_blanks(&word);
  tp_cursor pool = split_pool(&word);
  size_t end = tp_cursor_word_end(&word);
  *line = (tp_line){.pool = pool, .word = word.at, .arguments = cursor};
  line->arguments.at = end;
  line->help = is_help(&word, end) || asks_for_help(line->arguments);
  if (is_help(&word, end))
    return;
  for (size_t i = 0; i < end - word.at && i < sizeof line->command - 1; i++) {
    char c = word.text[word.at + i];
    line->command[i] = c == '-' ? '_' : c;
  }
}

/* ---- the unknown command ---- */

/* True if pools of another kind have the command. */
static bool is_elsewhere(const tp_closest *word, const tp_method *const *tables) {
  for (; *tables; tables++) {
    for (const tp_method *m = *tables; m->name; m++) {
      if (tp_spelling_equal(m->name, word->text, word->length))
        return true;
    }
  }
  return false;
}

bool tp_line_unknown(const tp_line *line, const tp_method *const *tables, int on, tp_error *error) {
  char word[TP_CURSOR_EXCERPT_SIZE], name[TP_SPELLING_SIZE];
  tp_cursor start = {.text = line->arguments.text, .length = line->arguments.at, .at = line->word};
  tp_closest closest = {.text = start.text + start.at, .length = start.length - start.at};
  unsigned column = tp_cursor_column(line->word);
  tp_cursor_excerpt(&start, start.at, start.length, word);
  if (is_elsewhere(&closest, tables))
    return tp_fail_at(error, column, TP_NOT_FOUND,
                      "this pool has no command '%s', a %s has; -h lists all", word,
                      on == TP_ON_TASK_POOL ? "SimpleTaskPool" : "TaskPool");
  for (; *tables; tables++)
    tp_method_find_closest(&closest, *tables, on);
  if (!closest.method)
    return tp_fail_at(error, column, TP_NOT_FOUND, "there is no command '%s'; -h lists all", word);
  return tp_fail_at(error, column, TP_NOT_FOUND,
                    "there is no command '%s'; did you mean '%s'? -h lists all", word,
                    tp_spelling_command(closest.method->name, name));
}
