/* SPDX-License-Identifier: MIT
 *
 * The arguments of a command line; see parse.h. */
#include "command/parse.h"
#include "base/fail.h"
#include "command/reader.h"
#include "command/spelling.h"
#include <ctype.h>
#include <lauxlib.h>
#include <string.h>

/* The parsing of one line. */
typedef struct parser {
  tp_reader reader;        /* reads the values */
  const tp_method *method; /* whose parameters they are for */
  int base;                /* the slot of the pool; those of the parameters follow */
} parser;

/* ---- parameters ---- */

static bool is_option(const parser *p, int index) {
  return tp_method_is_option(&p->method->params[index]);
}

static bool is_positional(const parser *p, int index) {
  return !is_option(p, index);
}

static bool is_given(const parser *p, int index) {
  return !lua_isnil(p->reader.L, p->base + 1 + index);
}

static bool is_missing(const parser *p, int index) {
  tp_param_kind kind = p->method->params[index].kind;
  return (kind == TP_PARAM_REQUIRED || kind == TP_PARAM_REST) && !is_given(p, index);
}

/* ---- failures ---- */

/* Pushes the spellings of the parameters that `is_listed` picks, with commas between, or `none`. */
static const char *push_spellings(const parser *p, bool (*is_listed)(const parser *p, int index),
                                  const char *none) {
  luaL_Buffer list;
  char label[TP_SPELLING_SIZE];
  bool some = false;
  luaL_buffinit(p->reader.L, &list);
  for (int i = 0; p->method->params[i].kind != TP_PARAM_NONE; i++) {
    if (!is_listed(p, i))
      continue;
    luaL_addstring(&list, some ? ", " : "");
    luaL_addstring(&list, tp_spelling_param(&p->method->params[i], label));
    some = true;
  }
  luaL_addstring(&list, some ? "" : none);
  luaL_pushresult(&list);
  return lua_tostring(p->reader.L, -1);
}

/* The word at the cursor is not an option, or may be several: `problem` says so. */
static bool fail_option(const parser *p, const char *problem) {
  char name[TP_SPELLING_SIZE], word[TP_CURSOR_EXCERPT_SIZE];
  const tp_cursor *cursor = &p->reader.cursor;
  tp_spelling_command(p->method->name, name);
  tp_cursor_excerpt(cursor, cursor->at, tp_cursor_word_end(cursor), word);
  return tp_fail_at(p->reader.error, tp_cursor_column(cursor->at), TP_INVALID_ARGUMENT,
                    "%s %s '%s' at column %u; it has %s; %s -h shows help", name, problem, word,
                    tp_cursor_column(cursor->at), push_spellings(p, is_option, "none"), name);
}

static bool fail_too_many(const parser *p) {
  char name[TP_SPELLING_SIZE], word[TP_CURSOR_EXCERPT_SIZE];
  const tp_cursor *cursor = &p->reader.cursor;
  tp_spelling_command(p->method->name, name);
  tp_cursor_excerpt(cursor, cursor->at, tp_cursor_argument_end(cursor), word);
  return tp_fail_at(p->reader.error, tp_cursor_column(cursor->at), TP_INVALID_ARGUMENT,
                    "'%s' at column %u is one argument too many: %s takes %s; %s -h shows help",
                    word, tp_cursor_column(cursor->at), name,
                    push_spellings(p, is_positional, "no arguments"), name);
}

static bool fail_missing(const parser *p) {
  char name[TP_SPELLING_SIZE];
  tp_spelling_command(p->method->name, name);
  return tp_fail(p->reader.error, TP_INVALID_ARGUMENT, "%s needs %s; %s -h shows help", name,
                 push_spellings(p, is_missing, ""), name);
}

/* An option stands where the value of `param` is expected. */
static bool fail_no_value(const parser *p, const tp_param *param) {
  char label[TP_SPELLING_SIZE], name[TP_SPELLING_SIZE], word[TP_CURSOR_EXCERPT_SIZE];
  const tp_cursor *cursor = &p->reader.cursor;
  tp_cursor_excerpt(cursor, cursor->at, tp_cursor_word_end(cursor), word);
  return tp_fail_at(
      p->reader.error, tp_cursor_column(cursor->at), TP_INVALID_ARGUMENT,
      "%s has no value: '%s' at column %u is an option; write --%s=%s if it is the value",
      tp_spelling_param(param, label), word, tp_cursor_column(cursor->at),
      tp_spelling_command(param->name, name), word);
}

/* ---- arguments ---- */

/* Reads a value into the slot of its parameter; more values of a REST parameter stay on top of the
 * stack. */
static bool read_value(parser *p, int index) {
  if (!tp_reader_push(&p->reader, &p->method->params[index]))
    return false;
  if (!is_given(p, index))
    lua_replace(p->reader.L, p->base + 1 + index);
  return true;
}

/* True if an option stands at the cursor: a minus that belongs neither to a number nor to nothing.
 */
static bool at_option(const tp_cursor *cursor) {
  char next = tp_cursor_peek(cursor, 1);
  return tp_cursor_peek(cursor, 0) == '-' && tp_cursor_in_word(cursor, cursor->at + 1) &&
         next != '\0' && next != '.' && !isdigit((unsigned char)next);
}

