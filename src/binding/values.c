/* SPDX-License-Identifier: MIT
 *
 * Several values as one; see values.h. */
#include "binding/values.h"

#include <lauxlib.h>

void tp_values_pack(lua_State *L, int first, int count) {
  luaL_checkstack(L, 2, NULL);
  lua_createtable(L, count, 1);
  for (int i = 0; i < count; i++) {
    lua_pushvalue(L, first + i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "n");
}

int tp_values_unpack(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_getfield(L, index, "n");
  int count = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  luaL_checkstack(L, count, "too many results");
  for (int i = 1; i <= count; i++)
    lua_rawgeti(L, index, i);
  return count;
}
