/* SPDX-License-Identifier: MIT
 *
 * The pools of a server; see served.h. */
#include "server/served.h"
#include "binding/handle.h"
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* ---- keeping them alive ---- */

/* Lua: keeps the pool at 2 alive for the list at 1; one that is being collected is not kept. */
static int l_keep(lua_State *L) {
  tp_served *served = lua_touserdata(L, 1);
  tp_pool *pool = lua_touserdata(L, 2);
  tp_handle_push(L, pool);
  if (lua_isnil(L, -1))
    return 0;
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  served->kept[served->count++] = (tp_served_pool){pool, reference};
  return 0;
}

static bool keep(tp_served *served, lua_State *L, tp_pool *pool) {
  if (!lua_checkstack(L, 3))
    return false;
  lua_pushcfunction(L, l_keep);
  lua_pushlightuserdata(L, served);
  lua_pushlightuserdata(L, pool);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK)
    return true;
  lua_pop(L, 1);
  return false;
}

static size_t count_pools(const tp_host *host) {
  const tp_pool *pool;
  size_t count = 0;
  TAILQ_FOREACH (pool, &host->pools, host_link)
    count++;
  return count;
}

/* Keeping a pool may collect others, but never the one that was kept just now: the host's list can
 * be walked meanwhile. */
static bool keep_all(tp_served *served, lua_State *L, size_t most) {
  tp_pool *pool;
  TAILQ_FOREACH (pool, &served->host->pools, host_link) {
    if (served->count < most && !keep(served, L, pool))
      return false;
  }
  return true;
}

bool tp_served_open(tp_served *served, tp_host *host, lua_State *L, tp_pool *const *pools,
                    size_t count) {
  *served = (tp_served){.host = host, .all = count == 0};
  size_t most = served->all ? count_pools(host) : count;
  served->kept = calloc(most + 1, sizeof *served->kept);
  if (!served->kept)
    return false;
  if (served->all)
    return keep_all(served, L, most);
  for (size_t i = 0; i < count; i++) {
    if (!keep(served, L, pools[i]))
      return false;
  }
  return true;
}

void tp_served_close(tp_served *served, lua_State *L) {
  for (size_t i = 0; i < served->count; i++)
    luaL_unref(L, LUA_REGISTRYINDEX, served->kept[i].reference);
  free(served->kept);
  *served = (tp_served){.host = served->host};
}

/* ---- looking ---- */

tp_pool *tp_served_at(const tp_served *served, size_t index) {
  if (!served->all)
    return index < served->count ? served->kept[index].pool : NULL;
  tp_pool *pool = TAILQ_FIRST(&served->host->pools);
  while (pool && index-- > 0)
    pool = TAILQ_NEXT(pool, host_link);
  return pool;
}

/* True if the pool has this name without its class. */
static bool is_called(const tp_pool *pool, const char *word) {
  const char *dash = strchr(pool->label, '-');
  return dash && strcmp(dash + 1, word) == 0;
}

tp_pool *tp_served_find(const tp_served *served, const char *word, const tp_pool **other) {
  tp_pool *pool, *found = NULL;
  *other = NULL;
  for (size_t i = 0; (pool = tp_served_at(served, i)); i++) {
    if (strcmp(pool->label, word) == 0) {
      *other = NULL;
      return pool;
    }
    if (is_called(pool, word) && found)
      *other = pool;
    else if (is_called(pool, word))
      found = pool;
  }
  return found;
}
