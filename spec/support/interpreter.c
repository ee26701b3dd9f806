/* SPDX-License-Identifier: MIT
 *
 * lua5.4 for a sanitized build: the sanitizer's runtime must be in the program that loads a
 * sanitized module. It stands first in the PATH of such a build (scripts/env), so that specs and
 * the programs they start get it by the name of the stock one, and it takes the part of its options
 * that they use:
 *
 *     lua5.4 [-e TEXT]… [-l MODULE]… [FILE [ARGUMENT…]]          FILE - is stdin */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The arguments of main, for the protected call below. */
typedef struct arguments {
  int count;     /* as argc */
  char **values; /* as argv */
} arguments;

/* Message handler: the error value as text, with the traceback. */
static int explain(lua_State *L) {
  const char *message = luaL_tolstring(L, 1, NULL);
  luaL_traceback(L, L, message, 1);
  return 1;
}

/* Sets the global `arg`; the script has index 0. */
static void set_arg(lua_State *L, const arguments *given, int script) {
  lua_createtable(L, given->count, script + 1);
  for (int i = 0; i < given->count; i++) {
    lua_pushstring(L, given->values[i]);
    lua_rawseti(L, -2, i - script);
  }
  lua_setglobal(L, "arg");
}

/* Obeys one option with its value. */
static void run_option(lua_State *L, char option, const char *value) {
  if (option == 'e') {
    if (luaL_loadbuffer(L, value, strlen(value), "=(command line)") != LUA_OK)
      lua_error(L);
    lua_call(L, 0, 0);
  } else {
    lua_getglobal(L, "require");
    lua_pushstring(L, value);
    lua_call(L, 1, 1);
    lua_setglobal(L, value);
  }
}

static void run_script(lua_State *L, const arguments *given, int script) {
  const char *name = given->values[script];
  if (luaL_loadfile(L, strcmp(name, "-") == 0 ? NULL : name) != LUA_OK)
    lua_error(L);
  int count = given->count - script - 1;
  luaL_checkstack(L, count, "too many arguments");
  for (int i = 1; i <= count; i++)
    lua_pushstring(L, given->values[script + i]);
  lua_call(L, count, 0);
}

/* Everything, under one protected call. */
static int run(lua_State *L) {
  const arguments *given = lua_touserdata(L, 1);
  int script = 1;
  while (script + 1 < given->count &&
         (strcmp(given->values[script], "-e") == 0 || strcmp(given->values[script], "-l") == 0))
    script += 2;
  luaL_openlibs(L);
  set_arg(L, given, script < given->count ? script : 0);
  for (int i = 1; i < script; i += 2)
    run_option(L, given->values[i][1], given->values[i + 1]);
  if (script < given->count)
    run_script(L, given, script);
  return 0;
}

int main(int argc, char **argv) {
  lua_State *L = luaL_newstate();
  if (L == NULL)
    return EXIT_FAILURE;
  arguments given = {argc, argv};
  lua_pushcfunction(L, explain);
  lua_pushcfunction(L, run);
  lua_pushlightuserdata(L, &given);
  int status = lua_pcall(L, 1, 0, 1);
  if (status != LUA_OK)
    fprintf(stderr, "lua5.4: %s\n", lua_tostring(L, -1));
  lua_close(L);
  return status == LUA_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
