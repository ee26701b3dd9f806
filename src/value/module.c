/* SPDX-License-Identifier: MIT
 *
 * Modules and their files; see module.h. */
#define _XOPEN_SOURCE 700 /* realpath, stat */
#include "value/module.h"
#include "base/fail.h"
#include "value/registry.h"
#include "value/text.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Its address is the registry key of the table module -> {path, value}. */
static const char files_key;

/* ---- files ---- */

static bool is_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool is_directory(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

bool tp_module_is_same_file(const char *one, const char *other) {
  struct stat a, b;
  return stat(one, &a) == 0 && stat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

bool tp_module_is_below(const char *directory, const char *path) {
  char root[PATH_MAX], file[PATH_MAX];
  if (!realpath(directory, root) || !realpath(path, file))
    return false;
  size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
  return strncmp(root, file, length) == 0 && file[length] == '/';
}

/* Writes a path into `path`: `length` bytes of `template`, where each '?' becomes the module's name
 * with '/' for '.'. "" where it would not fit. */
static void expand(const char *template, size_t length, const char *name, char path[PATH_MAX]) {
  size_t used = 0, bytes = strlen(name);
  path[0] = '\0';
  for (size_t i = 0; i < length; i++) {
    if (used + bytes + 1 >= PATH_MAX) {
      path[0] = '\0';
      return;
    }
    if (template[i] != '?') {
      path[used++] = template[i];
    } else {
      for (size_t j = 0; j < bytes; j++)
        path[used++] = name[j] == '.' ? '/' : name[j];
    }
    path[used] = '\0';
  }
}

/* Writes the path of what `template` says below the directory. False: it does not fit. */
static bool expand_below(const char *directory, const char *template, const char *name,
                         char path[PATH_MAX]) {
  char rest[PATH_MAX];
  expand(template, strlen(template), name, rest);
  int length = snprintf(path, PATH_MAX, "%s/%s", directory, rest);
  return length > 0 && length < PATH_MAX;
}

bool tp_module_find_below(const char *directory, tp_module *module) {
  static const char *const templates[] = {"?.lua", "?/init.lua"};
  for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
    if (expand_below(directory, templates[i], module->name, module->path) &&
        is_file(module->path) && tp_module_is_below(directory, module->path))
      return true;
  }
  return false;
}

/* Writes the first good path into `path` that package.path makes of the name; with `is_folder`,
 * each template counts only up to its first '?'. */
static bool find_on_path(lua_State *L, const char *name, bool is_folder,
                         bool (*is_good)(const char *path), char path[PATH_MAX]) {
  int top = lua_gettop(L);
  bool found = false;
  luaL_checkstack(L, 4, NULL);
  if (tp_module_push(L, LUA_LOADLIBNAME) && lua_istable(L, -1)) {
    lua_pushliteral(L, "path");
    const char *next = lua_rawget(L, -2) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    while (*next != '\0' && !found) {
      size_t length = strcspn(next, LUA_PATH_SEP), word = strcspn(next, "?" LUA_PATH_SEP) + 1;
      expand(next, is_folder && word < length ? word : length, name, path);
      found = is_good(path);
      next += length + (next[length] != '\0');
    }
  }
  lua_settop(L, top);
  return found;
}

bool tp_module_find_on_path(lua_State *L, tp_module *module) {
  return find_on_path(L, module->name, false, is_file, module->path);
}

bool tp_module_is_folder(lua_State *L, const char *directory, const char *name) {
  char path[PATH_MAX];
  return (directory && expand_below(directory, "?", name, path) && is_directory(path)) ||
         find_on_path(L, name, true, is_directory, path);
}

/* ---- what is loaded ---- */

bool tp_module_push(lua_State *L, const char *name) {
  luaL_checkstack(L, 8, NULL);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  if (lua_toboolean(L, -1))
    return true;
  lua_pop(L, 1);
  return false;
}

/* Makes the value on top what is loaded under that name, and pops it. */
static void set_loaded(lua_State *L, const char *name) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_insert(L, -2);
  lua_pushstring(L, name);
  lua_insert(L, -2);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

/* Notes the file of a module whose value is on top. */
static void remember(lua_State *L, const tp_module *module) {
  tp_registry_push_table(L, &files_key, NULL);
  lua_createtable(L, 2, 0);
  lua_pushstring(L, module->path);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, -3);
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -2, module->name);
  lua_pop(L, 1);
}

