/* SPDX-License-Identifier: MIT
 *
 * Answers; see answer.h. */
#include "server/answer.h"
#include "command/table.h"
#include "value/error.h"
#include "value/json.h"
#include "value/text.h"
#include <jansson.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add_text(tp_output *output, const char *text) {
  tp_output_add(output, text, strlen(text));
}

static int add_chunk(const char *bytes, size_t length, void *output) {
  return tp_output_add(output, bytes, length) ? 0 : -1;
}

/* Adds `name` and the JSON after it; NULL (there was no memory for it) becomes null. Takes the
 * reference. */
static void add_field(tp_output *output, const char *name, json_t *value) {
  add_text(output, name);
  if (!value || json_dump_callback(value, add_chunk, output, JSON_ENCODE_ANY | JSON_SORT_KEYS) != 0)
    add_text(output, "null");
  json_decref(value);
}

/* Adds the end of a framed answer. */
static void end_object(tp_output *output, tp_answer_mode mode) {
  add_text(output, mode == TP_ANSWER_JSON_MORE ? ", \"more\": true}" : "}");
}

/* An error to be answered. */
typedef struct failure {
  tp_code code;        /* its code */
  const char *message; /* what is wrong */
  size_t length;       /* bytes of the message */
  unsigned column;     /* the place in the line, from 1; 0: it has none */
} failure;

/* Adds an error. In text mode the message must be one line. */
static void add_error(tp_output *output, tp_answer_mode mode, const failure *of) {
  const char *name = tp_code_name(of->code);
  if (mode == TP_ANSWER_TEXT) {
    add_text(output, name);
    add_text(output, ": ");
    tp_output_add(output, of->message, of->length);
  } else {
    add_field(output, "{\"ok\": false, \"code\": ", tp_json_string(name, strlen(name)));
    add_field(output, ", \"message\": ", tp_json_string(of->message, of->length));
    if (of->column > 0)
      add_field(output, ", \"column\": ", json_integer(of->column));
    end_object(output, mode);
  }
  add_text(output, "\n");
}

/* Completes the answer. If it does not fit, the answer is an error that says so. */
static void end_answer(tp_output *output, tp_answer_mode mode) {
  static const char no_memory[] = "no memory for the answer";
  char too_long[96];
  int problem = tp_output_end(output);
  if (problem == 0)
    return;
  tp_output_begin(output);
  failure of = {.code = TP_NO_MEMORY, .message = no_memory, .length = sizeof no_memory - 1};
  if (problem == UV_ENOBUFS) {
    of.code = TP_NOT_AVAILABLE;
    of.message = too_long;
    of.length = (size_t)snprintf(too_long, sizeof too_long,
                                 "the answer is longer than %g MiB; ask for less at a time",
                                 (double)output->max / (1 << 20));
  }
  add_error(output, mode, &of);
  tp_output_end(output);
}

/* Adds the columns of a table; NULL: none. */
static void add_columns(tp_output *output, const tp_answer_columns *columns) {
  json_t *list = columns ? json_array() : NULL;
  for (unsigned i = 0; list && columns->fields[i]; i++)
    json_array_append_new(list, json_pack("{s:s, s:s, s:s*}", "name", columns->fields[i], "align",
                                          columns->right >> i & 1 ? "right" : "left", "unit",
                                          tp_table_unit(columns->fields[i])));
  if (columns)
    add_field(output, ", \"columns\": ", list);
}

/* An answer that is not an error: its text, and `value`, whose reference is taken (text mode:
 * NULL), with its columns.
 */
static void add_result(tp_output *output, tp_answer_mode mode, const char *text, size_t length,
                       json_t *value, const tp_answer_columns *columns) {
  tp_output_begin(output);
  if (mode == TP_ANSWER_TEXT) {
    tp_output_add(output, text, length);
  } else {
    add_field(output, "{\"ok\": true, \"value\": ", value);
    add_columns(output, columns);
    add_field(output, ", \"text\": ", tp_json_string(text, length));
    end_object(output, mode);
  }
  add_text(output, "\n");
  end_answer(output, mode);
}

/* ---- values ---- */

