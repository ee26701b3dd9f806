/* SPDX-License-Identifier: MIT
 *
 * Names to values: see name.h.
 *
 * How it works. A lookup (struct lookup) tries the beginnings of the name from the longest to the
 * shortest as a module. What a module is and how it is loaded depends on who asks: from_require for
 * trusted code, from_file for control sessions. The first module that is there decides: walk
 * follows the other words through its tables, and may_use has the last word on what was found. */
#define _XOPEN_SOURCE 700 /* realpath, stat */
#include "value/name.h"
#include "value/error.h"
#include "value/text.h"
#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Its address is the registry key of the functions that were found. */
static const char found_key;

/* One tp_name_push. */
typedef struct lookup {
  lua_State *L;
  const tp_names *names; /* NULL: trusted */
  const char *name;      /* the whole name */
  int loaded;            /* stack slot of package.loaded */
  tp_error *error;
} lookup;

/* What became of one try to get a module; with LOOKUP_FOUND it is on top of the stack. */
typedef enum outcome { LOOKUP_FOUND, LOOKUP_MISSING, LOOKUP_FAILED } outcome;

/* No control session gets at these, whatever the directory holds. */
static const char *const standard_modules[] = {
    LUA_GNAME,      LUA_COLIBNAME,   LUA_TABLIBNAME,  LUA_IOLIBNAME, LUA_OSLIBNAME,
    LUA_STRLIBNAME, LUA_UTF8LIBNAME, LUA_MATHLIBNAME, LUA_DBLIBNAME, LUA_LOADLIBNAME};

/* ---- names and patterns ---- */

/* The length of the word at the start of `text`, 0 for none. */
static size_t word_length(const char *text) {
  static const char digits[] = "0123456789";
  static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz0123456789";
  return strspn(text, digits) > 0 ? 0 : strspn(text, bytes);
}

/* The length of the name at the start of `text`; a dot or anything else may follow it. */
static size_t name_length(const char *text) {
  size_t length = word_length(text);
  while (length > 0 && text[length] == '.' && word_length(text + length + 1) > 0)
    length += 1 + word_length(text + length + 1);
  return length;
}

static bool is_name(const char *text) {
  size_t length = name_length(text);
  return length > 0 && length <= TP_NAME_LENGTH && text[length] == '\0';
}

static bool is_pattern(const char *text) {
  size_t length = name_length(text);
  return is_name(text) ||
         (length > 0 && length <= TP_NAME_LENGTH && strcmp(text + length, ".*") == 0);
}

static bool matches(const char *pattern, const char *name) {
  size_t length = strlen(pattern);
  if (pattern[length - 1] == '*')
    return strncmp(pattern, name, length - 1) == 0;
  return strcmp(pattern, name) == 0;
}

bool tp_names_expose(tp_names *names, const char *pattern, tp_error *error) {
  if (!is_pattern(pattern))
    return tp_fail(
        error, TP_INVALID_ARGUMENT,
        "'%.200s' cannot be exposed: expected a name, as package.module.function, or all "
        "below one, as package.*",
        pattern);
  char **grown = realloc(names->patterns, (names->count + 1) * sizeof *grown);
  if (grown)
    names->patterns = grown;
  char *copy = grown ? strdup(pattern) : NULL;
  if (!copy)
    return tp_fail(error, TP_NO_MEMORY, "no memory to expose '%s'", pattern);
  names->patterns[names->count++] = copy;
  return true;
}

void tp_names_clear(tp_names *names) {
  if (!names)
    return;
  for (size_t i = 0; i < names->count; i++)
    free(names->patterns[i]);
  free(names->patterns);
  free(names->directory);
  *names = (tp_names){0};
}

/* ---- what may be reached ---- */

/* True if the file `path` lies below `directory`, links followed on both sides. */
static bool is_below(const char *directory, const char *path) {
  char root[PATH_MAX], file[PATH_MAX];
  if (!realpath(directory, root) || !realpath(path, file))
    return false;
  size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
  return strncmp(root, file, length) == 0 && file[length] == '/';
}

static bool is_standard_name(const char *name) {
  size_t length = word_length(name);
  for (size_t i = 0; i < sizeof standard_modules / sizeof *standard_modules; i++) {
    if (strlen(standard_modules[i]) == length && strncmp(standard_modules[i], name, length) == 0)
      return true;
  }
  return false;
}

