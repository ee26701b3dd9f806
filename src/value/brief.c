/* SPDX-License-Identifier: MIT
 *
 * Values in a few words; see brief.h. */
#include "value/brief.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Tables in tables that are shown; deeper ones print as [...]. */
#define DEPTH 3

static const char dots[] = "...";

/* The text so far. */
typedef struct brief {
  lua_State *L;
  char *text;      /* what is written */
  size_t length;   /* how much of it */
  size_t capacity; /* bytes that may be written, without the dots */
  bool is_full;    /* something was left out */
} brief;

static void add(brief *of, const char *bytes, size_t length) {
  of->is_full = of->is_full || length > of->capacity - of->length;
  if (of->is_full)
    return;
  memcpy(of->text + of->length, bytes, length);
  of->length += length;
}

static void add_text(brief *of, const char *text) {
  add(of, text, strlen(text));
}

/* Adds one character; bytes that are not UTF-8 and control characters are escaped. Returns how many
 * bytes it has. */
static size_t add_character(brief *of, const char *bytes, size_t left) {
  char escaped[8];
  unsigned code = 0;
  size_t length = tp_utf8_decode(bytes, left, &code);
  if (length > 0 && code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0)) {
    if (*bytes == '"' || *bytes == '\\')
      add(of, "\\", 1);
    add(of, bytes, length);
    return length;
  }
  int written = *bytes == '\n'
                    ? snprintf(escaped, sizeof escaped, "\\n")
                    : snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)*bytes);
  add(of, escaped, (size_t)written);
  return 1;
}

static void add_string(brief *of, int index) {
  size_t length;
  const char *bytes = lua_tolstring(of->L, index, &length);
  add_text(of, "\"");
  for (size_t at = 0; at < length && !of->is_full;)
    at += add_character(of, bytes + at, length - at);
  add_text(of, "\"");
}

static void add_number(brief *of, int index) {
  char text[40];
  if (lua_isinteger(of->L, index))
    snprintf(text, sizeof text, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(of->L, index));
  else
    snprintf(text, sizeof text, LUA_NUMBER_FMT, (LUAI_UACNUMBER)lua_tonumber(of->L, index));
  add_text(of, text);
}

static void add_value(brief *of, int index, int depth);

/* Adds the value on top of L as an item of a table, and pops it. */
static void add_item(brief *of, bool is_first, int depth) {
  if (!is_first)
    add_text(of, ", ");
  add_value(of, lua_gettop(of->L), depth);
  lua_pop(of->L, 1);
}

static void add_list(brief *of, int index, lua_Integer length, int depth) {
  for (lua_Integer i = 1; i <= length && !of->is_full; i++) {
    lua_rawgeti(of->L, index, i);
    add_item(of, i == 1, depth);
  }
}

static void add_map(brief *of, int index, int depth) {
  bool is_first = true;
  lua_pushnil(of->L);
  while (lua_next(of->L, index)) {
    if (!is_first)
      add_text(of, ", ");
    add_value(of, lua_gettop(of->L) - 1, depth);
    add_text(of, ": ");
    add_item(of, true, depth);
    is_first = false;
    if (!of->is_full)
      continue;
    lua_pop(of->L, 1);
    return;
  }
}

static void add_table(brief *of, int index, int depth) {
  lua_Integer length = (lua_Integer)lua_rawlen(of->L, index);
  if (depth == DEPTH || !lua_checkstack(of->L, 4)) {
    add_text(of, "[...]");
    return;
  }
  add_text(of, length > 0 ? "[" : "{");
  if (length > 0)
    add_list(of, index, length, depth + 1);
  else
    add_map(of, index, depth + 1);
  add_text(of, length > 0 ? "]" : "}");
}

static void add_value(brief *of, int index, int depth) {
  switch (lua_type(of->L, index)) {
  case LUA_TSTRING:
    add_string(of, index);
    break;
  case LUA_TNUMBER:
    add_number(of, index);
    break;
  case LUA_TBOOLEAN:
    add_text(of, lua_toboolean(of->L, index) ? "true" : "false");
    break;
  case LUA_TTABLE:
    add_table(of, index, depth);
    break;
  default:
    add_text(of, lua_typename(of->L, lua_type(of->L, index)));
  }
}

void tp_brief_write_list(lua_State *L, int index, char *to, size_t size) {
  brief of = {.L = L, .text = to, .capacity = size - sizeof dots};
  index = lua_absindex(L, index);
  lua_pushliteral(L, "n");
  lua_rawget(L, index);
  lua_Integer length = lua_tointeger(L, -1);
  lua_pop(L, 1);
  add_list(&of, index, length, 0);
  memcpy(to + of.length, of.is_full ? dots : "", of.is_full ? sizeof dots : 1);
}
