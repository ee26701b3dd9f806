/* SPDX-License-Identifier: MIT
 *
 * The userdata by which Lua holds a pool; see handle.h. */
#include "binding/handle.h"
#include "host/host.h"
#include "value/raise.h"

#include <lauxlib.h>

/* Its address is the registry key of the weak table pool -> handle. */
static const char handles_key;

const char *tp_handle_class(int kind) {
  return kind == TP_ON_TASK_POOL ? "TaskPool" : "SimpleTaskPool";
}

static tp_pool *to_pool(lua_State *L, int index) {
  static const int kinds[] = {TP_ON_TASK_POOL, TP_ON_SIMPLE_POOL};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    tp_pool **box = luaL_testudata(L, index, tp_handle_class(kinds[i]));
    if (box)
      return *box;
  }
  return NULL;
}

tp_pool *tp_handle_check(lua_State *L, int index) {
  tp_pool *pool = to_pool(L, index);
  if (!pool)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "expected a pool, not %s; call methods with a colon, such as pool:lock()",
             luaL_typename(L, index));
  return pool;
}

void tp_handle_push(lua_State *L, tp_pool *pool) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key);
  lua_rawgetp(L, -1, pool);
  lua_remove(L, -2);
}

tp_pool *tp_handle_create(lua_State *L, int kind, const char *name, uint64_t size) {
  tp_host *host = tp_state_host(L);
  if (host->closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the host is closed");
  tp_pool **box = lua_newuserdatauv(L, sizeof(tp_pool *), TP_HANDLE_VALUES);
  *box = NULL;
  luaL_setmetatable(L, tp_handle_class(kind));
  tp_pool *pool = tp_host_add_pool(host, kind, tp_handle_class(kind), name, size);
  if (!pool)
    tp_raise(L, TP_NO_MEMORY, "no memory for a pool");
  *box = pool;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, pool);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, pool);
  return pool;
}

void tp_handle_unpin(lua_State *L, tp_pool *pool) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, pool);
}

tp_group *tp_handle_check_group(lua_State *L, const tp_pool *pool, int index) {
  tp_error error;
  tp_group *group = tp_pool_find_group(pool, lua_tostring(L, index), &error);
  if (!group)
    tp_raise_error(L, &error);
  return group;
}

void tp_handle_clear_all(lua_State *L, tp_host *host) {
  tp_pool *pool;
  while ((pool = TAILQ_FIRST(&host->pools))) {
    tp_handle_push(L, pool);
    tp_pool **box = lua_touserdata(L, -1);
    if (box)
      *box = NULL;
    lua_pop(L, 1);
    tp_handle_unpin(L, pool);
    tp_host_remove_pool(host, pool);
  }
}

static int l_handle_gc(lua_State *L) {
  tp_pool **box = lua_touserdata(L, 1);
  if (*box)
    tp_host_remove_pool(tp_state_host(L), *box);
  *box = NULL;
  return 0;
}

static int l_handle_tostring(lua_State *L) {
  lua_pushstring(L, tp_handle_check(L, 1)->label);
  return 1;
}

void tp_handle_open(lua_State *L) {
  lua_pushcfunction(L, l_handle_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, l_handle_tostring);
  lua_setfield(L, -2, "__tostring");
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &handles_key) == LUA_TNIL) {
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &handles_key);
  }
  lua_pop(L, 1);
}
