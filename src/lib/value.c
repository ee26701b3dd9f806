/* SPDX-License-Identifier: MIT
 *
 * The values of taskpool.h. A value that the library returns is one block of memory: the value, all
 * values that it points to, and the bytes of their strings. */
#include "base/fail.h"
#include "lib/convert.h"
#include "value/literal.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* ---- looking ---- */

const tp_value *tp_value_get(const tp_value *value, const char *name) {
  if (!value || !name || value->type != TP_MAP)
    return NULL;
  size_t length = strlen(name);
  for (size_t i = 0; i < value->count; i++) {
    const tp_pair *pair = &value->as.pairs[i];
    if (pair->key.type == TP_STRING && pair->key.count == length &&
        memcmp(pair->key.as.string, name, length) == 0)
      return &pair->value;
  }
  return NULL;
}

const tp_value *tp_value_at(const tp_value *value, size_t index) {
  if (!value || value->type != TP_LIST || index >= value->count)
    return NULL;
  return &value->as.items[index];
}

/* ---- copying ---- */

tp_value *tp_value_copy(const tp_value *value) {
  return value ? tp_convert_copy(value, 1) : NULL;
}

void tp_value_free(tp_value *value) {
  free(value);
}

/* ---- parsing ---- */

/* A text to be read. */
typedef struct literal {
  const char *text;
  tp_value *value; /* what it is; NULL: not a literal */
  tp_error *error; /* then why */
} literal;

/* Lua: reads a literal. Stack: the record. */
static int l_parse(lua_State *L) {
  literal *of = lua_touserdata(L, 1);
  size_t length = strlen(of->text), used;
  if (!tp_literal_read(L, of->text, length, &used, of->error))
    return 0;
  size_t rest = used + strspn(of->text + used, " \t\r\n");
  if (rest < length)
    tp_fail(of->error, TP_INVALID_ARGUMENT, "more text after the value, at column %zu", rest + 1);
  else
    of->value = tp_convert_read(L, lua_gettop(L), 1, "value", of->error);
  return 0;
}

tp_value *tp_value_parse(const char *text, tp_error *error) {
  literal of = {.text = text, .error = error};
  if (!text) {
    tp_fail(error, TP_INVALID_ARGUMENT, "text must not be NULL");
    return NULL;
  }
  lua_State *L = luaL_newstate();
  if (L)
    lua_pushcfunction(L, l_parse);
  if (L)
    lua_pushlightuserdata(L, &of);
  if (!L || lua_pcall(L, 1, 0, 0) != LUA_OK)
    tp_fail(error, TP_NO_MEMORY, "no memory for a value");
  if (L)
    lua_close(L);
  return of.value;
}