/* True if the table on top is one of the standard library, by whatever way it was reached. */
static bool is_standard_table(const lookup *l) {
  bool is_standard = false;
  for (size_t i = 0; i < sizeof standard_modules / sizeof *standard_modules; i++) {
    lua_pushstring(l->L, standard_modules[i]);
    lua_rawget(l->L, l->loaded);
    is_standard = is_standard || lua_rawequal(l->L, -1, -2);
    lua_pop(l->L, 1);
  }
  return is_standard;
}

/* True if the value on top was written in Lua and, unless patterns decide, below the directory. */
static bool is_exposed_function(const lookup *l) {
  lua_Debug debug;
  if (!lua_isfunction(l->L, -1) || lua_iscfunction(l->L, -1))
    return false;
  if (l->names->count > 0)
    return true;
  lua_pushvalue(l->L, -1);
  lua_getinfo(l->L, ">S", &debug);
  return debug.source[0] == '@' && is_below(l->names->directory, debug.source + 1);
}

/* The last word on the value on top. */
static bool may_use(const lookup *l) {
  if (!l->names)
    return lua_isfunction(l->L, -1) || lua_istable(l->L, -1);
  return lua_istable(l->L, -1) ? !is_standard_table(l) : is_exposed_function(l);
}

/* What can be said before anything is loaded. */
static bool may_look(const lookup *l) {
  if (!l->names)
    return true;
  if (is_standard_name(l->name))
    return false;
  for (size_t i = 0; i < l->names->count; i++) {
    if (matches(l->names->patterns[i], l->name))
      return true;
  }
  return l->names->count == 0 && l->names->directory;
}

/* ---- modules for trusted code ---- */

/* Copies the first `length` bytes of the name, the module's name. */
static const char *module_name(const lookup *l, size_t length, char out[TP_NAME_LENGTH + 1]) {
  memcpy(out, l->name, length);
  out[length] = '\0';
  return out;
}

/* Fails with the error value on top of the stack. */
static outcome fail_loading(const lookup *l, const char *module) {
  tp_text_push(l->L, -1);
  tp_fail(l->error, TP_SCRIPT_ERROR, "module '%s' did not load: %s", module,
          lua_tostring(l->L, -1));
  lua_pop(l->L, 2);
  return LOOKUP_FAILED;
}

/* Pushes the module that is loaded already, if it is. */
static outcome from_loaded(const lookup *l, const char *module) {
  lua_pushstring(l->L, module);
  lua_rawget(l->L, l->loaded);
  if (lua_toboolean(l->L, -1))
    return LOOKUP_FOUND;
  lua_pop(l->L, 1);
  return LOOKUP_MISSING;
}

/* Pushes what `require` returns. Only its complaint about this very module means that it is
 * missing; one about another module comes from inside of this one. */
static outcome from_require(const lookup *l, const char *module) {
  lua_State *L = l->L;
  char missing[TP_NAME_LENGTH + 32];
  snprintf(missing, sizeof missing, "module '%s' not found:", module);
  lua_pushglobaltable(L);
  lua_pushliteral(L, "require");
  lua_rawget(L, -2);
  lua_remove(L, -2);
  lua_pushstring(L, module);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    return LOOKUP_FOUND;
  const char *message = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  if (strncmp(message, missing, strlen(missing)) != 0)
    return fail_loading(l, module);
  lua_pop(L, 1);
  return LOOKUP_MISSING;
}

/* ---- modules for control sessions ---- */

