/* SPDX-License-Identifier: MIT
 *
 * Lists that methods return row by row; see rows.h. */
#include "binding/rows.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

#define TYPE "taskpool.rows"

static void close_rows(tp_rows *rows) {
  if (rows->close)
    rows->close(rows);
  rows->close = NULL;
}

/* Lua: the end of rows that may not have come to theirs. */
static int l_gc(lua_State *L) {
  close_rows(lua_touserdata(L, 1));
  return 0;
}

void *tp_rows_push(lua_State *L, size_t size, const tp_rows *rows) {
  luaL_checkstack(L, 3, NULL);
  tp_rows *pushed = lua_newuserdatauv(L, size, 0);
  memset(pushed, 0, size);
  if (luaL_newmetatable(L, TYPE)) {
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *pushed = *rows;
  return pushed;
}

tp_rows *tp_rows_at(lua_State *L, int index) {
  return luaL_checkudata(L, index, TYPE);
}

tp_rows_step tp_rows_next(tp_rows *rows, lua_State *L) {
  tp_rows_step step = rows->left > 0 && rows->close ? rows->next(rows, L) : TP_ROWS_END;
  rows->left -= step == TP_ROWS_FOUND;
  if (step == TP_ROWS_END)
    close_rows(rows);
  return step;
}

/* Sets the row on top in the table below it; pops it. */
static void keep_row(lua_State *L, const tp_rows *rows, lua_Integer index) {
  if (!rows->is_set) {
    lua_rawseti(L, -2, index);
    return;
  }
  lua_pushboolean(L, true);
  lua_rawset(L, -3);
}

int tp_rows_collect(lua_State *L) {
  tp_rows *rows = tp_rows_at(L, -1);
  tp_rows_step step;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_newtable(L);
  if (rows->is_set)
    luaL_setmetatable(L, TP_SET_TYPE);
  for (lua_Integer count = 0; (step = tp_rows_next(rows, L)) != TP_ROWS_END;)
    if (step == TP_ROWS_FOUND)
      keep_row(L, rows, ++count);
  return 1;
}
