/* SPDX-License-Identifier: MIT
 *
 * Lists that methods return row by row; see rows.h. */
#include "binding/rows.h"
#include "exec/exec.h"
#include "exec/park.h"
#include "exec/wait.h"
#include "host/host.h"
#include "value/raise.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

#define TYPE "taskpool.rows"

void tp_rows_close(tp_rows *rows) {
  void (*close)(tp_rows * rows) = rows->close;
  rows->close = NULL;
  if (close)
    close(rows);
}

/* Lua: the end of rows that may not have come to theirs. */
static int l_gc(lua_State *L) {
  tp_rows_close(lua_touserdata(L, 1));
  return 0;
}

/* ---- waiting ---- */

int tp_rows_park(tp_rows *rows, lua_State *L, lua_KFunction k, lua_KContext context) {
  rows->exec = tp_state_host(L)->exec;
  if (tp_park_is_parked(rows->exec, rows->reader))
    tp_raise(L, TP_INVALID_ARGUMENT, "another task waits for this stream; each needs its own");
  rows->reader = tp_wait_id(rows->exec, L);
  return tp_wait_park(rows->exec, L, k, context);
}

void tp_rows_wake(const tp_rows *rows) {
  if (rows->reader)
    tp_park_wake(rows->exec, rows->reader, tp_exec_state(rows->exec), 0);
}

/* Lua: goes on with the next row of the stream at [1]. */
static int step(lua_State *L, int status, lua_KContext context) {
  enum { ROWS = 1 };
  tp_rows *rows = tp_rows_at(L, ROWS);
  tp_rows_step brought;
  (void)context;
  if (status == LUA_YIELD)
    tp_wait_values(rows->exec, L, ROWS);
  lua_settop(L, ROWS);
  do
    brought = tp_rows_next(rows, L);
  while (brought == TP_ROWS_NONE);
  if (brought == TP_ROWS_WAITING)
    return tp_rows_park(rows, L, step, 0);
  if (brought == TP_ROWS_END)
    lua_pushnil(L);
  return lua_gettop(L) - ROWS;
}

/* Lua: the next row of a stream, or nil at its end. */
static int l_step(lua_State *L) {
  return step(L, LUA_OK, 0);
}

/* ---- lists ---- */

void *tp_rows_push(lua_State *L, size_t size, const tp_rows *rows) {
  luaL_checkstack(L, 3, NULL);
  tp_rows *pushed = lua_newuserdatauv(L, size, 0);
  memset(pushed, 0, size);
  if (luaL_newmetatable(L, TYPE)) {
    static const luaL_Reg functions[] = {
        {"__gc", l_gc}, {"__close", l_gc}, {"__call", l_step}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
  }
  lua_setmetatable(L, -2);
  *pushed = *rows;
  return pushed;
}

bool tp_rows_are_at(lua_State *L, int index) {
  return luaL_testudata(L, index, TYPE);
}

tp_rows *tp_rows_at(lua_State *L, int index) {
  return luaL_checkudata(L, index, TYPE);
}

tp_rows_step tp_rows_next(tp_rows *rows, lua_State *L) {
  tp_rows_step step = rows->left > 0 && rows->close ? rows->next(rows, L) : TP_ROWS_END;
  rows->left -= step == TP_ROWS_FOUND;
  if (step == TP_ROWS_END)
    tp_rows_close(rows);
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
  if (rows->is_stream)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "a stream has no end: only Lua code and control sessions can "
             "follow it");
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_newtable(L);
  if (rows->is_set)
    luaL_setmetatable(L, TP_SET_TYPE);
  for (lua_Integer count = 0; (step = tp_rows_next(rows, L)) != TP_ROWS_END;)
    if (step == TP_ROWS_FOUND)
      keep_row(L, rows, ++count);
  return 1;
}

int tp_rows_return(lua_State *L) {
  tp_rows *rows = tp_rows_at(L, -1);
  rows->is_stream = rows->is_stream || rows->waits_in_lua;
  if (!rows->is_stream)
    return tp_rows_collect(L);
  luaL_checkstack(L, 3, NULL);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushvalue(L, -3);
  return 4;
}