static bool is_file(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* Writes the path of `module` into `path`: `length` bytes of `template`, where each '?' becomes the
 * module's name with '/' for '.'. "" where it would not fit. */
static void expand(const char *template, size_t length, const char *module, char path[PATH_MAX]) {
  size_t used = 0, name = strlen(module);
  path[0] = '\0';
  for (size_t i = 0; i < length; i++) {
    if (used + name + 1 >= PATH_MAX) {
      path[0] = '\0';
      return;
    }
    if (template[i] != '?') {
      path[used++] = template[i];
    } else {
      for (size_t j = 0; j < name; j++)
        path[used++] = module[j] == '.' ? '/' : module[j];
    }
    path[used] = '\0';
  }
}

/* Looks below the directory. */
static bool find_below(const char *directory, const char *module, char path[PATH_MAX]) {
  static const char *const templates[] = {"?.lua", "?/init.lua"};
  char rest[PATH_MAX];
  for (size_t i = 0; i < sizeof templates / sizeof *templates; i++) {
    expand(templates[i], strlen(templates[i]), module, rest);
    int length = snprintf(path, PATH_MAX, "%s/%s", directory, rest);
    if (length > 0 && length < PATH_MAX && is_file(path) && is_below(directory, path))
      return true;
  }
  return false;
}

/* Looks along package.path. */
static bool find_on_path(const lookup *l, const char *module, char path[PATH_MAX]) {
  lua_State *L = l->L;
  int top = lua_gettop(L);
  bool found = false;
  lua_pushliteral(L, LUA_LOADLIBNAME);
  if (lua_rawget(L, l->loaded) == LUA_TTABLE) {
    lua_pushliteral(L, "path");
    const char *next = lua_rawget(L, -2) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    while (*next != '\0' && !found) {
      size_t length = strcspn(next, LUA_PATH_SEP);
      expand(next, length, module, path);
      found = is_file(path);
      next += length + (next[length] != '\0');
    }
  }
  lua_settop(L, top);
  return found;
}

/* Calls the chunk of the file as `require` does and notes the module in package.loaded. */
static outcome load_file(const lookup *l, const char *module, const char *path) {
  lua_State *L = l->L;
  bool ran = luaL_loadfilex(L, path, "t") == LUA_OK;
  if (ran) {
    lua_pushstring(L, module);
    lua_pushstring(L, path);
    ran = lua_pcall(L, 2, 1, 0) == LUA_OK;
  }
  lua_pushstring(L, module);
  if (!ran) {
    lua_pushnil(L);
    lua_rawset(L, l->loaded);
    return fail_loading(l, module);
  }
  lua_insert(L, -2);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, l->loaded) == LUA_TNIL) { /* nor has the chunk put itself there */
      lua_pop(L, 1);
      lua_pushboolean(L, true);
    }
  }
  lua_rawset(L, l->loaded);
  return from_loaded(l, module);
}

/* Pushes the module of that file, loaded already or now. */
static outcome from_file(const lookup *l, const char *module) {
  char path[PATH_MAX];
  bool listed = l->names->count > 0;
  if (listed && from_loaded(l, module) == LOOKUP_FOUND)
    return LOOKUP_FOUND;
  bool found = l->names->directory && find_below(l->names->directory, module, path);
  if (!found && !(listed && find_on_path(l, module, path)))
    return LOOKUP_MISSING;
  if (from_loaded(l, module) == LOOKUP_FOUND)
    return LOOKUP_FOUND;
  return load_file(l, module, path);
}

/* ---- the lookup ---- */

static bool fail_missing(const lookup *l) {
  const tp_names *names = l->names;
  if (!names)
    return tp_fail(l->error, TP_NOT_FOUND,
                   "'%s' names no function or table in a module that require finds", l->name);
  if (names->count == 0 && !names->directory)
    return tp_fail(l->error, TP_NOT_FOUND, "'%s' is not here: the host exposes no modules",
                   l->name);
  if (names->count == 0)
    return tp_fail(l->error, TP_NOT_FOUND,
                   "'%s' names no Lua function or table in a module below %s", l->name,
                   names->directory);
  luaL_Buffer list;
  luaL_buffinit(l->L, &list);
  for (size_t i = 0; i < names->count; i++) {
    luaL_addstring(&list, i > 0 ? ", " : "");
    luaL_addstring(&list, names->patterns[i]);
  }
  luaL_pushresult(&list);
  tp_fail(l->error, TP_NOT_FOUND, "'%s' names no Lua function or table among what is exposed: %s",
          l->name, lua_tostring(l->L, -1));
  lua_pop(l->L, 1);
  return false;
}

/* Follows the words at `rest` (".field.field" or "") from the module on top, which is replaced. */
static bool walk(const lookup *l, const char *rest) {
  while (*rest == '.') {
    size_t length = word_length(++rest);
    if (!lua_istable(l->L, -1) || (l->names && is_standard_table(l)))
      return false;
    lua_pushlstring(l->L, rest, length);
    lua_rawget(l->L, -2);
    lua_remove(l->L, -2);
    rest += length;
  }
  return may_use(l);
}

/* Tries the first `length` bytes of the name as the module. */
static outcome try_module(const lookup *l, size_t length,
                          outcome (*get)(const lookup *l, const char *module)) {
  char module[TP_NAME_LENGTH + 1];
  return get(l, module_name(l, length, module));
}

