/* SPDX-License-Identifier: MIT
 *
 * Iterators; see iterator.h.
 *
 * How it works. The user values of the userdata hold what it steps; its mode says what that is.
 * Each call leads to one function of the mode; calls into the script go through lua_callk with the
 * rest of the work as continuation, so that they may wait. All that find the userdata at [1]. */
#include "value/iterator.h"
#include "value/callable.h"
#include "value/list.h"
#include "value/raise.h"

#include <lauxlib.h>

#define ITERATOR_TYPE "taskpool.iterator"

/* The user values. */
enum {
  SOURCE = 1, /* what is called, or the list */
  STATE,      /* the state of the generic for; the argument of a maker */
  CONTROL,    /* its control value; the index of the last item of a list */
  CLOSING,    /* what is closed at the end; nil: nothing */
  VALUES = CLOSING
};

typedef enum iterator_mode {
  MODE_STEP,  /* a generic for */
  MODE_CALLS, /* something that is called without arguments */
  MODE_LIST,  /* a list, whose length it says */
  MODE_PROXY, /* a list that ends with the first nil */
  MODE_MAKER, /* a function that makes the iterator, not called yet */
  MODE_OVER,  /* the end was reached */
} iterator_mode;

static void set_mode(lua_State *L, iterator_mode mode) {
  *(iterator_mode *)lua_touserdata(L, 1) = mode;
}

/* Ends the iteration and releases what was stepped; the closing value stays. */
static int finish(lua_State *L) {
  set_mode(L, MODE_OVER);
  for (int i = SOURCE; i <= CONTROL; i++) {
    lua_pushnil(L);
    lua_setiuservalue(L, 1, i);
  }
  lua_pushnil(L);
  return 1;
}

/* ---- a list ---- */

/* How the list at `index` is stepped. */
static iterator_mode list_mode(lua_State *L, int index) {
  bool is_proxy = tp_list_length(L, index) == 0 && tp_callable_has(L, index, "__index");
  return is_proxy && !tp_callable_has(L, index, "__len") ? MODE_PROXY : MODE_LIST;
}

/* The length of the list on top. Its metamethods, if it has some, must not wait. */
static lua_Integer length_of(lua_State *L) {
  return tp_callable_has(L, -1, "__len") ? luaL_len(L, -1) : tp_list_length(L, -1);
}

static int step_list(lua_State *L, bool ends_with_nil) {
  lua_getiuservalue(L, 1, CONTROL);
  lua_Integer index = lua_tointeger(L, -1) + 1;
  lua_getiuservalue(L, 1, SOURCE);
  if (index == 1 && tp_list_has_keys_only(L, -1) && lua_geti(L, -1, 1) == LUA_TNIL)
    return tp_raise(L, TP_INVALID_ARGUMENT, "the table has keys, but no list items to go over");
  lua_settop(L, 3);
  if (!ends_with_nil && index > length_of(L))
    return finish(L);
  if (lua_geti(L, -1, index) == LUA_TNIL && ends_with_nil)
    return finish(L);
  if (lua_isnil(L, -1))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "item " LUA_INTEGER_FMT " of the list is nil, which ends an iterator", index);
  lua_pushinteger(L, index);
  lua_setiuservalue(L, 1, CONTROL);
  return 1;
}

/* ---- a generic for ---- */

/* The step has returned; its results are all values above [1]. */
static int stepped(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  if (lua_isnoneornil(L, 2))
    return finish(L);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, 1, CONTROL);
  return lua_gettop(L) - 1;
}

static int step(lua_State *L) {
  for (int i = SOURCE; i <= CONTROL; i++)
    lua_getiuservalue(L, 1, i);
  lua_callk(L, 2, LUA_MULTRET, 0, stepped);
  return stepped(L, LUA_OK, 0);
}

static int step_calls(lua_State *L) {
  lua_getiuservalue(L, 1, SOURCE);
  lua_callk(L, 0, LUA_MULTRET, 0, stepped);
  return stepped(L, LUA_OK, 0);
}

