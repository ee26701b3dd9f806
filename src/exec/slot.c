/* SPDX-License-Identifier: MIT
 *
 * Where coroutines are kept; see slot.h. */
#include "exec/slot.h"
#include "base/vec.h"
#include "exec/state.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>

/* Coroutines kept at rest, some 20 MB of them; more are given back. */
#define FREE_MAX 16384

#define SLOT_MAX ((UINT64_C(1) << (64 - TP_PARK_BITS)) - 1)

/* ---- wake ids ---- */

static uint32_t slot_of(const tp_coro *coro) {
  return (uint32_t)(coro->park >> TP_PARK_BITS);
}

tp_coro *tp_slot_find(const tp_exec *exec, tp_wake_id id) {
  uint64_t slot = id >> TP_PARK_BITS;
  tp_coro *coro = slot < exec->slots.count ? exec->slots.coros[slot] : NULL;
  return coro && coro->park == id ? coro : NULL;
}

void tp_slot_renew_park(tp_coro *coro) {
  uint64_t number = coro->exec->slots.next_park++ & TP_PARK_MASK;
  coro->park = (coro->park & ~TP_PARK_MASK) | (number ? number : coro->exec->slots.next_park++);
}

/* ---- taking and giving back ---- */

/* Makes sure that there is a free slot, and a place among the unused ones for when it is free
 * again.
 */
static bool reserve_slot(tp_exec *exec) {
  tp_slots *slots = &exec->slots;
  if (slots->unused_count)
    return true;
  if (slots->count == SLOT_MAX)
    return false;
  size_t count = slots->count + 1;
  tp_coro **coros = tp_vec_reserve(slots->coros, &slots->capacity, count, sizeof *coros);
  slots->coros = coros ? coros : slots->coros;
  uint32_t *unused = tp_vec_reserve(slots->unused, &slots->unused_capacity, count, sizeof *unused);
  slots->unused = unused ? unused : slots->unused;
  return coros && unused;
}

/* The slot that the next coroutine gets, after reserve_slot. */
static uint32_t next_slot(const tp_exec *exec) {
  return exec->slots.unused_count ? exec->slots.unused[exec->slots.unused_count - 1]
                                  : exec->slots.count;
}

static void use_slot(tp_exec *exec, uint32_t slot, tp_coro *coro) {
  if (exec->slots.unused_count)
    exec->slots.unused_count--;
  else
    exec->slots.count++;
  exec->slots.coros[slot] = coro;
}

/* Keeps the thread on top of L, which is popped, in the place of a slot. Raises for lack of memory.
 */
static void anchor(tp_exec *exec, lua_State *L, uint32_t slot) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, exec->slots.anchors);
  lua_insert(L, -2);
  lua_rawseti(L, -2, (lua_Integer)slot + 1);
  lua_pop(L, 1);
}

/* Clears that place. Allocates nothing, but where there is no room on the stack the
 * thread stays until the slot is used again. */
static void clear_anchor(tp_exec *exec, uint32_t slot) {
  lua_State *main = exec->L;
  if (!lua_checkstack(main, 2))
    return;
  lua_rawgeti(main, LUA_REGISTRYINDEX, exec->slots.anchors);
  lua_pushnil(main);
  lua_rawseti(main, -2, (lua_Integer)slot + 1);
  lua_pop(main, 1);
}

void tp_slot_set_thread(tp_coro *coro, lua_State *L) {
  lua_State *thread = lua_tothread(L, -1);
  anchor(coro->exec, L, slot_of(coro));
  coro->L = thread;
}

/* All that may fail comes first, so that nothing is lost. */
static tp_coro *create(tp_exec *exec, lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  lua_State *thread = lua_newthread(L);
  lua_sethook(thread, NULL, 0, 0); /* that of L is its own */
  if (!reserve_slot(exec))
    tp_raise(L, TP_NO_MEMORY, "no memory for a coroutine");
  uint32_t slot = next_slot(exec);
  anchor(exec, L, slot);
  tp_coro *coro = calloc(1, sizeof *coro);
  if (!coro || !tp_timer_reserve(exec, 1)) {
    free(coro);
    tp_raise(L, TP_NO_MEMORY, "no memory for a coroutine");
  }
  coro->exec = exec;
  coro->L = thread;
  coro->park = (uint64_t)slot << TP_PARK_BITS;
  use_slot(exec, slot, coro);
  return coro;
}

tp_coro *tp_slot_take(tp_exec *exec, lua_State *L) {
  if (exec->closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the host is closed");
  tp_coro *coro = exec->slots.free;
  if (coro) {
    exec->slots.free = coro->next;
    exec->slots.free_count--;
  } else {
    coro = create(exec, L);
  }
  coro->keeps = false;
  tp_slot_renew_park(coro);
  tp_state_hold(coro->L);
  lua_pushcfunction(coro->L, exec->slots.main);
  lua_pushcfunction(coro->L, exec->slots.handler);
  lua_pushlightuserdata(coro->L, coro);
  exec->slots.live++;
  return coro;
}

void tp_slot_free(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  uint32_t slot = slot_of(coro);
  clear_anchor(exec, slot);
  tp_timer_release(exec, 1);
  exec->slots.coros[slot] = NULL;
  exec->slots.unused[exec->slots.unused_count++] = slot;
  free(coro);
}

void tp_slot_give_back(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  exec->slots.live--;
  coro->state = TP_CORO_REST;
  coro->urgent = false;
  tp_slot_renew_park(coro);
  tp_state_release(exec, coro->L);
  if (exec->slots.free_count >= FREE_MAX) {
    tp_slot_free(coro);
    return;
  }
  coro->next = exec->slots.free;
  exec->slots.free = coro;
  exec->slots.free_count++;
}

tp_coro *tp_slot_take_next(tp_exec *exec) {
  tp_coro *coro = exec->handover.reusable;
  if (!coro)
    return tp_slot_take(exec, exec->L);
  exec->handover.reusable = NULL;
  tp_slot_renew_park(coro);
  return coro;
}
