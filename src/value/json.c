/* SPDX-License-Identifier: MIT
 *
 * Lua values as JSON; see json.h.
 *
 * One recursion over the value, TP_JSON_DEPTH deep at most. While it owns JSON it uses only what
 * cannot raise: raw reads, lua_next without converting keys, lua_checkstack. Every function returns
 * NULL when memory runs out and owns nothing then.
 *
 * To add a type of value: a case in `build`. */
#include "value/json.h"
#include "base/utf8.h"
#include "value/shape.h"
#include "value/text.h"
#include <lauxlib.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for the text of a number or a short name. */
enum { WORD_SIZE = 64 };

typedef struct builder {
  lua_State *L;                    /* where the value is */
  int sets;                        /* stack slot of the metatable of sets */
  size_t nodes;                    /* values built so far */
  int depth;                       /* tables that are open */
  const void *open[TP_JSON_DEPTH]; /* which ones */
} builder;

static json_t *build(builder *b, int index);

/* ---- strings ---- */

/* `bytes` with \xNN for what is not UTF-8; its length in `*length`. Freed by the caller. */
static char *repair(const char *bytes, size_t *length) {
  const unsigned char *from = (const unsigned char *)bytes;
  char *repaired = malloc(*length * 4 + 1); /* each byte becomes at most four; sprintf adds a NUL */
  char *to = repaired;
  for (size_t left = *length; repaired && left > 0;) {
    size_t used = tp_utf8_length((const char *)from, left);
    if (used > 0)
      memcpy(to, from, used);
    to += used > 0 ? used : (size_t)sprintf(to, "\\x%02x", *from);
    from += used > 0 ? used : 1;
    left -= used > 0 ? used : 1;
  }
  *length = (size_t)(to - repaired);
  return repaired;
}

json_t *tp_json_string(const char *bytes, size_t length) {
  json_t *string = json_stringn(bytes, length);
  if (string)
    return string;
  char *repaired = repair(bytes, &length);
  string = repaired ? json_stringn(repaired, length) : NULL;
  free(repaired);
  return string;
}

/* ---- numbers and what has only an address ---- */

static json_t *build_number(lua_State *L, int index) {
  if (lua_isinteger(L, index))
    return json_integer(lua_tointeger(L, index));
  lua_Number number = lua_tonumber(L, index);
  if (isfinite(number))
    return json_real(number);
  return json_string(isnan(number) ? "nan" : number > 0 ? "inf" : "-inf");
}

/* Lua: the text of a value. */
static int l_text(lua_State *L) {
  tp_text_push(L, 1);
  return 1;
}

/* The text of a value that JSON has no form for. */
static json_t *build_text(lua_State *L, int index) {
  index = lua_absindex(L, index);
  if (!lua_checkstack(L, 2))
    return NULL;
  lua_pushcfunction(L, l_text);
  lua_pushvalue(L, index);
  json_t *string = NULL;
  if (lua_pcall(L, 1, 1, 0) == LUA_OK) {
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    string = tp_json_string(text, length);
  }
  lua_pop(L, 1);
  return string;
}

/* ---- tables ---- */

/* `array` without its reference where appending failed. Takes the reference of `item`. */
static json_t *append(json_t *array, json_t *item) {
  if (item && json_array_append_new(array, item) == 0)
    return array;
  json_decref(array);
  return NULL;
}

/* True if the value built last is the "..." for all that are left. */
static bool is_full(const builder *b) {
  return b->nodes > TP_JSON_NODES;
}

static json_t *build_list(builder *b, int table, lua_Integer length) {
  json_t *array = json_array();
  for (lua_Integer i = 1; array && i <= length && !is_full(b); i++) {
    lua_rawgeti(b->L, table, i);
    array = append(array, build(b, lua_gettop(b->L)));
    lua_pop(b->L, 1);
  }
  return array;
}

/* Numbers first and in order, then strings and all else in the order of their text. */
static int compare_members(const void *left, const void *right) {
  const json_t *a = *(json_t *const *)left, *b = *(json_t *const *)right;
  if (json_is_integer(a) && json_is_integer(b))
    return (json_integer_value(a) > json_integer_value(b)) -
           (json_integer_value(a) < json_integer_value(b));
  if (json_is_number(a) && json_is_number(b))
    return (json_number_value(a) > json_number_value(b)) -
           (json_number_value(a) < json_number_value(b));
  if (json_is_string(a) && json_is_string(b))
    return strcmp(json_string_value(a), json_string_value(b));
  return json_is_number(b) - json_is_number(a);
}

/* The members in `members[0..count-1]`, in order, as an array that takes their references. */
static json_t *sort_members(json_t **members, size_t count) {
  json_t *array = json_array();
  qsort(members, count, sizeof *members, compare_members);
  for (size_t i = 0; i < count; i++) {
    if (array)
      array = append(array, members[i]);
    else
      json_decref(members[i]);
  }
  return array;
}

