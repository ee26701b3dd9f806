/* SPDX-License-Identifier: MIT
 *
 * Values on a command line; see reader.h. */
#include "command/reader.h"
#include "base/fail.h"
#include "command/spelling.h"
#include "value/iterator.h"
#include "value/list.h"
#include "value/literal.h"
#include <ctype.h>
#include <math.h>
#include <string.h>

/* How values of one type are read. */
typedef struct type_reader {
  bool (*push)(tp_reader *r, const tp_param *param); /* see tp_reader_push */
  const char *takes;                                 /* what it must be, for messages */
} type_reader;

static const type_reader types[TP_PARAM_TYPES]; /* by tp_param_type */

/* ---- failures ---- */

/* `param` does not take what stands from `from` to `to`. */
static bool fail_value(const tp_reader *r, const tp_param *param, size_t from, size_t to) {
  char label[TP_SPELLING_SIZE], word[TP_CURSOR_EXCERPT_SIZE];
  return tp_fail_at(r->error, tp_cursor_column(from), TP_INVALID_ARGUMENT,
                    "%s takes %s, not '%s' at column %u", tp_spelling_param(param, label),
                    types[param->type].takes, tp_cursor_excerpt(&r->cursor, from, to, word),
                    tp_cursor_column(from));
}

bool tp_reader_fail(const tp_reader *r, const tp_param *param, const char *what, size_t at) {
  char label[TP_SPELLING_SIZE];
  return tp_fail_at(r->error, tp_cursor_column(at), TP_INVALID_ARGUMENT, "%s %s at column %u",
                    tp_spelling_param(param, label), what, tp_cursor_column(at));
}

/* ---- words ---- */

/* Pushes the literal at the cursor; a failure names the parameter. */
static bool push_literal(tp_reader *r, const tp_param *param) {
  char label[TP_SPELLING_SIZE];
  tp_error inner;
  if (tp_literal_read_at(r->L, r->cursor.text, r->cursor.length, &r->cursor.at, &inner))
    return true;
  return tp_fail_at(r->error, inner.column, inner.code, "%s: %.900s",
                    tp_spelling_param(param, label), inner.message);
}

/* Pushes the word at the cursor, quoted or not, as a string. */
static bool push_word(tp_reader *r, const tp_param *param) {
  if (tp_cursor_at_quote(&r->cursor))
    return push_literal(r, param);
  size_t end = tp_cursor_word_end(&r->cursor);
  lua_pushlstring(r->L, r->cursor.text + r->cursor.at, end - r->cursor.at);
  r->cursor.at = end;
  return true;
}

/* True if the string on top has a zero byte, which would cut it. */
static bool has_zero_byte(lua_State *L) {
  size_t length;
  return strlen(lua_tolstring(L, -1, &length)) != length;
}

/* Pushes a word that is to be a name. */
static bool push_name(tp_reader *r, const tp_param *param) {
  size_t from = r->cursor.at;
  return push_word(r, param) &&
         (!has_zero_byte(r->L) || tp_reader_fail(r, param, "must not hold a zero byte", from));
}

/* Replaces the word on top, which began at `from`, by what it names. */
static bool resolve(tp_reader *r, const tp_param *param, size_t from) {
  if (has_zero_byte(r->L))
    return fail_value(r, param, from, r->cursor.at);
  if (!tp_name_push_exposed(r->L, r->names, lua_tostring(r->L, -1), r->missing, r->error))
    return false;
  lua_remove(r->L, -2);
  return true;
}

static bool push_function(tp_reader *r, const tp_param *param) {
  size_t from = r->cursor.at;
  if (!push_word(r, param) || !resolve(r, param, from))
    return false;
  return lua_isfunction(r->L, -1) || fail_value(r, param, from, r->cursor.at);
}

/* ---- tables ---- */

static bool is_string_key(lua_State *L) {
  return lua_type(L, -2) == LUA_TSTRING;
}

/* True if the key below the top belongs to a list: an index, or "n". */
static bool is_list_key(lua_State *L) {
  bool is_length = is_string_key(L) && strcmp(lua_tostring(L, -2), "n") == 0;
  return is_length || (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0);
}

/* Pushes the literal at the cursor if it is a table all of whose keys are good. */
static bool push_table_of(tp_reader *r, const tp_param *param, bool (*is_good)(lua_State *L)) {
  size_t from = r->cursor.at;
  char open = tp_cursor_peek(&r->cursor, 0);
  if (open != '[' && open != '(' && open != '{')
    return fail_value(r, param, from, tp_cursor_argument_end(&r->cursor));
  if (!push_literal(r, param))
    return false;
  if (!lua_istable(r->L, -1)) /* (1) is 1 */
    return fail_value(r, param, from, r->cursor.at);
  for (lua_pushnil(r->L); lua_next(r->L, -2); lua_pop(r->L, 1)) {
    if (!is_good(r->L))
      return fail_value(r, param, from, r->cursor.at);
  }
  return true;
}

static bool push_list(tp_reader *r, const tp_param *param) {
  return push_table_of(r, param, is_list_key);
}

static bool push_table(tp_reader *r, const tp_param *param) {
  return push_table_of(r, param, is_string_key);
}

/* ---- iterables ---- */

/* Replaces the function on top, which makes an iterator when it is called, by that iterator. */
static void to_iterator(lua_State *L) {
  lua_pushnil(L);
  tp_iterator_push_made(L);
}

/* True if the table on top is a list. A module is not, nor is a table without items of its own that
 * a metatable may show: what that calls is not what was named. */
