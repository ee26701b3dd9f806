/* SPDX-License-Identifier: MIT
 *
 * What a table looks like; see shape.h. */
#include "value/shape.h"
#include "value/list.h"

static bool is_set(lua_State *L, int table, int sets) {
  if (!lua_getmetatable(L, table))
    return false;
  bool same = lua_rawequal(L, -1, sets);
  lua_pop(L, 1);
  return same;
}

/* True if the key below the top is "n" and its value on top a length. */
static bool is_length(lua_State *L, lua_Integer *length) {
  if (lua_type(L, -2) != LUA_TSTRING || lua_rawlen(L, -2) != 1 || *lua_tostring(L, -2) != 'n')
    return false;
  *length = lua_tointeger(L, -1);
  return lua_isinteger(L, -1) && *length >= 0;
}

tp_shape tp_shape_of(lua_State *L, int table, int sets) {
  lua_Integer items = 0, last = 0, length = -1, marked = tp_list_marked(L, table);
  bool others = false;
  tp_shape found = {.kind = TP_SHAPE_TABLE};
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1), found.keys++) {
    if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
      items++;
      last = lua_tointeger(L, -2) > last ? lua_tointeger(L, -2) : last;
    } else if (!is_length(L, &length)) {
      others = true;
    }
  }
  if (marked >= 0)
    length = last > marked ? last : marked;
  bool is_list = length < 0 ? last == items : (items > 0 || marked > 0) && last <= length;
  if (is_set(L, table, sets)) {
    found.kind = TP_SHAPE_SET;
  } else if (!others && is_list) {
    found.kind = TP_SHAPE_LIST;
    found.length = length < 0 ? items : length;
    found.nils = found.length - items;
  }
  return found;
}

bool tp_shape_is_open(const void *const *open, int depth, const void *table) {
  for (int i = 0; i < depth; i++) {
    if (open[i] == table)
      return true;
  }
  return false;
}
