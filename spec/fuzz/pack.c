/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: packed values. Any bytes are unpacked, or refused; and what they say is built as
 * values, among them such as cannot be packed, and packed, or refused. What could be packed comes
 * back as it was: packed again it takes as many bytes, and it says the same.
 *
 * Sources: this file, src/base/, src/value/{error,raise,pack}.c.
 * Flags: clang -fsanitize=fuzzer,address,undefined. */
#include "value/pack.h"
#include "value/error.h"
#include <lauxlib.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

/* Lua: unpacks the string at [1], and leaves what was in it. */
static int l_unpack(lua_State *L) {
  size_t length;
  const char *data = lua_tolstring(L, 1, &length);
  int count = tp_pack_push(L, data, length);
  check(count == lua_gettop(L) - 1);
  return count;
}

/* Replaces the string on top by what is packed in it. False: it was refused, and is gone. */
static bool unpack(lua_State *L) {
  int base = lua_gettop(L) - 1;
  lua_pushcfunction(L, l_unpack);
  lua_insert(L, -2);
  bool ok = lua_pcall(L, 1, LUA_MULTRET, 0) == LUA_OK;
  if (!ok)
    lua_settop(L, base);
  return ok;
}

/* What comes back is what was sent: it takes as many bytes again. */
static void check_again(lua_State *L, int base) {
  tp_bytes bytes = {0}, again = {0};
  tp_error error = {.code = TP_OK};
  int count = lua_gettop(L) - base;
  if (tp_pack(&bytes, L, base + 1, count, "value", "on", &error)) {
    lua_settop(L, base);
    lua_pushlstring(L, bytes.data, bytes.length);
    check(unpack(L));
    check(lua_gettop(L) - base == count);
    check(tp_pack(&again, L, base + 1, count, "value", "on", &error));
    check(again.length == bytes.length);
  } else {
    check(error.code == TP_INVALID_ARGUMENT && strncmp(error.message, "value ", 6) == 0);
    check(bytes.length == 0);
  }
  tp_bytes_clear(&bytes);
  tp_bytes_clear(&again);
}

/* What is left to be read. */
typedef struct input {
  const uint8_t *at, *end;
} input;

static uint8_t next(input *in) {
  return in->at < in->end ? *in->at++ : 0;
}

static int l_nothing(lua_State *L) {
  (void)L;
  return 0;
}

static void push_number(lua_State *L, input *in) {
  uint8_t bytes[8];
  lua_Number number;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = next(in);
  memcpy(&number, bytes, sizeof number);
  if (bytes[0] & 1)
    lua_pushnumber(L, number);
  else
    lua_pushinteger(L, luaL_len(L, 1) + (lua_Integer)bytes[1] * bytes[2] * bytes[3] * INT32_MAX);
}

/* Builds a value. [1] is a table that holds itself. */
static void build(lua_State *L, input *in, int depth) {
  uint8_t kind = next(in);
  luaL_checkstack(L, 8, NULL);
  switch (depth > 40 ? kind % 6 : kind % 12) {
  case 0:
    lua_pushnil(L);
    break;
  case 1:
    lua_pushboolean(L, kind & 64);
    break;
  case 2:
    push_number(L, in);
    break;
  case 3:
    lua_pushlstring(L, (const char *)in->at, (size_t)(in->end - in->at) % (kind + 1u));
    break;
  case 4:
    if (kind & 64)
      lua_pushvalue(L, 1);
    else
      lua_pushcfunction(L, l_nothing);
    break;
  case 5:
    lua_pushinteger(L, kind);
    break;
  case 6:
  case 7:
  case 8:
    lua_newtable(L);
    for (int i = 1; i <= kind / 12; i++) {
      build(L, in, depth + 1);
      lua_rawseti(L, -2, i);
    }
    break;
  default:
    lua_newtable(L);
    for (int i = 0; i < kind / 12; i++) {
      build(L, in, depth + 1);
      if (lua_isnil(L, -1) || (lua_type(L, -1) == LUA_TNUMBER && !lua_rawequal(L, -1, -1))) {
        lua_pop(L, 1);
        continue;
      }
      build(L, in, depth + 1);
      lua_rawset(L, -3);
    }
    if (kind & 128)
      luaL_setmetatable(L, TP_ERROR_TYPE);
  }
}

/* Lua: builds values from the input at [2]. Stack: a table. */
static int l_build(lua_State *L) {
  input *in = lua_touserdata(L, 2);
  for (int count = next(in) % 4; count > 0; count--)
    build(L, in, 0);
  check_again(L, 2);
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lua_State *L = luaL_newstate();
  input in = {data, data + size};
  check(L != NULL);
  lua_pushlstring(L, (const char *)data, size);
  if (unpack(L))
    check_again(L, 0);
  lua_settop(L, 0);
  lua_pushcfunction(L, l_build);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawseti(L, -2, 1);
  lua_pushlightuserdata(L, &in);
  check(lua_pcall(L, 2, 0, 0) == LUA_OK);
  lua_close(L);
  return 0;
}
