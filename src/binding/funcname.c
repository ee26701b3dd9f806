/* SPDX-License-Identifier: MIT
 *
 * A name for a function; see funcname.h. */
#include "binding/funcname.h"

#include "value/callable.h"
#include "value/name.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Looks for the function at `index` among the local variables of the calling function, the
 * innermost last. */
static const char *find_local(lua_State *L, int index, lua_Debug *caller) {
  const char *found = NULL, *name;
  for (int i = 1; (name = lua_getlocal(L, caller, i)); i++) {
    if (*name != '(' && lua_rawequal(L, -1, index))
      found = name;
    lua_pop(L, 1);
  }
  return found;
}

static const char *find_upvalue(lua_State *L, int index, lua_Debug *caller) {
  const char *found = NULL, *name;
  lua_getinfo(L, "f", caller);
  for (int i = 1; !found && (name = lua_getupvalue(L, -1, i)); i++) {
    if (*name && lua_rawequal(L, -1, index))
      found = name;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return found;
}

/* Where a function was defined. */
typedef struct place {
  const char *source; /* the text of the chunk, which every function of it shares */
  int line;           /* its first line */
  bool is_shared;     /* a field of a module was defined there too */
} place;

/* Whether the value on top is a Lua function that was defined there. */
static bool is_defined_at(lua_State *L, const place *at) {
  lua_Debug info;
  if (!lua_isfunction(L, -1) || lua_iscfunction(L, -1))
    return false;
  lua_pushvalue(L, -1);
  lua_getinfo(L, ">S", &info);
  return info.linedefined == at->line && info.source == at->source;
}

/* Looks for the function among the fields of the table on top; pushes the key if it is there.
 * Notes whether there are others of its place. */
static bool push_key(lua_State *L, int index, place *of) {
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    bool found = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, index);
    of->is_shared = of->is_shared || is_defined_at(L, of);
    lua_pop(L, 1);
    if (found)
      return true;
  }
  return false;
}

/* The same for the fields of all loaded modules; the globals are one of them. */
static bool push_module_key(lua_State *L, int index, place *of) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    if (lua_istable(L, -1) && push_key(L, index, of)) {
      lua_replace(L, -4);
      lua_pop(L, 2);
      return true;
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return false;
}

/* Pushes where a function was defined, such as "hosts.lua:12", if that is a file. */
static void push_place(lua_State *L, const lua_Debug *info) {
  const char *slash = strrchr(info->source, '/');
  if (*info->source == '@')
    lua_pushfstring(L, "%s:%d", slash ? slash + 1 : info->source + 1, info->linedefined);
  else
    lua_pushliteral(L, "anonymous");
}

/* Its address is the registry key of the set of places of which no function is in a module: a
 * closure made anew for each call is looked for once. When it is full, it starts again. */
static const char nameless_key;
enum { NAMELESS_MAX = 1000 };

/* The place in that set. */
static lua_Integer place_number(const place *of) {
  uintptr_t number = (uintptr_t)of->source + ((uintptr_t)of->line << 40);
  return (lua_Integer)number;
}

static bool is_nameless(lua_State *L, lua_Integer number) {
  int top = lua_gettop(L);
  bool found = lua_rawgetp(L, LUA_REGISTRYINDEX, &nameless_key) == LUA_TTABLE &&
               lua_rawgeti(L, -1, number) != LUA_TNIL;
  lua_settop(L, top);
  return found;
}

static void add_nameless(lua_State *L, lua_Integer number) {
  lua_Integer count = 0;
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &nameless_key) == LUA_TTABLE) {
    lua_getfield(L, -1, "n");
    count = lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  if (count % NAMELESS_MAX == 0) {
    lua_pop(L, 1);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &nameless_key);
  }
  lua_pushinteger(L, count + 1);
  lua_setfield(L, -2, "n");
  lua_pushboolean(L, true);
  lua_rawseti(L, -2, number);
  lua_pop(L, 1);
}

/* Pushes the last word of the name that the function was exposed under. */
static bool push_exposed_key(lua_State *L, int index) {
  if (!tp_name_push_exposed_of(L, index))
    return false;
  const char *name = lua_tostring(L, -1), *dot = strrchr(name, '.');
  lua_pushstring(L, dot ? dot + 1 : name);
  lua_remove(L, -2);
  return true;
}

/* Pushes the name of the function in a module; without one, the place where it was defined. */
static void push_module_key_or_place(lua_State *L, int index) {
  lua_Debug info;
  if (push_exposed_key(L, index))
    return;
  tp_callable_push_function(L, index);
  lua_getinfo(L, ">S", &info);
  place of = {.source = info.source, .line = info.linedefined};
  if (!is_nameless(L, place_number(&of))) {
    if (push_module_key(L, index, &of))
      return;
    if (!of.is_shared)
      add_nameless(L, place_number(&of));
  }
  push_place(L, &info);
}

void tp_funcname_push(lua_State *L, int index) {
  lua_Debug caller;
  luaL_checkstack(L, 8, NULL);
  index = lua_absindex(L, index);
  const char *name = NULL;
  if (lua_getstack(L, 1, &caller)) {
    name = find_local(L, index, &caller);
    if (!name)
      name = find_upvalue(L, index, &caller);
  }
  if (name)
    lua_pushstring(L, name);
  else
    push_module_key_or_place(L, index);
}
