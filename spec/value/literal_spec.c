/* SPDX-License-Identifier: MIT
 *
 * The limits of literals, each with a literal just inside of it and one just outside. */
#include "value/literal.h"

#include <assert.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

static unsigned count;

/* Reads a text that must be accepted, or refused with `message` in the error. */
static void check(lua_State *L, const char *text, const char *message) {
  tp_error error = {.code = TP_OK};
  size_t used = 0, length = strlen(text);
  bool ok = tp_literal_read(L, text, length, &used, &error);
  assert(ok == !message);
  if (ok)
    assert(used == length && lua_gettop(L) == 1);
  else
    assert(error.code == TP_INVALID_ARGUMENT && strstr(error.message, message));
  lua_settop(L, 0);
  count++;
}

/* A literal of `depth` lists, one in the other. */
static void check_depth(lua_State *L, int depth, const char *message) {
  luaL_Buffer text;
  luaL_buffinit(L, &text);
  for (int i = 0; i < depth; i++)
    luaL_addchar(&text, '[');
  for (int i = 0; i < depth; i++)
    luaL_addchar(&text, ']');
  luaL_pushresult(&text);
  char copy[4 * TP_LITERAL_DEPTH];
  snprintf(copy, sizeof copy, "%s", lua_tostring(L, -1));
  lua_settop(L, 0);
  check(L, copy, message);
}

/* A list that is one value with its `values` elements in it. */
static void check_nodes(lua_State *L, int values, const char *message) {
  static char text[2 * TP_LITERAL_NODES + 100];
  char *at = text;
  *at++ = '[';
  for (int i = 0; i < values; i++) {
    *at++ = '1';
    *at++ = ',';
  }
  strcpy(at, "]");
  check(L, text, message);
}

int main(void) {
  lua_State *L = luaL_newstate();
  assert(L);
  check_depth(L, TP_LITERAL_DEPTH, NULL);
  check_depth(L, TP_LITERAL_DEPTH + 1, "deep");
  check_nodes(L, TP_LITERAL_NODES - 1, NULL);
  check_nodes(L, TP_LITERAL_NODES, "values");
  check(L, "9223372036854775807", NULL);
  check(L, "-9223372036854775808", NULL);
  check(L, "9223372036854775808", "64 bits");
  check(L, "-9223372036854775809", "64 bits");
  check(L, "1e308", NULL);
  check(L, "1e309", "");
  lua_close(L);
  printf("literal-limits: tried=%u\n", count);
  return 0;
}
