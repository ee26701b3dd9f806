/* SPDX-License-Identifier: MIT
 *
 * Names to values: see name.h.
 *
 * How it works. A lookup (struct lookup) tries the beginnings of the name from the longest to the
 * shortest as a module. What a module is depends on the caller: from_loaded and from_require for
 * trusted code, from_file for control sessions. The first module that is there decides: walk
 * follows the other words through its tables, and may_use says whether the value may be used. */
#include "value/name.h"
#include "base/fail.h"
#include "value/registry.h"
#include "value/text.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* Their addresses are registry keys: of the functions that were found in modules, and of the table
 * name -> function of what was exposed under a name. */
static const char found_key, exposed_key;

/* One search for a name. */
typedef struct lookup {
  lua_State *L;
  const tp_exposure *names; /* NULL: trusted */
  const char *name;         /* the whole name */
  tp_module *module;        /* the one that is tried, and in the end decides */
  tp_exposed exposed;       /* how the name is exposed */
  bool is_script;           /* the name leads to a script that the host runs */
  tp_error *error;
} lookup;

/* What became of one try to get a module; with LOOKUP_FOUND it is on top of the stack. */
typedef enum outcome { LOOKUP_FOUND, LOOKUP_MISSING, LOOKUP_NOT_LOADED, LOOKUP_FAILED } outcome;

typedef outcome get_module(lookup *l);

/* ---- what may be reached ---- */

/* True if the table on top belongs to another module than that of the lookup, as those of the
 * standard library do. */
static bool is_of_other_module(const lookup *l) {
  lua_State *L = l->L;
  bool is_other = false;
  int table = lua_gettop(L);
  if (tp_module_push(L, l->module->name) && lua_rawequal(L, -1, table)) {
    lua_settop(L, table);
    return false;
  }
  lua_settop(L, table);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); !is_other && lua_next(L, table + 1); lua_pop(L, 1))
    is_other = lua_rawequal(L, -1, table);
  lua_settop(L, table);
  return is_other;
}

/* True if the value on top is a Lua function, and of the module's own file unless the name is
 * exposed in full. */
static bool is_own_function(const lookup *l) {
  lua_Debug debug;
  if (!lua_isfunction(l->L, -1) || lua_iscfunction(l->L, -1))
    return false;
  if (l->exposed == TP_EXPOSED_IN_FULL)
    return true;
  lua_pushvalue(l->L, -1);
  lua_getinfo(l->L, ">S", &debug);
  return debug.source[0] == '@' && tp_module_is_same_file(debug.source + 1, l->module->path);
}

/* Whether the value on top may be used. */
static bool may_use(const lookup *l) {
  if (!l->names)
    return lua_isfunction(l->L, -1) || lua_istable(l->L, -1);
  return lua_istable(l->L, -1) ? !is_of_other_module(l) : is_own_function(l);
}

/* ---- modules for trusted code ---- */

/* Pushes the module that is loaded already, if it is. */
static outcome from_loaded(lookup *l) {
  return tp_module_push(l->L, l->module->name) ? LOOKUP_FOUND : LOOKUP_MISSING;
}

/* Fails with the error value on top of the stack. */
static outcome fail_loading(const lookup *l) {
  tp_text_push(l->L, -1);
  tp_fail(l->error, TP_SCRIPT_ERROR, "module '%s' did not load: %s", l->module->name,
          lua_tostring(l->L, -1));
  lua_pop(l->L, 2);
  return LOOKUP_FAILED;
}

/* Pushes what `require` returns. The module is missing only if `require` says so of this module; if
 * it says so of another one, this module has required that one. */
static outcome from_require(lookup *l) {
  lua_State *L = l->L;
  char missing[TP_NAME_LENGTH + 32];
  snprintf(missing, sizeof missing, "module '%s' not found:", l->module->name);
  lua_pushglobaltable(L);
  lua_pushliteral(L, "require");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  lua_pushstring(L, l->module->name);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    return LOOKUP_FOUND;
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strncmp(message, missing, strlen(missing)) != 0)
    return fail_loading(l);
  lua_pop(L, 1);
  return LOOKUP_MISSING;
}

/* Pushes the module of the file that the caller has given, loaded from there or now. */
static outcome from_given(lookup *l) {
  tp_module known = *l->module;
  if (!tp_module_recall(l->L, &known) || strcmp(known.path, l->module->path) != 0)
    if (!tp_module_load(l->L, l->module, l->error))
      return LOOKUP_FAILED;
  return from_loaded(l);
}

