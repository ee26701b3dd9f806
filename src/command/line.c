/* SPDX-License-Identifier: MIT
 *
 * Command lines: see line.h.
 *
 * How it works. A reader walks over the line once. Each argument is either an option or belongs to
 * the next positional parameter; then the row of its type in the table `types` reads the value,
 * which is moved from the top of the Lua stack to the slot of the parameter. */
#include "command/line.h"
#include "command/spelling.h"
#include "value/error.h"
#include "value/iterator.h"
#include "value/list.h"
#include "value/literal.h"
#include <ctype.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The parsing of one line. */
typedef struct reader {
  lua_State *L;
  const tp_names *names;   /* what may be named */
  const tp_method *method; /* whose parameters are read */
  const char *text;        /* the line */
  size_t length;           /* its bytes */
  size_t at;               /* the next byte */
  int base;                /* the slot of the pool; those of the parameters follow */
  tp_module *missing;      /* see tp_line_parse */
  tp_error *error;
} reader;

/* How values of one type are read. */
typedef struct type_reader {
  bool (*read)(reader *r, const tp_param *param); /* pushes the value, moves r->at after it */
  const char *takes;                              /* what it must be, for messages */
} type_reader;

static const type_reader types[TP_PARAM_FLAG + 1]; /* by tp_param_type */

/* ---- bytes and words ---- */

static bool is_blank(char c) {
  return isspace((unsigned char)c);
}

static size_t skip_blanks(const char *text, size_t length, size_t at) {
  while (at < length && is_blank(text[at]))
    at++;
  return at;
}

/* Where the word at `at` ends: at the next blank, whatever it holds. */
static size_t word_end(const char *text, size_t length, size_t at) {
  while (at < length && !is_blank(text[at]))
    at++;
  return at;
}

static bool is_text(const char *text, size_t from, size_t to, const char *word) {
  return to - from == strlen(word) && memcmp(text + from, word, to - from) == 0;
}

/* The byte at `at`; NUL past the end. */
static char byte_at(const reader *r, size_t at) {
  return at < r->length ? r->text[at] : '\0';
}

static unsigned column(size_t at) {
  return (unsigned)at + 1;
}

/* Copies the bytes from `from` to `to`, cut and with control bytes harmless. */
static const char *excerpt(const char *text, size_t from, size_t to, char out[64]) {
  size_t length = to - from < 60 ? to - from : 56;
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[from + i];
    out[i] = (char)(c < 0x20 || c >= 0x7F ? '?' : c);
  }
  strcpy(out + length, to - from < 60 ? "" : "...");
  return out;
}

/* ---- the command ---- */

/* Where the argument at `at` ends: at a blank outside of quotes and brackets. A quote counts where
 * a word or a literal can begin, so that in don't it does not. */
static size_t argument_end(const char *text, size_t length, size_t at) {
  size_t depth = 0, from = at;
  char quote = '\0';
  for (; at < length && (depth > 0 || quote || !is_blank(text[at])); at++) {
    char c = text[at];
    if (quote) {
      at += c == '\\';
      quote = c == quote ? '\0' : quote;
    } else if ((c == '"' || c == '\'') && (depth > 0 || at == from || text[at - 1] == '=')) {
      quote = c;
    } else if (strchr("[({", c) && c) {
      depth++;
    } else if (strchr("])}", c) && c && depth > 0) {
      depth--;
    }
  }
  return at < length ? at : length;
}

static bool is_help(const char *text, size_t from, size_t to) {
  return is_text(text, from, to, "-h") || is_text(text, from, to, "--help");
}

/* True if -h stands among the arguments from `at` on. */
static bool asks_for_help(const char *text, size_t length, size_t at) {
  for (;;) {
    at = skip_blanks(text, length, at);
    size_t end = argument_end(text, length, at);
    if (at == end || is_text(text, at, end, "--"))
      return false;
    if (is_help(text, at, end))
      return true;
    at = end;
  }
}

void tp_line_split(tp_line *line, const char *text, size_t length) {
  size_t from = skip_blanks(text, length, 0), end = word_end(text, length, from);
  *line = (tp_line){.text = text, .length = length, .at = end};
  line->help = is_help(text, from, end) || asks_for_help(text, length, end);
  if (is_help(text, from, end))
    return;
  for (size_t i = 0; i < end - from && i < sizeof line->command - 1; i++)
    line->command[i] = text[from + i] == '-' ? '_' : text[from + i];
}

