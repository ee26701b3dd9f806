/* SPDX-License-Identifier: MIT
 *
 * luv on the host's loop; see luv.h.
 *
 * luv's own runner of callbacks prints the error of a callback and ends the process. Ours logs it.
 * A host that is closing calls nothing any more. */
#include "host/luv.h"

#include <lauxlib.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <luv/luv.h>
#pragma GCC diagnostic pop

uv_loop_t *tp_luv_loop(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool is_loaded = lua_getfield(L, -1, "luv") != LUA_TNIL;
  lua_pop(L, 2);
  return is_loaded ? luv_loop(L) : NULL;
}

/* Lua: message and traceback of an error in a callback. */
static int l_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Calls the function below `nargs` arguments, as luv asks: leaves its results and returns how many,
 * or nothing and returns the negative status. */
static int call(lua_State *L, int nargs, int nresults, int flags) {
  (void)flags;
  const tp_host *host = tp_host_of(L);
  int function = lua_gettop(L) - nargs;
  if (host->closing) {
    lua_settop(L, function - 1);
    return 0;
  }
  luaL_checkstack(L, 2, NULL);
  lua_pushcfunction(L, l_traceback);
  lua_insert(L, function);
  int status = lua_pcall(L, nargs, nresults, function);
  lua_remove(L, function);
  if (status == LUA_OK)
    return nresults == LUA_MULTRET ? lua_gettop(L) - function + 1 : nresults;
  const char *text = lua_tostring(L, -1);
  tp_log_write(&host->log, TP_LOG_ERROR, "error in a luv callback: %s", text ? text : "unknown");
  lua_pop(L, 1);
  return -status;
}

void tp_luv_open(tp_host *host) {
  lua_State *L = host->L;
  luv_set_loop(L, host->loop);
  luv_set_callback(L, call);
  luaL_requiref(L, "luv", luaopen_luv, 0);
  lua_pop(L, 1);
}
