/* SPDX-License-Identifier: MIT
 *
 * The Lua modules of the core; see luaopen.h. */
#include "lib/luaopen.h"
#include "binding/core.h"
#include "exec/exec.h"
#include "server/module.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Lua: the loader of taskpool.core. */
static int l_core_open(lua_State *L) {
  tp_core_open(L, tp_state_host(L));
  return 1;
}

void tp_luaopen_preload(tp_host *host) {
  static const luaL_Reg loaders[] = {
      {"taskpool.core", l_core_open},
      {"taskpool.control.core", luaopen_taskpool_control_core},
      {NULL, NULL},
  };
  luaL_getsubtable(host->L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(host->L, loaders, 0);
  lua_pop(host->L, 1);
}

void tp_luaopen_unload(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
    if (strcmp(name, "taskpool") != 0 && strncmp(name, "taskpool.", strlen("taskpool.")) != 0)
      continue;
    lua_pushvalue(L, -2);
    lua_pushnil(L);
    lua_rawset(L, -5);
  }
  lua_pop(L, 1);
}

/* Notes the script that the interpreter runs, arg[0], and its directory. */
static void find_script(lua_State *L, tp_exposure *names) {
  if (lua_getglobal(L, "arg") == LUA_TTABLE && lua_rawgeti(L, -1, 0) == LUA_TSTRING) {
    names->directory = tp_host_directory_of(lua_tostring(L, -1));
    tp_exposure_add_script(names, lua_tostring(L, -1));
  }
  lua_settop(L, 0);
}

int luaopen_taskpool_core(lua_State *L) {
  lua_settop(L, 0);
  lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
  lua_State *main = lua_tothread(L, -1);
  tp_error error;
  tp_host *host = tp_host_open(main, false, &error);
  if (!host)
    return tp_raise_error(L, &error);
  if (!tp_exec_set_preempt(host->exec, true, 0, &error))
    return tp_raise_error(L, &error);
  host->log.write = host->default_log.write = tp_log_to_file;
  host->log.context = host->default_log.context = &host->log_file;
  host->log_file.file = stderr;
  find_script(L, &host->names);
  host->preload = tp_luaopen_preload;
  tp_luaopen_preload(host);
  return l_core_open(L);
}
