/* SPDX-License-Identifier: MIT
 *
 * Values between C and Lua; see convert.h.
 *
 * Reading walks over the values twice: the first walk counts values and bytes, the second one
 * fills the block, in which all values come first and then the bytes of strings. */
#include "lib/convert.h"
#include "base/fail.h"
#include "value/error.h"
#include "value/list.h"
#include "value/raise.h"
#include "value/shape.h"
#include "value/text.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* How deep tables may be. */
#define DEPTH_MAX 32

/* How long a list may say that it is, whatever it holds. */
#define LENGTH_MAX (1 << 24)

/* ---- pushing ---- */

static void push(lua_State *L, const tp_value *value, int depth);

static void push_list(lua_State *L, const tp_value *list, int depth) {
  bool has_nil = false;
  lua_createtable(L, (int)(list->count < INT32_MAX ? list->count : 0), 0);
  for (size_t i = 0; i < list->count; i++) {
    has_nil = has_nil || list->as.items[i].type == TP_NIL;
    push(L, &list->as.items[i], depth);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  if (has_nil)
    tp_list_mark(L, lua_gettop(L), (lua_Integer)list->count);
}

static void push_map(lua_State *L, const tp_value *map, int depth) {
  lua_createtable(L, 0, (int)(map->count < INT32_MAX ? map->count : 0));
  for (size_t i = 0; i < map->count; i++) {
    const tp_pair *pair = &map->as.pairs[i];
    if (pair->key.type == TP_NIL ||
        (pair->key.type == TP_NUMBER && pair->key.as.number != pair->key.as.number))
      tp_raise(L, TP_INVALID_ARGUMENT, "a key of a map must not be nil or nan");
    push(L, &pair->key, depth);
    push(L, &pair->value, depth);
    lua_rawset(L, -3);
  }
}

static void push(lua_State *L, const tp_value *value, int depth) {
  if (depth > DEPTH_MAX)
    tp_raise(L, TP_INVALID_ARGUMENT, "a value must not be deeper than %d", DEPTH_MAX);
  luaL_checkstack(L, 4, NULL);
  switch (value->type) {
  case TP_NIL:
    lua_pushnil(L);
    return;
  case TP_BOOLEAN:
    lua_pushboolean(L, value->as.boolean);
    return;
  case TP_INTEGER:
    lua_pushinteger(L, value->as.integer);
    return;
  case TP_NUMBER:
    lua_pushnumber(L, value->as.number);
    return;
  case TP_STRING:
    lua_pushlstring(L, value->as.string, value->count);
    return;
  case TP_LIST:
    push_list(L, value, depth + 1);
    return;
  case TP_MAP:
    push_map(L, value, depth + 1);
    return;
  }
  tp_raise(L, TP_INVALID_ARGUMENT, "a value has the unknown type %d", (int)value->type);
}

void tp_convert_push(lua_State *L, const tp_value *value) {
  if (value)
    push(L, value, 0);
  else
    lua_pushnil(L);
}

/* ---- reading ---- */

typedef struct reader {
  lua_State *L;
  tp_value *values;               /* where the next ones go; NULL: they are only counted */
  char *bytes;                    /* the same for the bytes of strings */
  size_t value_count, byte_count; /* how many there are */
  int sets;                       /* stack slot of the metatable of sets */
  int depth;                      /* entries of `open` in use */
  const void *open[DEPTH_MAX];    /* the tables that the walk is in */
  const char *what;               /* what the outermost values are called */
  int number;                     /* which of them it is at, from 1 on */
  tp_error *error;                /* filled on failure */
} reader;

static bool refuse(const reader *of, const char *problem) {
  return tp_fail(of->error, TP_INVALID_ARGUMENT, "%s %d %s", of->what, of->number, problem);
}

/* Room for so many values, which follow each other. */
static tp_value *take_values(reader *of, size_t count) {
  tp_value *taken = of->values;
  of->value_count += count;
  if (taken)
    of->values += count;
  return taken;
}

static tp_value read_string(reader *of, int index) {
  size_t length;
  const char *text = lua_tolstring(of->L, index, &length);
  tp_value value = tp_string_of(of->bytes, length);
  of->byte_count += length + 1;
  if (of->values) {
    memcpy(of->bytes, text, length + 1);
    of->bytes += length + 1;
  }
  return value;
}

static bool read(reader *of, int index, tp_value *value);

/* Reads the value on top, which is popped, to where it belongs. */
static bool read_top(reader *of, tp_value *into) {
  tp_value value;
  if (!read(of, lua_gettop(of->L), &value))
    return false;
  if (into)
    *into = value;
  lua_pop(of->L, 1);
  return true;
}

static bool read_list(reader *of, int table, lua_Integer length, tp_value *value) {
  if (length > LENGTH_MAX)
    return refuse(of, "holds a list that is too long");
  tp_value *items = take_values(of, (size_t)length);
  for (lua_Integer i = 0; i < length; i++) {
    lua_rawgeti(of->L, table, i + 1);
    if (!read_top(of, items ? items + i : NULL))
      return false;
  }
  *value = tp_list(items, (size_t)length);
  return true;
}

/* The keys of a set, or keys and values of another table. */
static bool read_entries(reader *of, int table, const tp_shape *shape, tp_value *value) {
  bool is_set = shape->kind == TP_SHAPE_SET;
  size_t width = is_set ? 1 : 2;
  tp_value *entries = take_values(of, shape->keys * width), *next = entries;
  lua_pushnil(of->L);
  while (lua_next(of->L, table)) {
    if (is_set)
      lua_pop(of->L, 1);
    else if (!read_top(of, next ? next + 1 : NULL))
      return false;
    lua_pushvalue(of->L, -1);
    if (!read_top(of, next))
      return false;
    next = next ? next + width : NULL;
  }
  *value = is_set ? tp_list(entries, shape->keys) : tp_map((const tp_pair *)entries, shape->keys);
  return true;
}

static bool read_table(reader *of, int index, tp_value *value) {
  const void *table = lua_topointer(of->L, index);
  if (tp_shape_is_open(of->open, of->depth, table))
    return refuse(of, "holds a table inside itself");
  if (of->depth == DEPTH_MAX)
    return refuse(of, "is too deep: tables may be 32 deep");
  if (!lua_checkstack(of->L, 8))
    return tp_fail(of->error, TP_NO_MEMORY, "no memory for a %s", of->what);
  of->open[of->depth++] = table;
  tp_shape shape = tp_shape_of(of->L, index, of->sets);
  bool ok = shape.kind == TP_SHAPE_LIST ? read_list(of, index, shape.length, value)
                                        : read_entries(of, index, &shape, value);
  of->depth--;
  return ok;
}

bool tp_convert_view(lua_State *L, int index, tp_value *value) {
  size_t length;
  const char *text;
  switch (lua_type(L, index)) {
  case LUA_TNIL:
    *value = tp_nil();
    return true;
  case LUA_TBOOLEAN:
    *value = tp_boolean(lua_toboolean(L, index));
    return true;
  case LUA_TNUMBER:
    *value = lua_isinteger(L, index) ? tp_integer(lua_tointeger(L, index))
                                     : tp_number(lua_tonumber(L, index));
    return true;
  case LUA_TSTRING:
    text = lua_tolstring(L, index, &length);
    *value = tp_string_of(text, length);
    return true;
  default:
    return false;
  }
}

static bool read(reader *of, int index, tp_value *value) {
  char problem[80];
  int type = lua_type(of->L, index);
  if (type == LUA_TTABLE)
    return read_table(of, index, value);
  if (type == LUA_TSTRING) {
    *value = read_string(of, index);
    return true;
  }
  if (tp_convert_view(of->L, index, value))
    return true;
  snprintf(problem, sizeof problem, "holds a %s, which is not a value of C",
           lua_typename(of->L, type));
  return refuse(of, problem);
}

static bool read_all(reader *of, int first, int count) {
  tp_value *values = take_values(of, (size_t)count), value;
  for (int i = 0; i < count; i++) {
    of->number = i + 1;
    if (!read(of, first + i, values ? values + i : &value))
      return false;
  }
  return true;
}

tp_value *tp_convert_read(lua_State *L, int first, int count, const char *what, tp_error *error) {
  reader of = {.L = L, .what = what, .error = error};
  int top = lua_gettop(L);
  tp_value *block = NULL;
  if (!lua_checkstack(L, 8)) {
    tp_fail(error, TP_NO_MEMORY, "no memory for a %s", what);
    return NULL;
  }
  luaL_getmetatable(L, TP_SET_TYPE);
  of.sets = lua_gettop(L);
  if (read_all(&of, first, count)) {
    size_t size = of.value_count * sizeof(tp_value);
    block = malloc(size + of.byte_count + 1);
    if (block) {
      of.values = block;
      of.bytes = (char *)block + size;
      read_all(&of, first, count);
    } else {
      tp_fail(error, TP_NO_MEMORY, "no memory for a %s", what);
    }
  }
  lua_settop(L, top);
  return block;
}

/* ---- copying ---- */

/* Where the parts of a copy go. */
typedef struct copier {
  tp_value *values; /* the next values; NULL: they are only counted */
  char *bytes;      /* the next bytes */
  size_t value_count, byte_count;
} copier;

static tp_value copy(copier *to, const tp_value *value);

/* Copies values that follow each other. */
static const tp_value *copy_all(copier *to, const tp_value *values, size_t count) {
  tp_value *copies = to->values;
  to->value_count += count;
  if (copies)
    to->values += count;
  for (size_t i = 0; i < count; i++) {
    tp_value one = copy(to, &values[i]);
    if (copies)
      copies[i] = one;
  }
  return copies;
}

static tp_value copy(copier *to, const tp_value *value) {
  tp_value made = *value;
  if (value->type == TP_LIST)
    made.as.items = copy_all(to, value->as.items, value->count);
  if (value->type == TP_MAP)
    made.as.pairs =
        (const tp_pair *)copy_all(to, (const tp_value *)value->as.pairs, value->count * 2);
  if (value->type != TP_STRING)
    return made;
  made.as.string = to->bytes;
  to->byte_count += value->count + 1;
  if (to->values) {
    if (value->count)
      memcpy(to->bytes, value->as.string, value->count);
    to->bytes[value->count] = '\0';
    to->bytes += value->count + 1;
  }
  return made;
}

tp_value *tp_convert_copy(const tp_value *values, size_t count) {
  copier to = {0};
  copy_all(&to, values, count);
  size_t size = to.value_count * sizeof(tp_value);
  tp_value *block = malloc(size + to.byte_count + 1);
  if (!block)
    return NULL;
  to.values = block;
  to.bytes = (char *)block + size;
  copy_all(&to, values, count);
  return block;
}

/* ---- errors ---- */

void tp_convert_error(lua_State *L, int index, tp_error *error) {
  tp_code code = tp_error_code(L, index);
  const char *message = NULL;
  int top = lua_gettop(L);
  if (code && lua_checkstack(L, 3)) {
    lua_pushvalue(L, index);
    lua_pushliteral(L, "message");
    lua_rawget(L, -2);
  } else if (lua_checkstack(L, 1)) {
    lua_pushvalue(L, index);
  }
  if (lua_type(L, -1) == LUA_TSTRING)
    message = lua_tostring(L, -1);
  if (message)
    tp_fail(error, code ? code : TP_SCRIPT_ERROR, "%s", message);
  else
    tp_fail(error, TP_SCRIPT_ERROR, "an error that is a %s", luaL_typename(L, index));
  lua_settop(L, top);
}

void tp_convert_push_error(lua_State *L, const tp_error *error) {
  lua_pushstring(L, error->message);
  tp_error_wrap(L, error->code ? error->code : TP_SCRIPT_ERROR);
}
