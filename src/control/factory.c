/* SPDX-License-Identifier: MIT
 *
 * Iterators from factories: see factory.h.
 *
 * How it works. The iterator function is a closure whose upvalues hold what it steps; its mode says
 * what that is. Each call leads to one function of the mode; calls into the script go through
 * lua_callk with the rest of the work as continuation, so that they may wait. */
#include "control/factory.h"
#include "value/error.h"
#include <lauxlib.h>

/* The upvalues. */
enum {
  UP_MODE = 1, /* a factory_mode */
  UP_SOURCE,   /* the factory, then the step function or the list */
  UP_STATE,    /* the state of the generic for */
  UP_CONTROL,  /* its control value; the index of the last item of a list */
  UP_COUNT = UP_CONTROL
};

typedef enum factory_mode {
  MODE_NEW,  /* the factory has not been called */
  MODE_STEP, /* it returned something to call */
  MODE_LIST, /* it returned a list */
  MODE_OVER, /* the end was reached */
} factory_mode;

static void set_mode(lua_State *L, factory_mode mode) {
  lua_pushinteger(L, mode);
  lua_replace(L, lua_upvalueindex(UP_MODE));
}

/* Ends the iteration and lets go of what was stepped. */
static int finish(lua_State *L) {
  set_mode(L, MODE_OVER);
  for (int i = UP_SOURCE; i <= UP_COUNT; i++) {
    lua_pushnil(L);
    lua_replace(L, lua_upvalueindex(i));
  }
  lua_pushnil(L);
  return 1;
}

/* ---- a list ---- */

/* How many items the list says it has, 0 if it does not say. */
static lua_Integer said_length(lua_State *L) {
  lua_pushliteral(L, "n");
  lua_rawget(L, lua_upvalueindex(UP_SOURCE));
  lua_Integer length = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
  lua_pop(L, 1);
  return length;
}

static int step_list(lua_State *L) {
  lua_Integer index = lua_tointeger(L, lua_upvalueindex(UP_CONTROL)) + 1;
  if (lua_rawgeti(L, lua_upvalueindex(UP_SOURCE), index) == LUA_TNIL) {
    if (index > said_length(L))
      return finish(L);
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "item " LUA_INTEGER_FMT " of the list is nil, which ends an iterator", index);
  }
  lua_pushinteger(L, index);
  lua_replace(L, lua_upvalueindex(UP_CONTROL));
  return 1;
}

/* ---- a generic for ---- */

/* The step has returned; its results are all there is on the stack. */
static int stepped(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  if (lua_isnoneornil(L, 1))
    return finish(L);
  lua_pushvalue(L, 1);
  lua_replace(L, lua_upvalueindex(UP_CONTROL));
  return lua_gettop(L);
}

static int step(lua_State *L) {
  for (int i = UP_SOURCE; i <= UP_CONTROL; i++)
    lua_pushvalue(L, lua_upvalueindex(i));
  lua_callk(L, 2, LUA_MULTRET, 0, stepped);
  return stepped(L, LUA_OK, 0);
}

/* ---- the factory ---- */

static bool is_callable(lua_State *L, int index) {
  if (lua_isfunction(L, index))
    return true;
  if (luaL_getmetafield(L, index, "__call") == LUA_TNIL)
    return false;
  lua_pop(L, 1);
  return true;
}

/* The factory has returned; its first three results are all there is on the stack. */
static int made(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  bool callable = is_callable(L, 1);
  if (!callable && !lua_istable(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "the function that makes the iterator returned neither one nor a list but %s",
                    luaL_typename(L, 1));
  if (!callable) {
    lua_pushinteger(L, 0);
    lua_replace(L, 3);
  }
  lua_replace(L, lua_upvalueindex(UP_CONTROL));
  lua_replace(L, lua_upvalueindex(UP_STATE));
  lua_replace(L, lua_upvalueindex(UP_SOURCE));
  set_mode(L, callable ? MODE_STEP : MODE_LIST);
  return callable ? step(L) : step_list(L);
}

static int make(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(UP_SOURCE));
  lua_callk(L, 0, 3, 0, made);
  return made(L, LUA_OK, 0);
}

static int l_factory_step(lua_State *L) {
  lua_settop(L, 0);
  switch ((factory_mode)lua_tointeger(L, lua_upvalueindex(UP_MODE))) {
  case MODE_NEW:
    return make(L);
  case MODE_STEP:
    return step(L);
  case MODE_LIST:
    return step_list(L);
  case MODE_OVER:
    break;
  }
  lua_pushnil(L);
  return 1;
}

void tp_factory_push(lua_State *L) {
  luaL_checkstack(L, UP_COUNT, NULL);
  lua_pushinteger(L, MODE_NEW);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_pushnil(L);
  lua_pushcclosure(L, l_factory_step, UP_COUNT);
}
