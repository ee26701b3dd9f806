/* SPDX-License-Identifier: MIT
 *
 * Arguments by name: a table of them becomes a list, by the parameter names that are in the debug
 * information of a Lua function. */
#include "exec/bind.h"
#include "value/callable.h"
#include "value/list.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <string.h>

/* The name of parameter `n` of what is called, NULL if there is none. */
static const char *parameter_name(lua_State *L, int function, int n) {
  int own = tp_callable_push_function(L, function);
  const char *name = lua_getlocal(L, NULL, n + own);
  lua_pop(L, 1);
  return name;
}

/* Pushes where a function is defined, for messages. */
static const char *push_place(lua_State *L, int function) {
  lua_Debug info;
  tp_callable_push_function(L, function);
  lua_getinfo(L, ">S", &info);
  return lua_pushfstring(L, "the function at %s:%d", info.short_src, info.linedefined);
}

/* The position of the parameter called `name`; 0: there is none. */
static int find_parameter(lua_State *L, int function, const char *name, int count) {
  for (int n = 1; n <= count; n++) {
    const char *parameter = parameter_name(L, function, n);
    if (!parameter)
      tp_raise(L, TP_INVALID_ARGUMENT,
               "%s has no debug information, so it takes no arguments by name ('%s')",
               push_place(L, function), name);
    if (strcmp(parameter, name) == 0)
      return n;
  }
  return 0;
}

static int parameter_count(lua_State *L, int function) {
  lua_Debug info;
  int own = tp_callable_push_function(L, function);
  lua_getinfo(L, ">uS", &info);
  if (*info.what == 'C')
    tp_raise(L, TP_INVALID_ARGUMENT, "a C function takes no arguments by name");
  return info.nparams - own;
}

/* Adds the table of named arguments at `named` to the list at `target`, which has `given` elements.
 */
static lua_Integer add_named(lua_State *L, int function, int named, int target, lua_Integer given) {
  int count = parameter_count(L, function);
  lua_Integer last = given;
  lua_pushnil(L);
  while (lua_next(L, named)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      tp_raise(L, TP_INVALID_ARGUMENT, "arguments by name must have string keys, not %s",
               luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    int position = find_parameter(L, function, name, count);
    if (!position)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s has no parameter '%s'", push_place(L, function), name);
    if (position <= given)
      tp_raise(L, TP_INVALID_ARGUMENT,
               "parameter '%s' of %s is given twice, by position and by name", name,
               push_place(L, function));
    lua_rawseti(L, target, position);
    if (position > last)
      last = position;
  }
  return last;
}

void tp_bind_arguments(lua_State *L, int function, int list, int named) {
  luaL_checkstack(L, 10, NULL);
  lua_Integer given = 0;
  lua_newtable(L);
  int target = lua_gettop(L);
  if (list && !lua_isnoneornil(L, list)) {
    given = tp_list_length(L, list);
    for (lua_Integer i = 1; i <= given; i++) {
      lua_rawgeti(L, list, i);
      lua_rawseti(L, target, i);
    }
  }
  lua_Integer last = given;
  if (named && !lua_isnoneornil(L, named))
    last = add_named(L, function, named, target, given);
  lua_pushinteger(L, last);
  lua_setfield(L, target, "n");
}