static bool is_list(lua_State *L) {
  if (tp_list_length(L, -1) > 0)
    return true;
  if (!lua_getmetatable(L, -1))
    return !tp_list_has_keys_only(L, -1);
  lua_pop(L, 1);
  return false;
}

/* A word with dots is a name: of a list, or of a function that makes an iterator. */
static bool push_iterable(tp_reader *r, const tp_param *param) {
  size_t from = r->cursor.at, end = tp_cursor_word_end(&r->cursor);
  char c = tp_cursor_peek(&r->cursor, 0);
  if (!isalpha((unsigned char)c) && c != '_')
    return push_list(r, param);
  if (!memchr(r->cursor.text + from, '.', end - from))
    return fail_value(r, param, from, end);
  if (!push_word(r, param) || !resolve(r, param, from))
    return false;
  if (lua_isfunction(r->L, -1))
    to_iterator(r->L);
  else if (!is_list(r->L))
    return fail_value(r, param, from, end);
  return true;
}

/* ---- numbers ---- */

static bool is_number(lua_State *L) {
  return lua_type(L, -1) == LUA_TNUMBER;
}

static bool is_integer(lua_State *L) {
  return lua_isinteger(L, -1);
}

static bool is_count(lua_State *L) {
  return lua_isinteger(L, -1) && lua_tointeger(L, -1) >= 0;
}

static bool is_seconds(lua_State *L) {
  return is_number(L) && lua_tonumber(L, -1) >= 0;
}

/* Pushes the number at the cursor if it is a good one. */
static bool push_number_of(tp_reader *r, const tp_param *param, bool (*is_good)(lua_State *L)) {
  tp_cursor *cursor = &r->cursor;
  size_t from = cursor->at, end = tp_cursor_word_end(cursor);
  return (tp_literal_read_at(r->L, cursor->text, end, &cursor->at, NULL) && cursor->at == end &&
          is_good(r->L)) ||
         fail_value(r, param, from, end);
}

static bool push_number(tp_reader *r, const tp_param *param) {
  return push_number_of(r, param, is_number);
}

static bool push_integer(tp_reader *r, const tp_param *param) {
  return push_number_of(r, param, is_integer);
}

static bool push_policy(tp_reader *r, const tp_param *param) {
  return tp_cursor_peek(&r->cursor, 0) == '{' ? push_table(r, param) : push_number(r, param);
}

static bool push_count(tp_reader *r, const tp_param *param) {
  return push_number_of(r, param, is_count);
}

static bool push_seconds(tp_reader *r, const tp_param *param) {
  return push_number_of(r, param, is_seconds);
}

static bool push_size(tp_reader *r, const tp_param *param) {
  size_t end = tp_cursor_word_end(&r->cursor);
  if (!tp_cursor_is(&r->cursor, end, "inf") && !tp_cursor_is(&r->cursor, end, "math.huge"))
    return push_count(r, param);
  lua_pushnumber(r->L, (lua_Number)HUGE_VAL);
  r->cursor.at = end;
  return true;
}

/* A number is the id of a task; any other word, or anything in quotes, the name of a group. */
static bool push_target(tp_reader *r, const tp_param *param) {
  size_t end = tp_cursor_word_end(&r->cursor), from = r->cursor.at;
  while (from < end && isdigit((unsigned char)r->cursor.text[from]))
    from++;
  return from == end ? push_count(r, param) : push_name(r, param);
}

/* All that is left, with the blanks at its end; or one word. */
static bool push_line(tp_reader *r, const tp_param *param) {
  (void)param;
  tp_cursor *cursor = &r->cursor;
  size_t end = cursor->is_words ? tp_cursor_word_end(cursor) : cursor->length;
  lua_pushlstring(r->L, cursor->text + cursor->at, end - cursor->at);
  cursor->at = end;
  return true;
}

static const type_reader types[TP_PARAM_TYPES] = {
    [TP_PARAM_FUNCTION] = {push_function,
                           "the name of a function, such as package.module.function"},
    [TP_PARAM_ITERABLE] = {push_iterable, "a list, such as ['x', 'y'], or the dotted name of one"},
    [TP_PARAM_LIST] = {push_list, "a list, such as [1, 'a']"},
    [TP_PARAM_TABLE] = {push_table, "a table with names as keys, such as {x = 1, y = 'a'}"},
    [TP_PARAM_INTEGER] = {push_integer, "a whole number, such as 2 or -1"},
    [TP_PARAM_COUNT] = {push_count, "a whole number of 0 or more"},
    [TP_PARAM_SIZE] = {push_size, "a whole number of 0 or more, or inf"},
    [TP_PARAM_NUMBER] = {push_number, "a number"},
    [TP_PARAM_SECONDS] = {push_seconds, "a number of seconds, 0 or more"},
    [TP_PARAM_ID] = {push_count, "the id of a task, a whole number"},
    [TP_PARAM_NAME] = {push_name, "a word, or a text in quotes"},
    [TP_PARAM_POLICY] = {push_policy, "a number, or a table with names as keys, such as {n = 3}"},
    [TP_PARAM_TARGET] = {push_target, "the name of a group, or the id of a task"},
    [TP_PARAM_FLAG] = {NULL, "no value"},
    [TP_PARAM_LINE] = {push_line, "anything"},
};

bool tp_reader_push(tp_reader *r, const tp_param *param) {
  if (!types[param->type].push(r, param))
    return false;
  return !tp_cursor_in_word(&r->cursor, r->cursor.at) ||
         tp_reader_fail(r, param, "must be followed by a blank", r->cursor.at);
}

const char *tp_reader_takes(tp_param_type type) {
  return types[type].takes;
}