/* ---- the unknown command ---- */

/* True if pools of another kind have the command. */
static bool is_elsewhere(const char *text, size_t length, const tp_method *const *tables) {
  for (; *tables; tables++) {
    for (const tp_method *m = *tables; m->name; m++) {
      if (tp_spelling_equal(m->name, text, length))
        return true;
    }
  }
  return false;
}

bool tp_line_unknown(const tp_line *line, const tp_method *const *tables, int on, tp_error *error) {
  char word[64], name[TP_SPELLING_SIZE];
  size_t from = skip_blanks(line->text, line->length, 0);
  tp_closest closest = {.text = line->text + from, .length = line->at - from};
  excerpt(line->text, from, line->at, word);
  if (is_elsewhere(closest.text, closest.length, tables))
    return tp_fail(error, TP_NOT_FOUND, "this pool has no command '%s', a %s has; -h lists all",
                   word, on == TP_ON_TASK_POOL ? "SimpleTaskPool" : "TaskPool");
  for (; *tables; tables++)
    tp_method_find_closest(&closest, *tables, on);
  if (!closest.method)
    return tp_fail(error, TP_NOT_FOUND, "there is no command '%s'; -h lists all", word);
  return tp_fail(error, TP_NOT_FOUND, "there is no command '%s'; did you mean '%s'? -h lists all",
                 word, tp_spelling_command(closest.method->name, name));
}

/* ---- failures ---- */

/* `param` does not take what stands from `from` to `to`. */
static bool fail_value(const reader *r, const tp_param *param, size_t from, size_t to) {
  char label[TP_SPELLING_SIZE], word[64];
  return tp_fail(r->error, TP_INVALID_ARGUMENT, "%s takes %s, not '%s' at column %u",
                 tp_spelling_param(param, label), types[param->type].takes,
                 excerpt(r->text, from, to, word), column(from));
}

/* The value of `param` is missing or goes wrong at `at`; `what` says how. */
static bool fail_at(const reader *r, const tp_param *param, const char *what, size_t at) {
  char label[TP_SPELLING_SIZE];
  return tp_fail(r->error, TP_INVALID_ARGUMENT, "%s %s at column %u",
                 tp_spelling_param(param, label), what, column(at));
}

/* Pushes the spellings of the parameters that `is_listed` picks, with commas between, or `none`. */
static const char *push_list(const reader *r, bool (*is_listed)(const reader *r, int index),
                             const char *none) {
  luaL_Buffer list;
  char label[TP_SPELLING_SIZE];
  bool some = false;
  luaL_buffinit(r->L, &list);
  for (int i = 0; r->method->params[i].kind != TP_PARAM_NONE; i++) {
    if (!is_listed(r, i))
      continue;
    luaL_addstring(&list, some ? ", " : "");
    luaL_addstring(&list, tp_spelling_param(&r->method->params[i], label));
    some = true;
  }
  luaL_addstring(&list, some ? "" : none);
  luaL_pushresult(&list);
  return lua_tostring(r->L, -1);
}

static bool is_option_param(const reader *r, int index) {
  return tp_method_is_option(&r->method->params[index]);
}

static bool is_positional(const reader *r, int index) {
  return !is_option_param(r, index);
}

static bool is_given(const reader *r, int index) {
  return !lua_isnil(r->L, r->base + 1 + index);
}

static bool is_missing(const reader *r, int index) {
  tp_param_kind kind = r->method->params[index].kind;
  return (kind == TP_PARAM_REQUIRED || kind == TP_PARAM_REST) && !is_given(r, index);
}

static bool fail_option(const reader *r, size_t from, size_t to) {
  char name[TP_SPELLING_SIZE], word[64];
  tp_spelling_command(r->method->name, name);
  return tp_fail(r->error, TP_INVALID_ARGUMENT,
                 "%s has no option '%s' at column %u; it has %s; %s -h shows help", name,
                 excerpt(r->text, from, to, word), column(from),
                 push_list(r, is_option_param, "none"), name);
}

static bool fail_too_many(const reader *r) {
  char name[TP_SPELLING_SIZE], word[64];
  tp_spelling_command(r->method->name, name);
  return tp_fail(r->error, TP_INVALID_ARGUMENT,
                 "'%s' at column %u is too much: %s takes %s; %s -h shows help",
                 excerpt(r->text, r->at, argument_end(r->text, r->length, r->at), word),
                 column(r->at), name, push_list(r, is_positional, "no arguments"), name);
}