static json_t *build_set(builder *b, int table, size_t size) {
  lua_State *L = b->L;
  int top = lua_gettop(L);
  json_t **members = calloc(size + 1, sizeof *members);
  json_t *array = NULL;
  size_t count = 0;
  lua_pushnil(L);
  while (members && !is_full(b) && lua_next(L, table)) {
    members[count] = build(b, lua_gettop(L) - 1);
    lua_pop(L, 1);
    if (!members[count])
      goto give_up;
    count++;
  }
  if (members)
    array = sort_members(members, count);
  count = 0;

give_up:
  lua_settop(L, top);
  while (count > 0)
    json_decref(members[--count]);
  free(members);
  return array;
}

/* The text of the key at `index`, as a JSON string. */
static json_t *build_key(lua_State *L, int index) {
  char word[WORD_SIZE];
  size_t length;
  const char *bytes;
  switch (lua_type(L, index)) {
  case LUA_TSTRING:
    bytes = lua_tolstring(L, index, &length);
    return tp_json_string(bytes, length);
  case LUA_TNUMBER:
    if (lua_isinteger(L, index))
      snprintf(word, sizeof word, LUA_INTEGER_FMT, lua_tointeger(L, index));
    else
      snprintf(word, sizeof word, LUA_NUMBER_FMT, lua_tonumber(L, index));
    return json_string(word);
  case LUA_TBOOLEAN:
    return json_string(lua_toboolean(L, index) ? "true" : "false");
  default:
    return build_text(L, index);
  }
}

/* Adds the key below the top of the stack with the value on top; false for no memory. */
static bool add_entry(builder *b, json_t *object) {
  json_t *key = build_key(b->L, lua_gettop(b->L) - 1);
  json_t *value = key ? build(b, lua_gettop(b->L)) : NULL;
  bool added = value && json_object_setn_new(object, json_string_value(key),
                                             json_string_length(key), value) == 0;
  json_decref(key);
  return added;
}

static json_t *build_object(builder *b, int table) {
  lua_State *L = b->L;
  int top = lua_gettop(L);
  json_t *object = json_object();
  lua_pushnil(L);
  while (object && !is_full(b) && lua_next(L, table)) {
    if (!add_entry(b, object)) {
      json_decref(object);
      object = NULL;
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
  return object;
}

static json_t *build_table(builder *b, int table) {
  const void *address = lua_topointer(b->L, table);
  if (b->depth == TP_JSON_DEPTH || tp_shape_is_open(b->open, b->depth, address) ||
      !lua_checkstack(b->L, 8))
    return json_string("...");
  b->open[b->depth++] = address;
  tp_shape shape = tp_shape_of(b->L, table, b->sets);
  json_t *result = shape.kind == TP_SHAPE_SET    ? build_set(b, table, shape.keys)
                   : shape.kind == TP_SHAPE_LIST ? build_list(b, table, shape.length)
                                                 : build_object(b, table);
  b->depth--;
  return result;
}

/* ---- any value ---- */

static json_t *build(builder *b, int index) {
  lua_State *L = b->L;
  size_t length;
  const char *bytes;
  if (++b->nodes > TP_JSON_NODES)
    return json_string("...");
  switch (lua_type(L, index)) {
  case LUA_TNIL:
    return json_null();
  case LUA_TBOOLEAN:
    return json_boolean(lua_toboolean(L, index));
  case LUA_TNUMBER:
    return build_number(L, index);
  case LUA_TSTRING:
    bytes = lua_tolstring(L, index, &length);
    return tp_json_string(bytes, length);
  case LUA_TTABLE:
    return build_table(b, index);
  default:
    return build_text(L, index);
  }
}

json_t *tp_json_create(lua_State *L, int index) {
  luaL_checkstack(L, 1, NULL);
  index = lua_absindex(L, index);
  luaL_getmetatable(L, TP_SET_TYPE); /* nil where no set was ever made: equal to no metatable */
  builder b = {.L = L, .sets = lua_gettop(L)};
  json_t *result = build(&b, index);
  lua_pop(L, 1);
  return result;
}

/* ---- from JSON ---- */

static void push_array(lua_State *L, const json_t *array) {
  size_t length = json_array_size(array);
  lua_createtable(L, (int)length, 0);
  for (size_t i = 0; i < length; i++) {
    tp_json_push(L, json_array_get(array, i));
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
}

static void push_object(lua_State *L, const json_t *object) {
  const char *key;
  json_t *value;
  lua_newtable(L);
  json_object_foreach((json_t *)object, key, value) {
    lua_pushstring(L, key);
    tp_json_push(L, value);
    lua_rawset(L, -3);
  }
}

void tp_json_push(lua_State *L, const json_t *json) {
  luaL_checkstack(L, 4, NULL);
  switch (json_typeof(json)) {
  case JSON_OBJECT:
    push_object(L, json);
    return;
  case JSON_ARRAY:
    push_array(L, json);
    return;
  case JSON_STRING:
    lua_pushlstring(L, json_string_value(json), json_string_length(json));
    return;
  case JSON_INTEGER:
    lua_pushinteger(L, json_integer_value(json));
    return;
  case JSON_REAL:
    lua_pushnumber(L, json_real_value(json));
    return;
  case JSON_NULL:
    lua_pushnil(L);
    return;
  default:
    lua_pushboolean(L, json_is_true(json));
  }
}
