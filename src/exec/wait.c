/* SPDX-License-Identifier: MIT
 *
 * Park, wake and sleep.
 *
 * A wait is a park that a wake or a cancel ends. The wake puts its values on the stack of the
 * coroutine's thread and queues it; the continuation of the wait finds them on top. A wake that
 * comes before a cancel wins: its values are delivered, and the next wait raises (ending.c). */
#include "exec/ending.h"
#include "value/error.h"

#include <lauxlib.h>
#include <math.h>

tp_wake_id tp_wait_id(tp_exec *exec, lua_State *L) {
  if (!exec->current)
    tp_raise(
        L, TP_INVALID_ARGUMENT,
        "cannot wait outside of a task: put the code into a function and run it with taskpool.run");
  return exec->current->park;
}

void tp_wait_check(tp_exec *exec, lua_State *L) {
  if (exec->current && tp_ending_is_raising(exec->current))
    tp_ending_raise(exec, L);
}

/* ---- park and wake ---- */

static uint64_t to_nanoseconds(double seconds) {
  double nanoseconds = seconds * 1e9;
  return nanoseconds < (double)TP_FOREVER ? (uint64_t)nanoseconds : TP_FOREVER;
}

bool tp_wait_is_possible(const tp_exec *exec, lua_State *L) {
  return exec->waitable && L == exec->running && lua_isyieldable(L);
}

void tp_wait_begin(tp_exec *exec, lua_State *L) {
  tp_wait_id(exec, L);
  if (!tp_wait_is_possible(exec, L))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "cannot wait here: a C function that cannot be left (a sort or gsub callback, a "
             "finalizer) is "
             "in between");
  if (exec->current->ending)
    tp_wait_check(exec, L);
}

int tp_wait_park(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  tp_wait_begin(exec, L);
  exec->current->state = TP_CORO_PARKED;
  return lua_yieldk(L, 0, context, k);
}

void tp_wait_mend(tp_exec *exec) {
  exec->current->cut = false;
}

int tp_wait_again(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  tp_wait_mend(exec);
  exec->current->state = TP_CORO_PARKED;
  return lua_yieldk(L, 0, context, k);
}

int tp_wait_park_until(tp_exec *exec, lua_State *L, double deadline, lua_KFunction k,
                       lua_KContext context) {
  tp_wait_begin(exec, L);
  if (deadline < HUGE_VAL)
    tp_timer_start(exec->current, TP_TIMER_SLEEP, to_nanoseconds(deadline));
  return tp_wait_park(exec, L, k, context);
}

bool tp_wait_is_late(const tp_exec *exec, double deadline) {
  return tp_timer_now(exec) >= to_nanoseconds(deadline);
}

int tp_wait_values(tp_exec *exec, lua_State *L, int base) {
  tp_coro *coro = exec->current;
  if (coro->cut) {
    coro->cut = false;
    return tp_ending_raise(exec, L);
  }
  return lua_gettop(L) - base;
}

bool tp_wait_is_cut(const tp_exec *exec) {
  return exec->current->cut;
}

bool tp_wait_is_parked(const tp_exec *exec, tp_wake_id id) {
  const tp_coro *coro = tp_coro_find(exec, id);
  return coro && coro->state == TP_CORO_PARKED;
}

void tp_wait_end(tp_coro *coro, int nargs) {
  tp_coro_renew_park(coro);
  tp_timer_stop(coro, TP_TIMER_SLEEP);
  coro->awaits = false;
  tp_exec_queue(coro, nargs);
}

bool tp_wake(tp_exec *exec, tp_wake_id id, lua_State *from, int count) {
  tp_coro *coro = tp_coro_find(exec, id);
  if (!coro || coro->state != TP_CORO_PARKED) {
    lua_pop(from, count);
    return false;
  }
  if (!lua_checkstack(coro->L, count))
    tp_raise(from, TP_NO_MEMORY, "no memory for the %d values of a wake", count);
  lua_xmove(from, coro->L, count);
  tp_wait_end(coro, count);
  return true;
}

void tp_wait_outside_begin(tp_exec *exec) {
  exec->outside++;
}

void tp_wait_outside_end(tp_exec *exec) {
  exec->outside--;
  tp_exec_poke(exec);
}

/* ---- sleep ---- */

int tp_wait_pause(tp_exec *exec, lua_State *L, double seconds, lua_KFunction k,
                  lua_KContext context) {
  tp_wait_begin(exec, L);
  tp_coro *coro = exec->current;
  if (seconds > 0) {
    tp_timer_start(coro, TP_TIMER_SLEEP, tp_timer_now(exec) + to_nanoseconds(seconds));
    coro->state = TP_CORO_PARKED;
  } else {
    tp_coro_renew_park(coro);
    tp_exec_queue(coro, 0);
  }
  return lua_yieldk(L, 0, context, k);
}

static int after_sleep(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_exec *exec = (tp_exec *)context;
  if (exec->current->cut)
    tp_wait_values(exec, L, 0);
  return 0;
}

int tp_wait_sleep(tp_exec *exec, lua_State *L, double seconds) {
  return tp_wait_pause(exec, L, seconds, after_sleep, (lua_KContext)exec);
}
