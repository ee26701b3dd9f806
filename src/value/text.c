/* SPDX-License-Identifier: MIT
 *
 * Values out: see text.h.
 *
 * How it works. One pass over the value, recursive to TEXT_DEPTH tables, writes into a buffer that
 * belongs to a userdata on the stack, so that nothing is lost when Lua raises for lack of memory.
 * A table is looked at first: a list is walked by index, a set or another table by its sorted keys.
 * Allocating may run finalizers, and those may change the very table that is being walked; so keys
 * are taken in one go without allocating, and values are fetched by key afterwards. */
#include "value/text.h"
#include "base/utf8.h"
#include "value/error.h"
#include "value/shape.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_DEPTH 32
#define TEXT_SIZE ((size_t)8 << 20)
#define TEXT_NILS 100000 /* nils that a list may have; with more, `n` is taken for a field */

/* The text so far. */
typedef struct writer {
  lua_State *L;
  int slot;                     /* stack slot of the userdata that owns `bytes` */
  char *bytes;                  /* what is written */
  size_t length;                /* how much of it */
  size_t capacity;              /* room in `bytes` */
  int depth;                    /* open tables */
  const void *open[TEXT_DEPTH]; /* which ones, to meet none inside itself */
} writer;

/* The kinds of keys, in the order in which they print. */
typedef enum key_rank { KEY_NUMBER, KEY_STRING, KEY_BOOLEAN, KEY_OTHER } key_rank;

/* A key of a table, in a form that can be sorted. */
typedef struct key {
  lua_Integer slot;    /* its index in the table of keys */
  key_rank rank;       /* what comes first */
  lua_Number number;   /* a number; a boolean as 0 or 1 */
  lua_Integer integer; /* an integer, where is_integer */
  int is_integer;      /* compared exactly with other integers */
  const char *string;  /* a string, kept alive by the table of keys; else an address */
  size_t length;       /* of the string */
} key;

/* ---- the buffer ---- */

static void writer_open(writer *w, lua_State *L) {
  luaL_checkstack(L, 8, NULL);
  *w = (writer){.L = L, .capacity = 256};
  w->bytes = lua_newuserdatauv(L, w->capacity, 0);
  w->slot = lua_gettop(L);
}

/* Replaces the buffer on the stack by its text. */
static void writer_close(writer *w) {
  lua_pushlstring(w->L, w->bytes, w->length);
  lua_replace(w->L, w->slot);
}

static void grow(writer *w, size_t needed) {
  size_t capacity = w->capacity;
  while (capacity < needed)
    capacity *= 2;
  char *bytes = lua_newuserdatauv(w->L, capacity, 0);
  memcpy(bytes, w->bytes, w->length);
  lua_replace(w->L, w->slot);
  w->bytes = bytes;
  w->capacity = capacity;
}

static void add(writer *w, const char *bytes, size_t length) {
  if (length > w->capacity - w->length)
    grow(w, w->length + length);
  memcpy(w->bytes + w->length, bytes, length);
  w->length += length;
}

static void add_text(writer *w, const char *text) {
  add(w, text, strlen(text));
}

/* ---- strings ---- */

/* True for characters that act on a terminal or break a line. */
static bool is_control(unsigned code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) || code == 0x2028 || code == 0x2029;
}