static bool fail_missing(const reader *r) {
  char name[TP_SPELLING_SIZE];
  tp_spelling_command(r->method->name, name);
  return tp_fail(r->error, TP_INVALID_ARGUMENT, "%s needs %s; %s -h shows help", name,
                 push_list(r, is_missing, ""), name);
}

/* ---- values ---- */

/* Pushes the literal at r->at; a failure names the parameter. */
static bool push_literal(reader *r, const tp_param *param) {
  char label[TP_SPELLING_SIZE];
  tp_error inner;
  if (tp_literal_read_at(r->L, r->text, r->length, &r->at, &inner))
    return true;
  return tp_fail(r->error, inner.code, "%s: %.900s", tp_spelling_param(param, label),
                 inner.message);
}

/* Pushes the word at r->at, quoted or not, as a string. */
static bool push_word(reader *r, const tp_param *param) {
  char c = byte_at(r, r->at);
  if (c == '"' || c == '\'')
    return push_literal(r, param);
  size_t end = word_end(r->text, r->length, r->at);
  lua_pushlstring(r->L, r->text + r->at, end - r->at);
  r->at = end;
  return true;
}

/* True if the string on top has a zero byte, which would cut it. */
static bool has_zero_byte(lua_State *L) {
  size_t length;
  return strlen(lua_tolstring(L, -1, &length)) != length;
}

/* Pushes a word that is to be a name. */
static bool read_name(reader *r, const tp_param *param) {
  size_t from = r->at;
  return push_word(r, param) &&
         (!has_zero_byte(r->L) || fail_at(r, param, "must not hold a zero byte", from));
}

/* Replaces the word on top, which began at `from`, by what it names. */
static bool resolve(reader *r, const tp_param *param, size_t from) {
  if (has_zero_byte(r->L))
    return fail_value(r, param, from, r->at);
  if (!tp_name_push_exposed(r->L, r->names, lua_tostring(r->L, -1), r->missing, r->error))
    return false;
  lua_remove(r->L, -2);
  return true;
}

static bool read_function(reader *r, const tp_param *param) {
  size_t from = r->at;
  if (!push_word(r, param) || !resolve(r, param, from))
    return false;
  return lua_isfunction(r->L, -1) || fail_value(r, param, from, r->at);
}

static bool is_string_key(lua_State *L) {
  return lua_type(L, -2) == LUA_TSTRING;
}

/* True if the key below the top belongs to a list: an index, or "n". */
static bool is_list_key(lua_State *L) {
  bool is_length = is_string_key(L) && strcmp(lua_tostring(L, -2), "n") == 0;
  return is_length || (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0);
}

/* Pushes the literal at r->at if it is a table all of whose keys are good. */
static bool read_table_of(reader *r, const tp_param *param, bool (*is_good)(lua_State *L)) {
  size_t from = r->at;
  char open = byte_at(r, from);
  if (open != '[' && open != '(' && open != '{')
    return fail_value(r, param, from, argument_end(r->text, r->length, from));
  if (!push_literal(r, param))
    return false;
  if (!lua_istable(r->L, -1)) /* (1) is 1 */
    return fail_value(r, param, from, r->at);
  for (lua_pushnil(r->L); lua_next(r->L, -2); lua_pop(r->L, 1)) {
    if (!is_good(r->L))
      return fail_value(r, param, from, r->at);
  }
  return true;
}

static bool read_list(reader *r, const tp_param *param) {
  return read_table_of(r, param, is_list_key);
}

static bool read_table(reader *r, const tp_param *param) {
  return read_table_of(r, param, is_string_key);
}

/* Replaces a function that makes the iterator by that. */
static void push_maker(lua_State *L) {
  lua_pushnil(L);
  tp_iterator_push_made(L);
}

/* Whether the table on top is a list. A module is not, nor is a table without items of its own that
 * a metatable may show: what that calls is not what was named. */
static bool is_list(lua_State *L) {
  if (tp_list_length(L, -1) > 0)
    return true;
  if (!lua_getmetatable(L, -1))
    return !tp_list_has_keys_only(L, -1);
  lua_pop(L, 1);
  return false;
}