/* ---- the files of modules ---- */

/* The file that a loaded module comes from. */
static bool find_loaded(lua_State *L, const tp_exposure *names, bool is_listed, tp_module *module) {
  return (tp_module_recall(L, module) || tp_module_find_on_path(L, module)) &&
         (is_listed || (names->directory && tp_module_is_below(names->directory, module->path)));
}

/* Finds the file of a module: the one that it was loaded from, else the one that it would be loaded
 * from. `trusted` code looks first where `require` does. */
static bool find_file(lua_State *L, const tp_exposure *names, bool trusted, tp_module *module) {
  bool is_listed = trusted || names->count > 0, is_loaded = tp_module_push(L, module->name);
  lua_pop(L, is_loaded);
  if (is_loaded && find_loaded(L, names, is_listed, module))
    return true;
  if (trusted && tp_module_find_on_path(L, module))
    return true;
  if (names->directory && tp_module_find_below(names->directory, module))
    return true;
  if (is_listed && tp_module_find_on_path(L, module))
    return true;
  module->path[0] = '\0';
  return false;
}

/* Pushes the module that a session may know, if it is loaded. A loaded module without a file was
 * put there by the host. */
static outcome from_file(lookup *l) {
  bool has_file = find_file(l->L, l->names, false, l->module);
  if (has_file && tp_exposure_is_script(l->names, l->module->path)) {
    l->is_script = true;
    return LOOKUP_MISSING;
  }
  if ((has_file || l->names->count > 0) && from_loaded(l) == LOOKUP_FOUND)
    return LOOKUP_FOUND;
  return has_file ? LOOKUP_NOT_LOADED : LOOKUP_MISSING;
}

/* ---- what failed ---- */

/* Pushes where a session's names are looked for. */
static const char *push_places(lua_State *L, const tp_exposure *names) {
  luaL_Buffer list;
  if (names->count == 0)
    return names->directory ? lua_pushfstring(L, "in a module below %s", names->directory)
                            : lua_pushliteral(L, "here: the host exposes no modules");
  luaL_buffinit(L, &list);
  luaL_addstring(&list, "among what is exposed: ");
  for (size_t i = 0; i < names->count; i++) {
    luaL_addstring(&list, i > 0 ? ", " : "");
    luaL_addstring(&list, names->patterns[i]);
  }
  luaL_pushresult(&list);
  return lua_tostring(L, -1);
}

static bool fail_missing(const lookup *l) {
  if (!l->names)
    return tp_fail(l->error, TP_NOT_FOUND,
                   "'%s' names no function or table in a module that require finds", l->name);
  if (tp_exposure_is_standard(l->name))
    return tp_fail(l->error, TP_NOT_FOUND,
                   "'%s' cannot be used here: it is in the standard library", l->name);
  if (l->is_script)
    return tp_fail(l->error, TP_NOT_FOUND,
                   "'%s' is not in a module, but in the script that the host runs; there, "
                   "taskpool.expose(\"%s\", f) gives the function f that name",
                   l->name, l->name);
  tp_fail(l->error, TP_NOT_FOUND,
          "'%s' names no Lua function or table %.600s; in the host's script, "
          "taskpool.expose(\"%s\", f) gives a function f that name",
          l->name, push_places(l->L, l->names), l->name);
  lua_pop(l->L, 1);
  return false;
}

/* ---- the lookup ---- */

/* Follows the words at `rest` (".field.field" or "") from the module on top, which is replaced. */
static bool walk(const lookup *l, const char *rest) {
  while (*rest == '.') {
    size_t length = tp_exposure_word_length(++rest);
    if (!lua_istable(l->L, -1) || (l->names && is_of_other_module(l)))
      return false;
    lua_pushlstring(l->L, rest, length);
    lua_rawget(l->L, -2);
    lua_remove(l->L, -2);
    rest += length;
  }
  return may_use(l);
}

/* Tries the first `length` bytes of the name as the module. */
static outcome try_module(lookup *l, size_t length, get_module *get) {
  memcpy(l->module->name, l->name, length);
  l->module->name[length] = '\0';
  return get(l);
}

