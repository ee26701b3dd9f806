/* SPDX-License-Identifier: MIT
 *
 * Parks and wakes; see park.h. */
#include "exec/park.h"
#include "exec/ready.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "value/raise.h"

bool tp_park_is_possible(const tp_exec *exec, lua_State *L) {
  return exec->context.waitable && L == exec->context.thread && lua_isyieldable(L);
}

bool tp_park_is_parked(const tp_exec *exec, tp_wake_id id) {
  const tp_coro *coro = tp_slot_find(exec, id);
  return coro && coro->state == TP_CORO_PARKED;
}

void tp_park_end(tp_coro *coro, int nargs) {
  tp_slot_renew_park(coro);
  tp_timer_stop(coro, TP_TIMER_SLEEP);
  coro->awaits = false;
  tp_ready_add(coro, nargs);
}

bool tp_park_wake(tp_exec *exec, tp_wake_id id, lua_State *from, int count) {
  tp_coro *coro = tp_slot_find(exec, id);
  if (!coro || coro->state != TP_CORO_PARKED) {
    lua_pop(from, count);
    return false;
  }
  if (!lua_checkstack(coro->L, count))
    tp_raise(from, TP_NO_MEMORY, "no memory for the %d values of a wake", count);
  lua_xmove(from, coro->L, count);
  tp_park_end(coro, count);
  return true;
}
