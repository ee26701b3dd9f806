/* SPDX-License-Identifier: MIT
 *
 * The coroutines of an executor: where they are kept, and how one is taken and given back.
 *
 * Each has a slot, whose number is a part of its wake ids, so that an id leads to it. Its thread
 * stands at the same place in a table, which keeps it from being collected. Those at rest are on
 * the free list, to be used again. */
#include "exec/ending.h"
#include "value/error.h"

#include <lauxlib.h>
#include <stdlib.h>

/* Coroutines kept at rest, some 20 MB of them; more are given back. */
#define FREE_MAX 16384

#define SLOT_MAX ((UINT64_C(1) << (64 - TP_PARK_BITS)) - 1)

const char tp_thread_mark;

/* ---- wake ids ---- */

static uint32_t slot_of(const tp_coro *coro) {
  return (uint32_t)(coro->park >> TP_PARK_BITS);
}

tp_coro *tp_coro_find(const tp_exec *exec, tp_wake_id id) {
  uint64_t slot = id >> TP_PARK_BITS;
  tp_coro *coro = slot < exec->slot_count ? exec->slots[slot] : NULL;
  return coro && coro->park == id ? coro : NULL;
}

void tp_coro_renew_park(tp_coro *coro) {
  uint64_t number = coro->exec->next_park++ & TP_PARK_MASK;
  coro->park = (coro->park & ~TP_PARK_MASK) | (number ? number : coro->exec->next_park++);
}

/* ---- taking and giving back ---- */

/* Finds a slot for a new coroutine. */
static bool take_slot(tp_exec *exec, uint32_t *slot) {
  if (exec->free_slot_count) {
    *slot = exec->free_slots[--exec->free_slot_count];
    return true;
  }
  if (exec->slot_count == exec->slot_capacity) {
    uint32_t capacity = exec->slot_capacity ? exec->slot_capacity * 2 : 64;
    if (capacity > SLOT_MAX)
      return false;
    tp_coro **slots = realloc(exec->slots, capacity * sizeof(tp_coro *));
    if (!slots)
      return false;
    exec->slots = slots;
    uint32_t *free_slots = realloc(exec->free_slots, capacity * sizeof *free_slots);
    if (!free_slots)
      return false;
    exec->free_slots = free_slots;
    exec->slot_capacity = capacity;
  }
  *slot = exec->slot_count++;
  exec->slots[*slot] = NULL;
  return true;
}

/* Keeps the thread `L` in the place of a slot, or nothing (NULL). */
static void anchor(tp_exec *exec, uint32_t slot, lua_State *L) {
  lua_State *main = exec->L;
  luaL_checkstack(main, 3, NULL);
  lua_rawgeti(main, LUA_REGISTRYINDEX, exec->anchors);
  if (L) {
    lua_pushthread(L);
    lua_xmove(L, main, 1);
  } else {
    lua_pushnil(main);
  }
  lua_rawseti(main, -2, (lua_Integer)slot + 1);
  lua_pop(main, 1);
}

void tp_coro_set_thread(tp_coro *coro, lua_State *L) {
  anchor(coro->exec, slot_of(coro), L);
  coro->L = L;
}

static tp_coro *create(tp_exec *exec) {
  uint32_t slot = 0;
  luaL_checkstack(exec->L, 4, NULL);
  lua_State *L = lua_newthread(exec->L);
  tp_coro *coro = take_slot(exec, &slot) ? calloc(1, sizeof *coro) : NULL;
  if (!coro)
    tp_raise(exec->L, TP_NO_MEMORY, "no memory for a coroutine");
  exec->slots[slot] = coro;
  coro->exec = exec;
  coro->park = (uint64_t)slot << TP_PARK_BITS;
  tp_coro_set_thread(coro, L);
  lua_pop(exec->L, 1);
  return coro;
}

tp_coro *tp_coro_take(tp_exec *exec) {
  if (exec->closing)
    tp_raise(exec->L, TP_NOT_AVAILABLE, "the host is closed");
  tp_coro *coro = exec->free;
  if (coro) {
    exec->free = coro->next;
    exec->free_count--;
  } else {
    coro = create(exec);
  }
  tp_coro_renew_park(coro);
  tp_thread_hold(coro->L);
  lua_pushcfunction(coro->L, tp_coro_main);
  lua_pushlightuserdata(coro->L, coro);
  exec->live++;
  return coro;
}

void tp_coro_destroy(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  uint32_t slot = slot_of(coro);
  anchor(exec, slot, NULL);
  exec->slots[slot] = NULL;
  exec->free_slots[exec->free_slot_count++] = slot;
  tp_ending_clear(coro);
  free(coro);
}

void tp_coro_give_back(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  exec->live--;
  coro->state = TP_CORO_REST;
  coro->urgent = false;
  tp_coro_renew_park(coro);
  tp_thread_let_go(exec, coro->L);
  if (exec->free_count >= FREE_MAX) {
    tp_coro_destroy(coro);
    return;
  }
  coro->next = exec->free;
  exec->free = coro;
  exec->free_count++;
}

tp_coro *tp_coro_take_next(tp_exec *exec) {
  tp_coro *coro = exec->spare;
  if (!coro)
    return tp_coro_take(exec);
  exec->spare = NULL;
  tp_coro_renew_park(coro);
  return coro;
}