/* A word with dots is a name: a list, or a function that makes the iterator. */
static bool read_iterable(reader *r, const tp_param *param) {
  size_t from = r->at, end = word_end(r->text, r->length, from);
  char c = byte_at(r, from);
  if (!isalpha((unsigned char)c) && c != '_')
    return read_list(r, param);
  if (!memchr(r->text + from, '.', end - from))
    return fail_value(r, param, from, end);
  if (!push_word(r, param) || !resolve(r, param, from))
    return false;
  if (lua_isfunction(r->L, -1))
    push_maker(r->L);
  else if (!is_list(r->L))
    return fail_value(r, param, from, end);
  return true;
}

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

/* Pushes the number at r->at if it is a good one. */
static bool read_number_of(reader *r, const tp_param *param, bool (*is_good)(lua_State *L)) {
  size_t from = r->at, end = word_end(r->text, r->length, from);
  return (tp_literal_read_at(r->L, r->text, end, &r->at, NULL) && r->at == end && is_good(r->L)) ||
         fail_value(r, param, from, end);
}

static bool read_number(reader *r, const tp_param *param) {
  return read_number_of(r, param, is_number);
}

static bool read_integer(reader *r, const tp_param *param) {
  return read_number_of(r, param, is_integer);
}

static bool read_policy(reader *r, const tp_param *param) {
  return byte_at(r, r->at) == '{' ? read_table(r, param) : read_number(r, param);
}

static bool read_count(reader *r, const tp_param *param) {
  return read_number_of(r, param, is_count);
}

static bool read_seconds(reader *r, const tp_param *param) {
  return read_number_of(r, param, is_seconds);
}

static bool read_size(reader *r, const tp_param *param) {
  size_t end = word_end(r->text, r->length, r->at);
  if (!is_text(r->text, r->at, end, "inf") && !is_text(r->text, r->at, end, "math.huge"))
    return read_count(r, param);
  lua_pushnumber(r->L, (lua_Number)HUGE_VAL);
  r->at = end;
  return true;
}

/* A number is the id of a task; any other word, or anything in quotes, the name of a group. */
static bool read_target(reader *r, const tp_param *param) {
  size_t end = word_end(r->text, r->length, r->at), from = r->at;
  while (from < end && isdigit((unsigned char)r->text[from]))
    from++;
  return from == end ? read_count(r, param) : read_name(r, param);
}

static const type_reader types[TP_PARAM_FLAG + 1] = {
    [TP_PARAM_FUNCTION] = {read_function,
                           "the name of a function, such as package.module.function"},
    [TP_PARAM_ITERABLE] = {read_iterable, "a list, such as ['x', 'y'], or the dotted name of one"},
    [TP_PARAM_LIST] = {read_list, "a list, such as [1, 'a']"},
    [TP_PARAM_TABLE] = {read_table, "a table with names as keys, as {x = 1, y = 'a'}"},
    [TP_PARAM_INTEGER] = {read_integer, "a whole number, as 2 or -1"},
    [TP_PARAM_COUNT] = {read_count, "a whole number of 0 or more"},
    [TP_PARAM_SIZE] = {read_size, "a whole number of 0 or more, or inf"},
    [TP_PARAM_NUMBER] = {read_number, "a number"},
    [TP_PARAM_SECONDS] = {read_seconds, "a number of seconds, 0 or more"},
    [TP_PARAM_ID] = {read_count, "the id of a task, a whole number"},
    [TP_PARAM_NAME] = {read_name, "a word, or a text in quotes"},
    [TP_PARAM_POLICY] = {read_policy, "a number, or a table with names as keys, as {n = 3}"},
    [TP_PARAM_TARGET] = {read_target, "the name of a group, or the id of a task"},
    [TP_PARAM_FLAG] = {NULL, "no value"},
};

/* Reads the value at r->at into the slot of the parameter; more values of a REST parameter stay on
 * top of the stack. */
static bool read_value(reader *r, int index) {
  const tp_param *param = &r->method->params[index];
  if (!types[param->type].read(r, param))
    return false;
  if (r->at < r->length && !is_blank(r->text[r->at]))
    return fail_at(r, param, "must be followed by a blank", r->at);
  if (!is_given(r, index))
    lua_replace(r->L, r->base + 1 + index);
  return true;
}

/* ---- arguments ---- */

/* True if an option stands at r->at: a minus that belongs neither to a number nor to nothing. */
static bool is_option(const reader *r) {
  char next = byte_at(r, r->at + 1);
  return byte_at(r, r->at) == '-' && next != '\0' && !is_blank(next) && next != '.' &&
         !isdigit((unsigned char)next);
}