/* Finds the longest module that `get` knows and walks from there. */
static outcome look(lookup *l, get_module *get) {
  outcome result = LOOKUP_MISSING;
  size_t length = strlen(l->name);
  while (length > 0) {
    result = try_module(l, length, get);
    if (result != LOOKUP_MISSING)
      break;
    while (length > 0 && l->name[--length] != '.')
      continue;
  }
  if (result == LOOKUP_FOUND && !walk(l, l->name + length)) {
    lua_pop(l->L, 1);
    result = LOOKUP_MISSING;
  }
  return result;
}

static bool check_name(const char *name, tp_error *error) {
  return tp_exposure_is_name(name) ||
         tp_fail(error, TP_INVALID_ARGUMENT,
                 "'%.200s' is not a name: a name is package.module.function", name);
}

/* ---- functions that were exposed under a name ---- */

/* Pushes the function that was exposed under that name. */
static bool push_exposed_function(lua_State *L, const char *name) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  tp_registry_push_table(L, &exposed_key, NULL);
  lua_pushstring(L, name);
  bool found = lua_rawget(L, -2) == LUA_TFUNCTION;
  lua_remove(L, -2);
  if (!found)
    lua_pop(L, 1);
  return found;
}

bool tp_name_expose(lua_State *L, tp_exposure *names, const char *name, int index,
                    tp_error *error) {
  index = lua_absindex(L, index);
  if (!check_name(name, error) ||
      (tp_exposure_look(names, name) != TP_EXPOSED_IN_FULL && !tp_exposure_add(names, name, error)))
    return false;
  tp_registry_push_table(L, &exposed_key, NULL);
  lua_pushstring(L, name);
  lua_pushvalue(L, index);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return true;
}

bool tp_name_push_exposed_of(lua_State *L, int index) {
  index = lua_absindex(L, index);
  tp_registry_push_table(L, &exposed_key, NULL);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    if (!lua_rawequal(L, -1, index))
      continue;
    lua_pop(L, 1);
    lua_remove(L, -2);
    return true;
  }
  lua_pop(L, 1);
  return false;
}

/* ---- functions that were found in modules ---- */

/* Notes the name of the function on top. */
static bool note(lua_State *L, const char *name) {
  if (!lua_isfunction(L, -1))
    return true;
  tp_registry_push_table(L, &found_key, "k");
  lua_pushvalue(L, -2);
  lua_pushstring(L, name);
  lua_rawset(L, -3);
  lua_pop(L, 1);
  return true;
}

bool tp_name_push_of(lua_State *L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  tp_registry_push_table(L, &found_key, "k");
  lua_pushvalue(L, index);
  bool found = lua_rawget(L, -2) == LUA_TSTRING;
  lua_remove(L, -2);
  if (!found)
    lua_pop(L, 1);
  return found;
}

/* ---- for Lua and C code ---- */

bool tp_name_push(lua_State *L, const char *name, tp_error *error) {
  tp_module module;
  lookup l = {.L = L, .name = name, .module = &module, .error = error};
  if (!check_name(name, error))
    return false;
  if (push_exposed_function(L, name))
    return true;
  outcome result = look(&l, from_loaded); /* what is loaded is found without a look at the disk */
  if (result == LOOKUP_MISSING)
    result = look(&l, from_require);
  if (result == LOOKUP_FOUND)
    return note(L, name);
  return result == LOOKUP_MISSING && fail_missing(&l);
}

bool tp_name_push_in(lua_State *L, const tp_module *module, const char *name, tp_error *error) {
  tp_module copy = *module;
  lookup l = {.L = L, .name = name, .module = &copy, .error = error};
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  outcome result = from_given(&l);
  if (result == LOOKUP_FOUND && walk(&l, name + strlen(copy.name)))
    return note(L, name);
  if (result == LOOKUP_FOUND) {
    lua_pop(L, 1);
    fail_missing(&l);
  }
  return false;
}

/* Finds a module whose file is remembered. */
static outcome from_memory(lookup *l) {
  return tp_module_recall(l->L, l->module) ? from_loaded(l) : LOOKUP_MISSING;
}

bool tp_name_find_module(lua_State *L, const char *name, tp_module *module) {
  lookup l = {.L = L, .name = name, .module = module};
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  bool found = look(&l, from_memory) == LOOKUP_FOUND;
  lua_pop(L, found);
  return found;
}

