/* SPDX-License-Identifier: MIT
 *
 * What can be called; see callable.h. */
#include "value/callable.h"

#include <lauxlib.h>

bool tp_callable_is(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  bool is_function = lua_isfunction(L, -1);
  lua_pop(L, 1);
  return is_function;
}

int tp_callable_push_function(lua_State *L, int index) {
  if (lua_isfunction(L, index)) {
    lua_pushvalue(L, index);
    return 0;
  }
  luaL_getmetafield(L, index, "__call");
  return 1;
}

bool tp_callable_has(lua_State *L, int index, const char *metamethod) {
  if (luaL_getmetafield(L, index, metamethod) == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}
