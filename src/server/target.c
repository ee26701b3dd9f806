/* SPDX-License-Identifier: MIT
 *
 * The pool that the commands of one client go to; see target.h. */
#include "server/target.h"
#include "binding/handle.h"
#include "binding/method.h"
#include "value/raise.h"
#include <lauxlib.h>

void tp_target_open(tp_target *target, const tp_served *served) {
  *target = (tp_target){.served = served, .reference = LUA_NOREF};
}

void tp_target_close(tp_target *target, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, target->reference);
  tp_target_open(target, target->served);
}

bool tp_target_use(tp_target *target, lua_State *L, tp_pool *pool) {
  luaL_checkstack(L, 3, NULL);
  tp_handle_push(L, pool);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, target->reference);
  target->reference = reference;
  target->pool = pool;
  return true;
}

tp_pool *tp_target_find(const tp_target *target, lua_State *L, const char *word) {
  const tp_pool *other;
  tp_pool *pool = tp_served_find(target->served, word, &other);
  if (other)
    tp_raise(L, TP_INVALID_ARGUMENT, "'%s' may be %s or %s; give the whole name", word, pool->label,
             other->label);
  if (!pool)
    tp_raise(L, TP_NOT_FOUND, "there is no pool '%s'; `pools` lists all", word);
  return pool;
}

/* The pool. Where none was chosen, chooses the first that is not closed, else the first. NULL:
 * there is none. */
static tp_pool *find_pool(tp_target *target, lua_State *L) {
  tp_pool *pool;
  for (size_t i = 0; !target->pool && (pool = tp_served_at(target->served, i)); i++) {
    if (!pool->closed)
      tp_target_use(target, L, pool);
  }
  if (!target->pool && (pool = tp_served_at(target->served, 0)))
    tp_target_use(target, L, pool);
  return target->pool;
}

const char *tp_target_label(tp_target *target, lua_State *L) {
  const tp_pool *pool = find_pool(target, L);
  return pool ? pool->label : "no pool";
}

int tp_target_kind(tp_target *target, lua_State *L) {
  const tp_pool *pool = find_pool(target, L);
  return pool ? pool->kind : TP_ON_ALL;
}
