/* SPDX-License-Identifier: MIT
 *
 * How long a list is; see list.h. */
#include "value/list.h"

#include <lauxlib.h>

/* Its address is the key of the length in the metatable of a marked list. */
static const char length_key;

void tp_list_mark(lua_State *L, int index, lua_Integer length) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 2, NULL);
  lua_createtable(L, 0, 1);
  lua_pushinteger(L, length);
  lua_rawsetp(L, -2, &length_key);
  lua_setmetatable(L, index);
}

lua_Integer tp_list_marked(lua_State *L, int index) {
  if (!lua_getmetatable(L, index))
    return -1;
  lua_Integer length = lua_rawgetp(L, -1, &length_key) == LUA_TNUMBER ? lua_tointeger(L, -1) : -1;
  lua_pop(L, 2);
  return length;
}

lua_Integer tp_list_length(lua_State *L, int index) {
  index = lua_absindex(L, index);
  lua_pushliteral(L, "n");
  lua_rawget(L, index);
  lua_Integer length = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : tp_list_marked(L, index);
  lua_Integer border = length < 0 ? (lua_Integer)lua_rawlen(L, index) : length;
  lua_pop(L, 1);
  return border;
}

bool tp_list_has_keys_only(lua_State *L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 3, NULL);
  lua_pushliteral(L, "n");
  bool says = lua_rawget(L, index) != LUA_TNIL;
  lua_pop(L, 1);
  if (says || tp_list_length(L, index) > 0)
    return false;
  lua_pushnil(L);
  if (!lua_next(L, index))
    return false;
  lua_pop(L, 1);
  return true;
}
