/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as a literal. A literal that is read leaves one value on the stack and
 * took no more than there was; one that is refused leaves nothing and says at which column. The
 * text of the value is one line, and where it can be read back, it comes out the same again.
 *
 * Sources: this file, src/base/, src/value/{error,raise,text,literal}.c.
 * Flags: clang -fsanitize=fuzzer,address,undefined. */
#include "value/literal.h"
#include "value/text.h"
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

/* Pushes the text of a list with the value on top in it: there a string has quotes. */
static const char *push_text(lua_State *L, size_t *length) {
  lua_newtable(L);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 1);
  tp_text_push(L, -1);
  lua_remove(L, -2);
  const char *text = lua_tolstring(L, -1, length);
  for (size_t i = 0; i < *length; i++)
    check((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
  return text;
}

/* The text of the value on top is read and written again. */
static void check_again(lua_State *L) {
  size_t length, again_length, used;
  const char *text = push_text(L, &length);
  if (!tp_literal_read(L, text, length, &used, NULL))
    return; /* too deep with the list around it, or keys that print alike */
  check(used == length && lua_istable(L, -1));
  if (lua_rawlen(L, -1) == 0)
    return; /* [nil] */
  lua_rawgeti(L, -1, 1);
  const char *again = push_text(L, &again_length);
  check(again_length == length && memcmp(again, text, length) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lua_State *L = luaL_newstate();
  size_t used = 0;
  tp_error error = {.code = TP_OK};
  check(L != NULL);
  if (tp_literal_read(L, (const char *)data, size, &used, &error)) {
    check(lua_gettop(L) == 1 && used <= size && error.code == TP_OK);
    check_again(L);
  } else {
    check(lua_gettop(L) == 0 && error.code == TP_INVALID_ARGUMENT);
    check(strstr(error.message, " at column ") != NULL);
  }
  lua_close(L);
  return 0;
}
