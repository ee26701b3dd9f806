/* SPDX-License-Identifier: MIT
 *
 * Lua states; see state.h. */
#include "host/state.h"
#include "base/fail.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* Its address is the registry key of the host. */
static const char host_key;

/* Lua: opens the standard libraries. */
static int l_open_libraries(lua_State *L) {
  luaL_openlibs(L);
  return 0;
}

lua_State *tp_state_create(lua_Alloc allocate, void *context, tp_error *error) {
  lua_State *L = allocate ? lua_newstate(allocate, context) : luaL_newstate();
  if (L) {
    memset(lua_getextraspace(L), 0, LUA_EXTRASPACE); /* Lua does not; threads get a copy */
    lua_pushcfunction(L, l_open_libraries);
    if (lua_pcall(L, 0, 0, 0) == LUA_OK)
      return L;
    lua_close(L);
  }
  tp_fail(error, TP_NO_MEMORY, "no memory for a Lua state");
  return NULL;
}

void tp_state_set_host(lua_State *L, tp_host *host) {
  lua_pushlightuserdata(L, host);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &host_key);
}

tp_host *tp_state_host(lua_State *L) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &host_key);
  tp_host *host = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return host;
}