/* Pushes the text of the values from `first` on, separated by blanks. Nothing and nil are "ok". */
static void push_text(lua_State *L, int first) {
  int last = lua_gettop(L);
  if (last < first || (last == first && lua_isnil(L, first))) {
    lua_pushliteral(L, "ok");
    return;
  }
  for (int index = first; index <= last; index++) {
    if (index > first)
      lua_pushliteral(L, " ");
    luaL_checkstack(L, 2, NULL);
    tp_text_push(L, index);
  }
  lua_concat(L, lua_gettop(L) - last);
}

/* Leaves one value on top that stands for those from `first` on: none is nil, several a list. */
static void pack_values(lua_State *L, int first) {
  int count = lua_gettop(L) - first + 1;
  if (count == 1)
    return;
  if (count == 0) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, count, 0);
  for (int i = 1; i <= count; i++) {
    lua_pushvalue(L, first + i - 1);
    lua_rawseti(L, -2, i);
  }
}

void tp_answer_values(tp_output *output, tp_answer_mode mode, lua_State *L, int first) {
  luaL_checkstack(L, 4, NULL);
  push_text(L, first);
  tp_answer_table(output, mode, L, first, NULL);
}

void tp_answer_table(tp_output *output, tp_answer_mode mode, lua_State *L, int first,
                     const tp_answer_columns *columns) {
  size_t length;
  luaL_checkstack(L, 4, NULL);
  lua_insert(L, first++);
  json_t *value = NULL;
  if (mode != TP_ANSWER_TEXT) {
    pack_values(L, first);
    value = tp_json_create(L, -1);
  }
  const char *text = lua_tolstring(L, first - 1, &length);
  add_result(output, mode, text, length, value, columns);
}

void tp_answer_lines(tp_output *output, tp_answer_mode mode, lua_State *L, int index) {
  size_t length;
  const char *text = luaL_checklstring(L, index, &length);
  json_t *value = mode != TP_ANSWER_TEXT ? tp_json_string(text, length) : NULL;
  add_result(output, mode, text, length, value, NULL);
}

void tp_answer_greeting(tp_output *output, tp_answer_mode mode, lua_State *L, const char *pool,
                        const char *role) {
  size_t length;
  luaL_checkstack(L, 1, NULL);
  tp_text_escape(L, pool, strlen(pool));
  const char *text = lua_tolstring(L, -1, &length);
  tp_output_begin(output);
  if (mode == TP_ANSWER_TEXT) {
    tp_output_add(output, text, length);
  } else {
    add_field(output, "{\"ok\": true, \"value\": ", tp_json_string(pool, strlen(pool)));
    add_field(output, ", \"text\": ", tp_json_string(text, length));
    add_field(output, ", \"protocol\": ", json_integer(TP_ANSWER_PROTOCOL));
    add_field(output, ", \"role\": ", role ? json_string(role) : json_null());
    end_object(output, mode);
  }
  add_text(output, "\n");
  end_answer(output, mode);
}

/* ---- lists in parts ---- */

void tp_answer_begin_list(tp_output *output, tp_answer_mode mode) {
  tp_output_begin(output);
  if (mode != TP_ANSWER_TEXT)
    add_text(output, "{\"ok\": true, \"value\": [");
}

/* The item is on top of the stack. */
bool tp_answer_add_item(tp_output *output, tp_answer_mode mode, lua_State *L, bool is_first) {
  if (mode != TP_ANSWER_TEXT)
    add_field(output, is_first ? "" : ", ", tp_json_create(L, -1));
  return output->failure == 0;
}

void tp_answer_begin_text(tp_output *output, tp_answer_mode mode,
                          const tp_answer_columns *columns) {
  if (mode == TP_ANSWER_TEXT)
    return;
  add_text(output, "]");
  add_columns(output, columns);
  add_text(output, ", \"text\": \"");
}

/* Adds text in the form that it has between the quotes of a JSON string. */
static void add_json_text(tp_output *output, const char *text, size_t length) {
  json_t *string = tp_json_string(text, length);
  char *quoted = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
  if (quoted)
    tp_output_add(output, quoted + 1, strlen(quoted) - 2);
  else
    tp_output_fail(output, UV_ENOMEM);
  free(quoted);
  json_decref(string);
}