/* Writes into `out` the escape for the character `code`; "" if it needs none. */
static void escape_of(unsigned code, bool quoted, char out[12]) {
  if (code == '\n' || code == '\t' || code == '\r')
    sprintf(out, "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
  else if (is_control(code))
    sprintf(out, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
  else if (quoted && (code == '"' || code == '\\'))
    sprintf(out, "\\%c", (char)code);
  else
    out[0] = '\0';
}

static void add_escaped(writer *w, const char *bytes, size_t length, bool quoted) {
  size_t plain = 0; /* from here to `at` nothing needs an escape */
  for (size_t at = 0; at < length;) {
    unsigned code = 0;
    char escape[12];
    size_t used = tp_utf8_decode(bytes + at, length - at, &code);
    if (used > 0)
      escape_of(code, quoted, escape);
    else
      sprintf(escape, "\\x%02x", (unsigned char)bytes[at]);
    size_t next = at + (used > 0 ? used : 1);
    if (escape[0] != '\0') {
      add(w, bytes + plain, at - plain);
      add_text(w, escape);
      plain = next;
    }
    at = next;
  }
  add(w, bytes + plain, length - plain);
}

static void add_string(writer *w, int index, bool quoted) {
  size_t length;
  const char *bytes = lua_tolstring(w->L, index, &length);
  if (quoted)
    add_text(w, "\"");
  add_escaped(w, bytes, length, quoted);
  if (quoted)
    add_text(w, "\"");
}

/* ---- numbers and opaque values ---- */

static void add_number(writer *w, int index) {
  lua_Number number = lua_tonumber(w->L, index);
  if (lua_isinteger(w->L, index)) { /* not a Lua string: there may be a million of them */
    char digits[32];
    sprintf(digits, LUA_INTEGER_FMT, (LUAI_UACINT)lua_tointeger(w->L, index));
    add_text(w, digits);
  } else if (isfinite(number)) {
    lua_pushvalue(w->L, index); /* the conversion changes the value itself */
    add_text(w, lua_tostring(w->L, -1));
    lua_pop(w->L, 1);
  } else {
    add_text(w, isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
  }
}

/* Writes what a userdata's __tostring says, if that is a C function: a Lua function could run for
 * ever. */
static bool add_own_text(writer *w, int index) {
  lua_State *L = w->L;
  int top = lua_gettop(L);
  luaL_checkstack(L, 4, NULL);
  bool says = lua_type(L, index) == LUA_TUSERDATA &&
              luaL_getmetafield(L, index, "__tostring") != LUA_TNIL && lua_iscfunction(L, -1);
  if (says) {
    lua_pushvalue(L, index);
    says = lua_pcall(L, 1, 1, 0) == LUA_OK && lua_type(L, -1) == LUA_TSTRING;
  }
  if (says)
    add_string(w, lua_gettop(L), false);
  lua_settop(L, top);
  return says;
}

static void add_address(writer *w, int index) {
  char text[64];
  snprintf(text, sizeof text, "%s: %p", luaL_typename(w->L, index), lua_topointer(w->L, index));
  add_text(w, text);
}

static void add_error(writer *w, int index) {
  tp_error_push_text(w->L, index);
  add_string(w, -1, false);
  lua_pop(w->L, 1);
}

/* ---- tables ---- */

/* Describes the key on top of the stack. */
static key key_of(lua_State *L, lua_Integer slot) {
  key k = {.slot = slot, .rank = KEY_OTHER};
  switch (lua_type(L, -1)) {
  case LUA_TNUMBER:
    k.rank = KEY_NUMBER;
    k.number = lua_tonumber(L, -1);
    k.integer = lua_tointegerx(L, -1, &k.is_integer);
    break;
  case LUA_TSTRING:
    k.rank = KEY_STRING;
    k.string = lua_tolstring(L, -1, &k.length);
    break;
  case LUA_TBOOLEAN:
    k.rank = KEY_BOOLEAN;
    k.number = lua_toboolean(L, -1);
    break;
  default:
    k.string = lua_topointer(L, -1);
  }
  return k;
}

static int compare_strings(const key *a, const key *b) {
  int order = memcmp(a->string, b->string, a->length < b->length ? a->length : b->length);
  return order != 0 ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_keys(const void *left, const void *right) {
  const key *a = left, *b = right;
  if (a->rank != b->rank)
    return a->rank < b->rank ? -1 : 1;
  if (a->rank == KEY_STRING)
    return compare_strings(a, b);
  if (a->rank == KEY_OTHER)
    return ((size_t)a->string > (size_t)b->string) - ((size_t)a->string < (size_t)b->string);
  if (a->is_integer && b->is_integer)
    return (a->integer > b->integer) - (a->integer < b->integer);
  return (a->number > b->number) - (a->number < b->number);
}

/* Pushes a table with the keys of `table` (at most `*count`, which becomes their number) and a
 * userdata with their descriptions in order, and returns the latter. */
static const key *push_keys(lua_State *L, int table, size_t *count) {
  size_t room = *count, found = 0;
  lua_createtable(L, (int)room, 0);
  int list = lua_gettop(L);
  key *keys = lua_newuserdatauv(L, room * sizeof *keys, 0);
  lua_pushnil(L);
  while (lua_next(L, table)) { /* nothing in here allocates */
    lua_pop(L, 1);
    if (found == room) {
      lua_pop(L, 1);
      break;
    }
    keys[found] = key_of(L, (lua_Integer)found + 1);
    lua_pushvalue(L, -1);
    lua_rawseti(L, list, (lua_Integer)++found);
  }
  qsort(keys, found, sizeof *keys, compare_keys);
  *count = found;
  return keys;
}

static void add_value(writer *w, int index, bool quoted);

/* Writes what comes before the item `number` (from 0); false if the text is too long for it. */
static bool begin_item(writer *w, size_t number) {
  if (number > 0)
    add_text(w, ", ");
  if (w->length < TEXT_SIZE)
    return true;
  add_text(w, "...");
  return false;
}

static void add_list(writer *w, int table, lua_Integer length) {
  add_text(w, "[");
  for (lua_Integer i = 1; i <= length && begin_item(w, (size_t)i - 1); i++) {
    lua_rawgeti(w->L, table, i);
    add_value(w, lua_gettop(w->L), true);
    lua_pop(w->L, 1);
  }
  add_text(w, "]");
}

/* Writes a set or a table. */
static void add_keyed(writer *w, int table, size_t count, bool values) {
  lua_State *L = w->L;
  const key *keys = push_keys(L, table, &count);
  int list = lua_gettop(L) - 1;
  add_text(w, "{");
  for (size_t i = 0; i < count && begin_item(w, i); i++) {
    lua_rawgeti(L, list, keys[i].slot);
    add_value(w, lua_gettop(L), true);
    if (values) {
      add_text(w, ": ");
      lua_rawget(L, table);
      add_value(w, lua_gettop(L), true);
    }
    lua_pop(L, 1);
  }
  add_text(w, "}");
  lua_pop(L, 2);
}

static void add_table(writer *w, int table) {
  const void *address = lua_topointer(w->L, table);
  if (w->depth == TEXT_DEPTH || tp_shape_is_open(w->open, w->depth, address)) {
    add_text(w, "...");
    return;
  }
  luaL_checkstack(w->L, 8, NULL);
  w->open[w->depth++] = address;
  luaL_getmetatable(w->L, TP_SET_TYPE);
  tp_shape shape = tp_shape_of(w->L, table, lua_gettop(w->L));
  lua_pop(w->L, 1);
  if (shape.kind == TP_SHAPE_LIST && shape.nils <= TEXT_NILS)
    add_list(w, table, shape.length);
  else
    add_keyed(w, table, shape.keys, shape.kind != TP_SHAPE_SET);
  w->depth--;
}

/* ---- any value ---- */

static void add_value(writer *w, int index, bool quoted) {
  switch (lua_type(w->L, index)) {
  case LUA_TNIL:
    add_text(w, "nil");
    break;
  case LUA_TBOOLEAN:
    add_text(w, lua_toboolean(w->L, index) ? "true" : "false");
    break;
  case LUA_TNUMBER:
    add_number(w, index);
    break;
  case LUA_TSTRING:
    add_string(w, index, quoted);
    break;
  case LUA_TTABLE:
    if (tp_error_code(w->L, index) != TP_OK)
      add_error(w, index);
    else
      add_table(w, index);
    break;
  default:
    if (!add_own_text(w, index))
      add_address(w, index);
  }
}

/* Whether the value is a string of printable ASCII, which is its own text. */
static bool is_plain(lua_State *L, int index) {
  size_t length;
  if (lua_type(L, index) != LUA_TSTRING)
    return false;
  const char *bytes = lua_tolstring(L, index, &length);
  for (size_t i = 0; i < length; i++)
    if (bytes[i] < 0x20 || bytes[i] > 0x7E)
      return false;
  return true;
}

void tp_text_push(lua_State *L, int index) {
  writer w;
  index = lua_absindex(L, index);
  if (is_plain(L, index)) {
    lua_pushvalue(L, index);
    return;
  }
  writer_open(&w, L);
  add_value(&w, index, false);
  writer_close(&w);
}

void tp_text_escape(lua_State *L, const char *bytes, size_t length) {
  writer w;
  writer_open(&w, L);
  add_escaped(&w, bytes, length, false);
  writer_close(&w);
}