/* Finds the longest module that `get` knows and walks from there. */
static outcome look(const lookup *l, outcome (*get)(const lookup *l, const char *module)) {
  outcome result = LOOKUP_MISSING;
  size_t length = strlen(l->name);
  while (length > 0) {
    result = try_module(l, length, get);
    if (result != LOOKUP_MISSING)
      break;
    while (length > 0 && l->name[--length] != '.')
      continue;
  }
  if (result == LOOKUP_FOUND && !walk(l, l->name + length))
    result = LOOKUP_MISSING;
  return result;
}

static bool find(const lookup *l) {
  int top = lua_gettop(l->L);
  outcome result = LOOKUP_MISSING;
  if (may_look(l)) {
    /* What is loaded answers trusted code without a look at the disk. */
    result = look(l, l->names ? from_file : from_loaded);
    if (result == LOOKUP_MISSING && !l->names) {
      lua_settop(l->L, top);
      result = look(l, from_require);
    }
  }
  if (result == LOOKUP_MISSING)
    fail_missing(l);
  return result == LOOKUP_FOUND;
}

/* Pushes the weak table function -> the name that it was found by. */
static void push_found(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &found_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &found_key);
}

/* Notes the name of the function on top. */
static void note(lua_State *L, const char *name) {
  if (!lua_isfunction(L, -1))
    return;
  push_found(L);
  lua_pushvalue(L, -2);
  lua_pushstring(L, name);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

bool tp_name_push_of(lua_State *L, int index) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  push_found(L);
  lua_pushvalue(L, index);
  bool found = lua_rawget(L, -2) == LUA_TSTRING;
  lua_remove(L, -2);
  if (!found)
    lua_pop(L, 1);
  return found;
}

bool tp_name_push(lua_State *L, const tp_names *names, const char *name, tp_error *error) {
  int top = lua_gettop(L);
  if (!is_name(name))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "'%.200s' is not a name: a name is package.module.function", name);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lookup l = {.L = L, .names = names, .name = name, .loaded = top + 1, .error = error};
  bool found = find(&l);
  if (found)
    lua_replace(L, l.loaded);
  lua_settop(L, top + found);
  if (found)
    note(L, name);
  return found;
}

/* ---- loading anew ---- */

/* Where the text of a module is. */
static bool find_text(const lookup *l, const tp_names *names, char path[PATH_MAX]) {
  return (names->directory && find_below(names->directory, l->name, path)) ||
         ((!l->names || names->count > 0) && find_on_path(l, l->name, path));
}

/* Whether a session may name the module, or something in it. */
static bool may_reload(const lookup *l) {
  size_t length = strlen(l->name);
  if (may_look(l))
    return true;
  for (size_t i = 0; l->names && !is_standard_name(l->name) && i < l->names->count; i++) {
    const char *pattern = l->names->patterns[i];
    if (strncmp(pattern, l->name, length) == 0 && pattern[length] == '.')
      return true;
  }
  return false;
}

/* Runs the text; what was loaded before comes back if that fails. */
static bool replace_module(const lookup *l, const char *path) {
  lua_State *L = l->L;
  lua_pushstring(L, l->name);
  lua_pushvalue(L, -1);
  lua_rawget(L, l->loaded);
  lua_pushvalue(L, -2);
  lua_pushnil(L);
  lua_rawset(L, l->loaded);
  int old = lua_gettop(L);
  bool ok = load_file(l, l->name, path) == LOOKUP_FOUND;
  lua_settop(L, old);
  if (!ok)
    lua_rawset(L, l->loaded);
  return ok;
}

bool tp_name_reload(lua_State *L, const tp_names *names, bool trusted, const char *module,
                    tp_error *error) {
  char path[PATH_MAX];
  int top = lua_gettop(L);
  if (!is_name(module))
    return tp_fail(error, TP_INVALID_ARGUMENT, "'%.200s' is no name of a module", module);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  const lookup l = {
      .L = L, .names = trusted ? NULL : names, .name = module, .loaded = top + 1, .error = error};
  bool ok = false;
  if (may_reload(&l) && find_text(&l, names, path))
    ok = replace_module(&l, path);
  else
    tp_fail(error, TP_NOT_FOUND, "there is no text of a module '%s' %s%s%s", module,
            names->directory ? "below " : "on package.path",
            names->directory ? names->directory : "",
            names->directory && (trusted || names->count > 0) ? " or on package.path" : "");
  lua_settop(L, top);
  return ok;
}