/* Where the option at the cursor ends: before an attached value as in --name=value and -n3. */
static size_t option_end(const tp_cursor *cursor) {
  size_t end = tp_cursor_word_end(cursor);
  if (tp_cursor_peek(cursor, 1) != '-')
    return cursor->at + 2;
  const char *equals = memchr(cursor->text + cursor->at, '=', end - cursor->at);
  return equals ? (size_t)(equals - cursor->text) : end;
}

/* What find_option returns where no parameter is meant, or more than one. */
enum { NO_OPTION = -1, SEVERAL_OPTIONS = -2 };

/* The parameter that the name of a long option means: its own, or the only one that begins so. */
static int find_long(const parser *p, const char *name, size_t length) {
  int found = NO_OPTION;
  for (int i = 0; p->method->params[i].kind != TP_PARAM_NONE; i++) {
    const char *own = p->method->params[i].name;
    if (!is_option(p, i) || !tp_spelling_begins(own, name, length))
      continue;
    if (strlen(own) == length)
      return i;
    found = found == NO_OPTION ? i : SEVERAL_OPTIONS;
  }
  return found;
}

static int find_short(const parser *p, char letter) {
  for (int i = 0; p->method->params[i].kind != TP_PARAM_NONE; i++)
    if (is_option(p, i) && p->method->params[i].letter == letter)
      return i;
  return NO_OPTION;
}

/* The parameter that the option from the cursor to `end` names. */
static int find_option(const parser *p, size_t end) {
  const tp_cursor *cursor = &p->reader.cursor;
  bool is_long = tp_cursor_peek(cursor, 1) == '-';
  return is_long ? find_long(p, cursor->text + cursor->at + 2, end - cursor->at - 2)
                 : find_short(p, tp_cursor_peek(cursor, 1));
}

static bool set_flag(parser *p, int index, bool attached) {
  if (attached)
    return tp_reader_fail(&p->reader, &p->method->params[index], "takes no value",
                          p->reader.cursor.at);
  lua_pushboolean(p->reader.L, true);
  lua_replace(p->reader.L, p->base + 1 + index);
  return true;
}

/* Reads the value of the option that began at `from`; the cursor is at its end. */
static bool read_option_value(parser *p, int index, size_t from, bool attached) {
  tp_cursor *cursor = &p->reader.cursor;
  const tp_param *param = &p->method->params[index];
  if (!attached)
    tp_cursor_skip_blanks(cursor);
  else if (tp_cursor_peek(cursor, 0) == '=')
    cursor->at++;
  if (attached ? !tp_cursor_in_word(cursor, cursor->at) : cursor->at == cursor->length)
    return tp_reader_fail(&p->reader, param, "has no value", from);
  if (!attached && at_option(cursor))
    return fail_no_value(p, param);
  return read_value(p, index);
}

static bool read_option(parser *p) {
  tp_cursor *cursor = &p->reader.cursor;
  size_t from = cursor->at, end = option_end(cursor);
  int index = find_option(p, end);
  if (index < 0)
    return fail_option(p, index == NO_OPTION ? "has no option"
                                             : "has several options that begin with");
  const tp_param *param = &p->method->params[index];
  lua_pushnil(p->reader.L); /* of an option that is given again, the last value counts */
  lua_replace(p->reader.L, p->base + 1 + index);
  bool attached = tp_cursor_in_word(cursor, end);
  cursor->at = end;
  return param->type == TP_PARAM_FLAG ? set_flag(p, index, attached)
                                      : read_option_value(p, index, from, attached);
}

static bool read_positional(parser *p) {
  for (int i = 0; p->method->params[i].kind != TP_PARAM_NONE; i++) {
    if (tp_method_is_rest(&p->method->params[i]) || (is_positional(p, i) && !is_given(p, i)))
      return read_value(p, i);
  }
  return fail_too_many(p);
}

static bool read_arguments(parser *p) {
  tp_cursor *cursor = &p->reader.cursor;
  bool options = p->method->params[0].type != TP_PARAM_LINE;
  for (;;) {
    tp_cursor_skip_blanks(cursor);
    if (cursor->at == cursor->length)
      break;
    luaL_checkstack(p->reader.L, LUA_MINSTACK, NULL);
    size_t end = tp_cursor_word_end(cursor);
    if (options && tp_cursor_is(cursor, end, "--")) {
      options = false;
      cursor->at = end;
    } else if (!(options && at_option(cursor) ? read_option(p) : read_positional(p))) {
      return false;
    }
  }
  for (int i = 0; p->method->params[i].kind != TP_PARAM_NONE; i++) {
    if (is_missing(p, i))
      return fail_missing(p);
  }
  return true;
}

bool tp_parse_arguments(lua_State *L, const tp_exposure *names, const tp_method *method,
                        tp_cursor cursor, tp_module *missing, tp_error *error) {
  parser p = {
      .reader = {.L = L, .names = names, .cursor = cursor, .missing = missing, .error = error},
      .method = method,
      .base = lua_gettop(L)};
  int count = 0;
  missing->name[0] = '\0';
  while (method->params[count].kind != TP_PARAM_NONE)
    count++;
  luaL_checkstack(L, TP_PARAMS_MAX + LUA_MINSTACK, NULL);
  lua_settop(L, p.base + count);
  if (read_arguments(&p))
    return true;
  lua_settop(L, p.base);
  return false;
}
