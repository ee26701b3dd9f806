/* SPDX-License-Identifier: MIT
 *
 * Errors as values: see error.h.
 *
 * How it works. All error tables of a Lua state share one metatable, made when the first is
 * wrapped. Beside the metamethods it holds what tp_error_code needs to read a code without making a
 * string: the key "code" itself at index 1, and the number of each code under its name. */
#include "value/error.h"
#include <lauxlib.h>

/* Its address is the metatable's second key in the registry: one that is looked up without a
 * string. */
static const char metatable_key;

/* Pushes the field `name` of the table at `index` if it is a string, else "?". */
static void push_field(lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  if (lua_rawget(L, index) == LUA_TSTRING)
    return;
  lua_pop(L, 1);
  lua_pushliteral(L, "?");
}

void tp_error_push_text(lua_State *L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  push_field(L, index, "code");
  lua_pushliteral(L, ": ");
  push_field(L, index, "message");
  lua_concat(L, 3);
}

static int l_error_tostring(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  tp_error_push_text(L, 1);
  return 1;
}

/* Fills the new metatable on top of the stack. */
static void fill_metatable(lua_State *L) {
  static const tp_code codes[] = {
#define CODE_MEMBER(member, name) TP_##member,
      TP_CODES(CODE_MEMBER)
#undef CODE_MEMBER
  };
  lua_pushliteral(L, "code");
  lua_rawseti(L, -2, 1);
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
    lua_pushinteger(L, codes[i]);
    lua_setfield(L, -2, tp_code_name(codes[i]));
  }
  lua_pushcfunction(L, l_error_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, TP_ERROR_TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

/* Pushes the metatable. The key by address is set last: if it is missing, memory has run out before
 * and the metatable is filled again. */
static void push_metatable(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  luaL_newmetatable(L, TP_ERROR_TYPE);
  fill_metatable(L);
}

void tp_error_wrap(lua_State *L, tp_code code) {
  tp_error_wrap_for(L, code, 0);
}

void tp_error_wrap_for(lua_State *L, tp_code code, int fields) {
  luaL_checkstack(L, 6, NULL);
  lua_createtable(L, 0, 2 + fields);
  lua_insert(L, -2);
  lua_setfield(L, -2, "message");
  lua_pushstring(L, tp_code_name(code));
  lua_setfield(L, -2, "code");
  tp_error_mark(L);
}

void tp_error_mark(lua_State *L) {
  luaL_checkstack(L, 6, NULL);
  push_metatable(L);
  lua_setmetatable(L, -2);
}

tp_code tp_error_code(lua_State *L, int index) {
  if (!lua_istable(L, index) || !lua_checkstack(L, 4))
    return TP_OK;
  int top = lua_gettop(L);
  index = lua_absindex(L, index);
  tp_code code = TP_OK;
  if (lua_getmetatable(L, index)) {
    int metatable = top + 1;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    if (lua_rawequal(L, -1, metatable)) {
      lua_rawgeti(L, metatable, 1); /* "code" */
      lua_rawget(L, index);         /* its name */
      lua_rawget(L, metatable);     /* its number */
      code = (tp_code)lua_tointeger(L, -1);
    }
  }
  lua_settop(L, top);
  return code;
}

const char *tp_error_name(lua_State *L, int index) {
  const char *name = NULL;
  if (lua_istable(L, index) && lua_checkstack(L, 4)) {
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
    if (lua_getmetatable(L, index) && lua_rawequal(L, -1, -2)) {
      lua_rawgeti(L, -1, 1); /* "code" */
      if (lua_rawget(L, index) == LUA_TSTRING)
        name = lua_tostring(L, -1);
    }
    lua_settop(L, top);
  }
  return name ? name : tp_code_name(TP_SCRIPT_ERROR);
}