/* The parameter that the option from `from` to `to` (nothing attached) names, -1 for none. */
static int find_option(const reader *r, size_t from, size_t to) {
  bool is_long = byte_at(r, from + 1) == '-';
  for (int i = 0; r->method->params[i].kind != TP_PARAM_NONE; i++) {
    const tp_param *param = &r->method->params[i];
    if (!tp_method_is_option(param))
      continue;
    if (is_long ? tp_spelling_equal(param->name, r->text + from + 2, to - from - 2)
                : param->letter && param->letter == r->text[from + 1])
      return i;
  }
  return -1;
}

/* Where the option at r->at ends: before an attached value as in --name=value and -n3. */
static size_t option_end(const reader *r) {
  size_t end = word_end(r->text, r->length, r->at);
  if (byte_at(r, r->at + 1) != '-')
    return r->at + 2;
  const char *equals = memchr(r->text + r->at, '=', end - r->at);
  return equals ? (size_t)(equals - r->text) : end;
}

/* Where the value of `param` is expected stands an option. */
static bool fail_no_value(const reader *r, const tp_param *param) {
  char label[TP_SPELLING_SIZE], name[TP_SPELLING_SIZE], word[64];
  excerpt(r->text, r->at, word_end(r->text, r->length, r->at), word);
  return tp_fail(
      r->error, TP_INVALID_ARGUMENT,
      "%s has no value: '%s' at column %u is an option; write --%s=%s if it is the value",
      tp_spelling_param(param, label), word, column(r->at), tp_spelling_command(param->name, name),
      word);
}

static bool read_flag(reader *r, int index, bool attached) {
  if (attached)
    return fail_at(r, &r->method->params[index], "takes no value", r->at);
  lua_pushboolean(r->L, true);
  lua_replace(r->L, r->base + 1 + index);
  return true;
}

static bool read_option(reader *r) {
  size_t from = r->at, end = option_end(r);
  int index = find_option(r, from, end);
  if (index < 0)
    return fail_option(r, from, word_end(r->text, r->length, from));
  const tp_param *param = &r->method->params[index];
  if (is_given(r, index))
    return fail_at(r, param, "is given twice, again", from);
  bool attached = end < r->length && !is_blank(r->text[end]);
  r->at = end;
  if (param->type == TP_PARAM_FLAG)
    return read_flag(r, index, attached);
  r->at = attached ? end + (r->text[end] == '=') : skip_blanks(r->text, r->length, end);
  if (r->at == r->length || is_blank(r->text[r->at]))
    return fail_at(r, param, "has no value", from);
  if (!attached && is_option(r))
    return fail_no_value(r, param);
  return read_value(r, index);
}

static bool read_positional(reader *r) {
  for (int i = 0; r->method->params[i].kind != TP_PARAM_NONE; i++) {
    tp_param_kind kind = r->method->params[i].kind;
    if (kind == TP_PARAM_REST || (is_positional(r, i) && !is_given(r, i)))
      return read_value(r, i);
  }
  return fail_too_many(r);
}

static bool read_arguments(reader *r) {
  bool options = true;
  for (;;) {
    r->at = skip_blanks(r->text, r->length, r->at);
    if (r->at == r->length)
      break;
    luaL_checkstack(r->L, LUA_MINSTACK, NULL);
    size_t end = word_end(r->text, r->length, r->at);
    if (options && is_text(r->text, r->at, end, "--")) {
      options = false;
      r->at = end;
    } else if (!(options && is_option(r) ? read_option(r) : read_positional(r))) {
      return false;
    }
  }
  for (int i = 0; r->method->params[i].kind != TP_PARAM_NONE; i++) {
    if (is_missing(r, i))
      return fail_missing(r);
  }
  return true;
}

bool tp_line_parse(lua_State *L, const tp_names *names, const tp_method *method,
                   const tp_line *line, tp_module *missing, tp_error *error) {
  missing->name[0] = '\0';
  reader r = {.L = L,
              .names = names,
              .method = method,
              .text = line->text,
              .length = line->length,
              .at = line->at,
              .base = lua_gettop(L),
              .missing = missing,
              .error = error};
  int count = 0;
  while (method->params[count].kind != TP_PARAM_NONE)
    count++;
  luaL_checkstack(L, TP_PARAMS_MAX + LUA_MINSTACK, NULL);
  lua_settop(L, r.base + count);
  if (read_arguments(&r))
    return true;
  lua_settop(L, r.base);
  return false;
}