/* Finds the file of the module that is to be reloaded. */
static bool find_reloaded(lua_State *L, const tp_exposure *names, bool trusted, const char *name,
                          tp_module *module, tp_error *error) {
  if (!tp_exposure_is_name(name))
    return tp_fail(error, TP_INVALID_ARGUMENT, "'%.200s' is not the name of a module", name);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  strcpy(module->name, name);
  bool may_look = trusted || tp_exposure_reach_into(names, name);
  if (may_look && find_file(L, names, trusted, module) &&
      (trusted || !tp_exposure_is_script(names, module->path)))
    return true;
  const char *directory = names->directory ? names->directory : "";
  bool is_on_path = trusted || names->count > 0 || !names->directory;
  return tp_fail(error, TP_NOT_FOUND, "there is no module '%s' %s%.600s%s%s", name,
                 *directory ? "below " : "", directory, *directory && is_on_path ? " or " : "",
                 is_on_path ? "on package.path" : "");
}

bool tp_name_reload(lua_State *L, const tp_exposure *names, const char *name, tp_error *error) {
  tp_module module;
  return find_reloaded(L, names, true, name, &module, error) && tp_module_load(L, &module, error);
}

/* ---- for control sessions ---- */

bool tp_name_push_exposed(lua_State *L, const tp_exposure *names, const char *name,
                          tp_module *missing, tp_error *error) {
  lookup l = {.L = L, .names = names, .name = name, .module = missing, .error = error};
  outcome result = LOOKUP_MISSING;
  missing->name[0] = '\0';
  if (!check_name(name, error))
    return false;
  if (push_exposed_function(L, name))
    return true;
  l.exposed = tp_exposure_look(names, name);
  if (l.exposed != TP_EXPOSED_NOT)
    result = look(&l, from_file);
  if (result == LOOKUP_NOT_LOADED)
    return tp_fail(error, TP_NOT_AVAILABLE, "module '%s' is not loaded", missing->name);
  missing->name[0] = '\0';
  return result == LOOKUP_FOUND ? note(L, name) : fail_missing(&l);
}

bool tp_name_find_exposed(lua_State *L, const tp_exposure *names, const char *name,
                          tp_module *module, tp_error *error) {
  return find_reloaded(L, names, false, name, module, error);
}

/* ---- patterns ---- */

/* Looks for what a pattern names, as a session does that may name only that. */
static outcome look_for_pattern(lua_State *L, const tp_exposure *names, const char *pattern) {
  char name[TP_NAME_LENGTH + sizeof ".*"];
  char *only[] = {name};
  tp_exposure alone = *names;
  tp_module module;
  lookup l = {.L = L, .names = &alone, .name = name, .module = &module};
  snprintf(name, sizeof name, "%s", pattern);
  char *star = strstr(name, ".*");
  if (star)
    *star = '\0';
  if (push_exposed_function(L, name)) {
    lua_pop(L, 1);
    return LOOKUP_FOUND;
  }
  alone.patterns = only;
  alone.count = 1;
  l.exposed = TP_EXPOSED_IN_FULL;
  outcome result = look(&l, from_file);
  lua_pop(L, result == LOOKUP_FOUND);
  if (star && result == LOOKUP_MISSING && tp_module_is_folder(L, names->directory, name))
    return LOOKUP_NOT_LOADED;
  return result;
}

bool tp_name_check_pattern(lua_State *L, const tp_exposure *names, const char *pattern,
                           tp_error *error) {
  if (!tp_exposure_check(pattern, error))
    return false;
  if (look_for_pattern(L, names, pattern) != LOOKUP_MISSING)
    return true;
  return tp_fail(error, TP_NOT_FOUND,
                 "nothing can be exposed as '%s': there is no such module, or function in one, "
                 "below %s or on package.path; taskpool.expose(\"%s\", f) gives a function f of "
                 "the script that name",
                 pattern, names->directory ? names->directory : "a directory of modules", pattern);
}

/* Whether a module is loaded whose name begins with that and a dot. */
static bool is_part_loaded(lua_State *L, const char *name, size_t length) {
  bool found = false;
  int top = lua_gettop(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); !found && lua_next(L, top + 1); lua_pop(L, 1))
    found = lua_type(L, -2) == LUA_TSTRING && lua_toboolean(L, -1) &&
            strncmp(lua_tostring(L, -2), name, length) == 0;
  lua_settop(L, top);
  return found;
}

bool tp_name_is_loaded(lua_State *L, const tp_exposure *names, const char *pattern) {
  const char *star = strchr(pattern, '*');
  return look_for_pattern(L, names, pattern) == LOOKUP_FOUND ||
         (star && is_part_loaded(L, pattern, (size_t)(star - pattern)));
}
