/* SPDX-License-Identifier: MIT
 *
 * What is lost with the old text of a module; see lost.h. */
#include "value/lost.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
  NAMES_MAX = 10,    /* names in the sentence */
  FIELDS_MAX = 1000, /* fields of a table that are compared */
};

/* ---- the state of a module ---- */

/* Adds the value on top, and pops it: to the table at `state`, unless the name is taken there. */
static void add_value(lua_State *L, int state, const char *name) {
  bool is_taken = lua_getfield(L, state, name) != LUA_TNIL;
  lua_pop(L, 1);
  if (is_taken || lua_isfunction(L, -1))
    lua_pop(L, 1);
  else
    lua_setfield(L, state, name);
}

/* Adds the local variables of the function on top, but not the module itself. */
static void add_locals(lua_State *L, int state, int module) {
  const char *name;
  for (int i = 1; (name = lua_getupvalue(L, -1, i)); i++) {
    if (*name != '\0' && strcmp(name, "_ENV") != 0 && !lua_rawequal(L, -1, module))
      add_value(L, state, name);
    else
      lua_pop(L, 1);
  }
}

/* Pushes a table name -> value of the state of the module at `module`. */
static void push_state(lua_State *L, int module) {
  lua_newtable(L);
  int state = lua_gettop(L);
  if (!lua_istable(L, module))
    return;
  for (lua_pushnil(L); lua_next(L, module); lua_pop(L, 1)) {
    lua_pushvalue(L, -1);
    if (lua_type(L, -3) == LUA_TSTRING)
      add_value(L, state, lua_tostring(L, -3));
    else
      lua_pop(L, 1);
  }
  for (lua_pushnil(L); lua_next(L, module); lua_pop(L, 1))
    if (lua_isfunction(L, -1))
      add_locals(L, state, module);
}

/* ---- comparing ---- */

/* Whether each field of the table at `one` is also in that at `other`. */
static bool has_fields(lua_State *L, int one, int other) {
  unsigned count = 0;
  for (lua_pushnil(L); lua_next(L, one); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, other);
    if (++count > FIELDS_MAX || !lua_rawequal(L, -1, -2)) {
      lua_pop(L, 3);
      return false;
    }
    lua_pop(L, 1);
  }
  return true;
}

/* Whether the two values on top are the same, or tables with the same fields. */
static bool are_equal(lua_State *L) {
  int other = lua_gettop(L), one = other - 1;
  if (!lua_istable(L, one) || !lua_istable(L, other))
    return lua_rawequal(L, one, other);
  return lua_rawequal(L, one, other) || (has_fields(L, one, other) && has_fields(L, other, one));
}

/* ---- the sentence ---- */

static int compare(const void *one, const void *other) {
  return strcmp(*(const char *const *)one, *(const char *const *)other);
}

/* Pushes the names with commas between. */
static void push_names(lua_State *L, const char **names, size_t count) {
  luaL_Buffer list;
  size_t shown = count < NAMES_MAX ? count : NAMES_MAX;
  qsort(names, count, sizeof *names, compare);
  luaL_buffinit(L, &list);
  for (size_t i = 0; i < shown; i++) {
    luaL_addstring(&list, i > 0 ? ", " : "");
    luaL_addstring(&list, names[i]);
  }
  if (shown < count) {
    lua_pushfstring(L, " and %d more", (int)(count - shown));
    luaL_addvalue(&list);
  }
  luaL_pushresult(&list);
}

/* Pushes a block for as many names as the table at `state` has. */
static const char **push_block(lua_State *L, int state) {
  size_t count = 1;
  for (lua_pushnil(L); lua_next(L, state); lua_pop(L, 1))
    count++;
  return lua_newuserdatauv(L, count * sizeof(const char *), 0);
}

void tp_lost_push(lua_State *L, int old, int new) {
  int base = lua_gettop(L);
  size_t count = 0;
  old = lua_absindex(L, old);
  new = lua_absindex(L, new);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_state(L, old);
  push_state(L, new);
  const char **names = push_block(L, base + 1);
  for (lua_pushnil(L); lua_next(L, base + 1); lua_pop(L, 2)) {
    lua_getfield(L, base + 2, lua_tostring(L, -2));
    if (!are_equal(L))
      names[count++] = lua_tostring(L, -3);
  }
  lua_pushnil(L);
  if (count > 0) {
    push_names(L, names, count);
    lua_pushfstring(L, "lost: %s; the function on_reload(old) of the new text may keep such state",
                    lua_tostring(L, -1));
  }
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
}
