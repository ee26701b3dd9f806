/* SPDX-License-Identifier: MIT
 *
 * The functions that a control session may name; see functions.h.
 *
 * How it works. The catalog (name.h) lists modules and patterns. What is loaded of them is walked
 * one table deep, and each name is looked up as a session's command would do it. */
#include "value/functions.h"
#include "value/name.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* One visit of all. */
typedef struct visitor {
  const tp_exposure *names;  /* what may be named */
  const char *beginning;     /* of the names that are asked for */
  tp_functions_visit *visit; /* who gets them */
  void *context;             /* for it */
  bool done;                 /* it needs no more */
} visitor;

/* Whether `name` begins as it is asked for, or goes only a part of that way. */
static bool leads_there(const visitor *v, const char *name) {
  size_t length = strlen(name), asked = strlen(v->beginning);
  return strncmp(name, v->beginning, length < asked ? length : asked) == 0;
}

static void visit(visitor *v, const char *name, const char *what) {
  if (!v->done && strncmp(name, v->beginning, strlen(v->beginning)) == 0)
    v->done = !v->visit(v->context, name, what);
}

/* Pushes what a session would find under that name; false: nothing, and nothing is pushed. */
static bool push_value(lua_State *L, const visitor *v, const char *name) {
  tp_module missing;
  tp_error error;
  return tp_exposure_is_name(name) && tp_name_push_exposed(L, v->names, name, &missing, &error);
}

/* Pushes the parameters of the Lua function on top: "(first, second)". */
static const char *push_parameters(lua_State *L) {
  lua_Debug info;
  luaL_Buffer text;
  int function = lua_gettop(L);
  lua_pushvalue(L, function);
  lua_getinfo(L, ">u", &info);
  luaL_buffinit(L, &text);
  luaL_addchar(&text, '(');
  for (int i = 1; i <= info.nparams; i++) {
    lua_pushvalue(L, function);
    const char *name = lua_getlocal(L, NULL, i);
    luaL_addstring(&text, i > 1 ? ", " : "");
    luaL_addstring(&text, name ? name : "?");
  }
  if (info.isvararg)
    luaL_addstring(&text, info.nparams > 0 ? ", ..." : "...");
  luaL_addchar(&text, ')');
  luaL_pushresult(&text);
  return lua_tostring(L, -1);
}

/* Visits the function on top. */
static void visit_function(lua_State *L, visitor *v, const char *name) {
  if (lua_iscfunction(L, -1)) {
    visit(v, name, "a function in C");
    return;
  }
  visit(v, name, push_parameters(L));
  lua_pop(L, 1);
}

/* Visits the functions in the table on top, that of the module `name`. */
static void visit_table(lua_State *L, visitor *v, const char *name) {
  char full[2 * TP_NAME_LENGTH + 2];
  int table = lua_gettop(L);
  for (lua_pushnil(L); !v->done && lua_next(L, table); lua_settop(L, table + 1)) {
    if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1))
      continue;
    int length = snprintf(full, sizeof full, "%s.%s", name, lua_tostring(L, -2));
    if (length > TP_NAME_LENGTH || !leads_there(v, full) || !push_value(L, v, full))
      continue;
    if (lua_isfunction(L, -1))
      visit_function(L, v, full);
  }
}

/* Visits what the name leads to, where that is loaded. False: it is not. */
static bool visit_value(lua_State *L, visitor *v, const char *name) {
  int top = lua_gettop(L);
  bool found = push_value(L, v, name);
  if (found && lua_isfunction(L, -1))
    visit_function(L, v, name);
  else if (found)
    visit_table(L, v, name);
  lua_settop(L, top);
  return found;
}

/* Visits the loaded modules whose names begin with `name` and a dot. */
static void visit_below(lua_State *L, visitor *v, const char *name) {
  size_t length = strlen(name);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  int loaded = lua_gettop(L);
  for (lua_pushnil(L); !v->done && lua_next(L, loaded); lua_settop(L, loaded + 1)) {
    const char *module = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (strncmp(module, name, length) == 0 && module[length] == '.' && leads_there(v, module))
      visit_value(L, v, module);
  }
  lua_settop(L, loaded - 1);
}

/* Visits what one entry of the catalog stands for. */
static void visit_entry(lua_State *L, visitor *v, const char *pattern) {
  char name[TP_NAME_LENGTH + sizeof "."];
  const char *star = strstr(pattern, ".*");
  size_t length = star ? (size_t)(star - pattern) : strlen(pattern);
  if (length > TP_NAME_LENGTH)
    return;
  memcpy(name, pattern, length);
  name[length] = '\0';
  if (!leads_there(v, name))
    return;
  bool found = visit_value(L, v, name);
  if (star)
    visit_below(L, v, name);
  name[length] = '.';
  name[length + 1] = '\0';
  if (!found)
    visit(v, name, "a module that is not loaded yet");
}

/* Calls `each` with the entries of the catalog. */
static void walk(lua_State *L, visitor *v,
                 void (*each)(lua_State *L, visitor *v, const char *pattern)) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  tp_catalog_push(L, v->names);
  int list = lua_gettop(L);
  lua_Integer count = (lua_Integer)lua_rawlen(L, list);
  for (lua_Integer i = 1; i <= count && !v->done; i++) {
    lua_rawgeti(L, list, i);
    lua_getfield(L, -1, "module");
    each(L, v, lua_tostring(L, -1));
    lua_settop(L, list);
  }
  lua_settop(L, list - 1);
}

void tp_functions_visit_all(lua_State *L, const tp_exposure *names, const char *beginning,
                            tp_functions_visit *take, void *context) {
  visitor v = {.names = names, .beginning = beginning, .visit = take, .context = context};
  walk(L, &v, visit_entry);
}

static void visit_module(lua_State *L, visitor *v, const char *pattern) {
  (void)L;
  if (!strchr(pattern, '*'))
    visit(v, pattern, "a module");
}

void tp_functions_visit_modules(lua_State *L, const tp_exposure *names, const char *beginning,
                                tp_functions_visit *take, void *context) {
  visitor v = {.names = names, .beginning = beginning, .visit = take, .context = context};
  walk(L, &v, visit_module);
}