bool tp_answer_add_text(tp_output *output, tp_answer_mode mode, const char *text, size_t length) {
  if (mode != TP_ANSWER_TEXT)
    add_json_text(output, text, length);
  else
    tp_output_add(output, text, length);
  return output->failure == 0;
}

void tp_answer_end_list(tp_output *output, tp_answer_mode mode) {
  if (mode != TP_ANSWER_TEXT) {
    add_text(output, "\"");
    end_object(output, mode);
  }
  add_text(output, "\n");
  end_answer(output, mode);
}

/* ---- streams ---- */

/* Adds the fields of the table on top, with blanks between. */
static void add_fields(tp_output *output, lua_State *L, const char *const *fields) {
  for (bool is_first = true; *fields; fields++) {
    lua_pushstring(L, *fields);
    if (lua_rawget(L, -2) != LUA_TNIL) {
      add_text(output, is_first ? "" : "  ");
      tp_text_push(L, -1);
      add_text(output, lua_tostring(L, -1));
      lua_pop(L, 1);
      is_first = false;
    }
    lua_pop(L, 1);
  }
}

void tp_answer_item(tp_output *output, tp_answer_mode mode, lua_State *L,
                    const char *const *fields) {
  size_t length;
  luaL_checkstack(L, 4, NULL);
  tp_output_begin(output);
  if (lua_type(L, -1) == LUA_TSTRING) {
    const char *line = lua_tolstring(L, -1, &length);
    tp_output_add(output, line, length);
  } else if (mode != TP_ANSWER_TEXT) {
    add_field(output, "", tp_json_create(L, -1));
  } else {
    add_fields(output, L, fields);
  }
  add_text(output, "\n");
  if (tp_output_end(output) == 0)
    return;
  tp_output_begin(output);
  add_text(output,
           mode == TP_ANSWER_TEXT ? "dropped  1\n" : "{\"event\": \"dropped\", \"count\": 1}\n");
  tp_output_end(output);
}

void tp_answer_end_stream(tp_output *output, tp_answer_mode mode, uint64_t count) {
  add_result(output, mode, "ok", 2, mode == TP_ANSWER_TEXT ? NULL : json_integer((json_int_t)count),
             NULL);
}

/* ---- errors ---- */

static void answer_error(tp_output *output, tp_answer_mode mode, const failure *of) {
  tp_output_begin(output);
  add_error(output, mode, of);
  end_answer(output, mode);
}

/* The place that the error table at `index` names; 0: none. */
static unsigned read_column(lua_State *L, int index) {
  lua_pushliteral(L, "column");
  lua_rawget(L, index);
  lua_Integer column = lua_tointeger(L, -1);
  lua_pop(L, 1);
  return column > 0 && column <= INT_MAX ? (unsigned)column : 0;
}

/* Pushes the message of the error value at `index`: what it says, or the text of what it is. */
static void push_message(lua_State *L, int index, tp_code code) {
  if (code == TP_OK && lua_type(L, index) != LUA_TSTRING) {
    tp_text_push(L, index);
    return;
  }
  lua_pushvalue(L, index);
  if (code == TP_OK)
    return;
  lua_pushliteral(L, "message");
  lua_rawget(L, -2);
  if (lua_type(L, -1) != LUA_TSTRING)
    tp_text_push(L, -1);
}

void tp_answer_error(tp_output *output, tp_answer_mode mode, lua_State *L, int index) {
  tp_code code = tp_error_code(L, index);
  failure of = {.code = code == TP_OK ? TP_SCRIPT_ERROR : code};
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  if (code != TP_OK)
    of.column = read_column(L, index);
  push_message(L, index, code);
  of.message = lua_tolstring(L, -1, &of.length);
  if (mode == TP_ANSWER_TEXT) {
    tp_text_escape(L, of.message, of.length);
    of.message = lua_tolstring(L, -1, &of.length);
  }
  answer_error(output, mode, &of);
}

void tp_answer_failure(tp_output *output, tp_answer_mode mode, const tp_error *error) {
  answer_error(output, mode,
               &(failure){error->code, error->message, strlen(error->message), error->column});
}