/* ---- a maker ---- */

/* The maker has returned; its first four results are all values above [1]. */
static int made(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  bool callable = tp_callable_is(L, 2);
  if (!callable && !lua_istable(L, 2))
    return tp_raise(
        L, TP_INVALID_ARGUMENT,
        "the function that makes the iterator returned %s; expected an iterator or a list",
        luaL_typename(L, 2));
  if (!callable) {
    lua_pushinteger(L, 0);
    lua_replace(L, 4);
  }
  iterator_mode mode = callable ? MODE_STEP : list_mode(L, 2);
  if (!callable && tp_callable_has(L, 2, "__pairs") && !tp_callable_has(L, 2, "__len"))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "the function that makes the iterator returned a table with __pairs; it should "
                    "return pairs(t)");
  for (int i = CLOSING; i >= SOURCE; i--)
    lua_setiuservalue(L, 1, i);
  set_mode(L, mode);
  return callable ? step(L) : step_list(L, mode == MODE_PROXY);
}

static int make(lua_State *L) {
  lua_getiuservalue(L, 1, SOURCE);
  int count = lua_getiuservalue(L, 1, STATE) != LUA_TNIL;
  lua_settop(L, 2 + count);
  lua_callk(L, count, VALUES, 0, made);
  return made(L, LUA_OK, 0);
}

/* ---- the userdata ---- */

/* Lua: the next values. */
static int l_iterator_call(lua_State *L) {
  iterator_mode mode = *(iterator_mode *)luaL_checkudata(L, 1, ITERATOR_TYPE);
  lua_settop(L, 1);
  switch (mode) {
  case MODE_STEP:
    return step(L);
  case MODE_CALLS:
    return step_calls(L);
  case MODE_LIST:
  case MODE_PROXY:
    return step_list(L, mode == MODE_PROXY);
  case MODE_MAKER:
    return make(L);
  case MODE_OVER:
    break;
  }
  lua_pushnil(L);
  return 1;
}

static int closed(lua_State *L, int status, lua_KContext context) {
  (void)L, (void)status, (void)context;
  return 0;
}

/* Lua: __close(iterator, error). */
static int l_iterator_close(lua_State *L) {
  luaL_checkudata(L, 1, ITERATOR_TYPE);
  lua_settop(L, 2);
  finish(L);
  lua_getiuservalue(L, 1, CLOSING);
  lua_pushnil(L);
  lua_setiuservalue(L, 1, CLOSING);
  if (luaL_getmetafield(L, -1, "__close") == LUA_TNIL)
    return 0;
  lua_insert(L, -2);
  lua_pushvalue(L, 2);
  lua_callk(L, 2, 0, 0, closed);
  return 0;
}

/* Replaces the `count` values on top, the first user values, by the userdata. */
static void push(lua_State *L, int count, iterator_mode mode) {
  static const luaL_Reg metamethods[] = {
      {"__call", l_iterator_call}, {"__close", l_iterator_close}, {NULL, NULL}};
  luaL_checkstack(L, 3, NULL);
  *(iterator_mode *)lua_newuserdatauv(L, sizeof(iterator_mode), VALUES) = mode;
  if (luaL_newmetatable(L, ITERATOR_TYPE))
    luaL_setfuncs(L, metamethods, 0);
  lua_setmetatable(L, -2);
  lua_insert(L, -(count + 1));
  for (int i = count; i >= 1; i--)
    lua_setiuservalue(L, -(i + 1), i);
}

void tp_iterator_push(lua_State *L) {
  push(L, VALUES, MODE_STEP);
}

void tp_iterator_push_calls(lua_State *L) {
  push(L, 1, MODE_CALLS);
}

void tp_iterator_push_list(lua_State *L) {
  push(L, 1, list_mode(L, -1));
}

void tp_iterator_push_made(lua_State *L) {
  push(L, 2, MODE_MAKER);
}