bool tp_module_recall(lua_State *L, tp_module *module) {
  int top = lua_gettop(L);
  bool found = false;
  if (!tp_module_push(L, module->name))
    return false;
  tp_registry_push_table(L, &files_key, NULL);
  if (lua_getfield(L, -1, module->name) == LUA_TTABLE) {
    lua_rawgeti(L, -1, 2);
    lua_rawgeti(L, -2, 1);
    found = lua_rawequal(L, -2, top + 1); /* else another one was loaded since */
  }
  if (found)
    snprintf(module->path, sizeof module->path, "%s", lua_tostring(L, -1));
  lua_settop(L, top);
  return found;
}

/* ---- running its text ---- */

/* Fills `error` with why the module did not load: the error value on top. */
static bool fail(lua_State *L, const tp_module *module, tp_error *error) {
  tp_text_push(L, -1);
  tp_fail(error, TP_SCRIPT_ERROR, "module '%s' did not load: %s", module->name,
          lua_tostring(L, -1));
  lua_pop(L, 1);
  return false;
}

/* `on_reload` has returned. Stack: the new module, and more. */
static int after_on_reload(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  lua_settop(L, 1);
  return 1;
}

/* The new text has returned. Stack: what it returned. */
static int after_text(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  lua_pushliteral(L, "on_reload");
  if (!lua_istable(L, 1) || lua_rawget(L, 1) != LUA_TFUNCTION)
    return after_on_reload(L, LUA_OK, 0);
  lua_pushvalue(L, lua_upvalueindex(2));
  lua_callk(L, 1, 0, 0, after_on_reload);
  return after_on_reload(L, LUA_OK, 0);
}

/* Lua: the text of a module that is loaded again. */
static int l_again(lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, 1, 0, after_text);
  return after_text(L, LUA_OK, 0);
}

bool tp_module_begin(lua_State *L, const tp_module *module) {
  luaL_checkstack(L, 8, NULL);
  if (!tp_module_push(L, module->name))
    lua_pushnil(L);
  if (luaL_loadfilex(L, module->path, "t") != LUA_OK)
    return false;
  if (!lua_isnil(L, -2)) {
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, l_again, 2);
  }
  lua_pushstring(L, module->name);
  lua_pushstring(L, module->path);
  return true;
}

/* Replaces nil on top, which the chunk has returned, by what it has put into package.loaded itself;
 * `before` is the stack slot of what was there. */
static void replace_nil(lua_State *L, const tp_module *module, int before) {
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  if (tp_module_push(L, module->name)) {
    if (!lua_rawequal(L, -1, before))
      return;
    lua_pop(L, 1);
  }
  lua_pushboolean(L, true);
}

bool tp_module_end(lua_State *L, const tp_module *module, bool ok, tp_error *error) {
  int before = lua_gettop(L) - 1;
  if (ok) {
    replace_nil(L, module, before);
    ok = lua_toboolean(L, -1);
    if (!ok)
      lua_pushliteral(L, "it returned false");
  }
  if (ok)
    remember(L, module);
  else
    fail(L, module, error);
  lua_pushvalue(L, ok ? -1 : before);
  set_loaded(L, module->name);
  lua_settop(L, before - 1);
  return ok;
}

bool tp_module_load(lua_State *L, const tp_module *module, tp_error *error) {
  bool ok = tp_module_begin(L, module) && lua_pcall(L, 2, 1, 0) == LUA_OK;
  return tp_module_end(L, module, ok, error);
}
