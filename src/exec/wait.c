/* SPDX-License-Identifier: MIT
 *
 * Park, wake and cancel.
 *
 * A wait is a park that a wake or a cancel ends. The wake puts its values on the stack of the
 * coroutine's thread and queues it; the continuation of the wait finds them on top. A cancel is
 * level-triggered: it marks the coroutine, ends the present park without values, and every wait of
 * it, that one and all later ones, raises the cancel error. A wake that came first wins: its values
 * are delivered, and the next wait raises. */
#include "exec/coro.h"
#include "value/error.h"

#include <lauxlib.h>

tp_wake_id tp_wait_id(tp_exec *exec, lua_State *L) {
  if (!exec->current)
    tp_raise(
        L, TP_INVALID_ARGUMENT,
        "cannot wait outside of a task: put the code into a function and run it with taskpool.run");
  return exec->current->park;
}

/* ---- cancel errors ---- */

void tp_wait_push_cancel(lua_State *L, const tp_cancel *cancel) {
  luaL_checkstack(L, 4, NULL);
  if (*cancel->message)
    lua_pushstring(L, cancel->message);
  else
    lua_pushfstring(L, "cancelled by %s", cancel->who);
  tp_error_wrap(L, cancel->code);
  lua_pushstring(L, cancel->who);
  lua_setfield(L, -2, "who");
  lua_pushnumber(L, cancel->when);
  lua_setfield(L, -2, "when");
}

/* Raises the cancel of the running coroutine; says so the first time. */
static int raise_cancel(tp_exec *exec, lua_State *L) {
  tp_coro *coro = exec->current;
  if (coro->is_task && !coro->told) {
    coro->told = true;
    tp_run_event(coro->as.task.group->pool, TP_EVENT_CANCELLING, &coro->as.task);
  }
  tp_wait_push_cancel(L, coro->cancel);
  return lua_error(L);
}

void tp_wait_check(tp_exec *exec, lua_State *L) {
  if (exec->current && exec->current->cancel)
    raise_cancel(exec, L);
}

bool tp_exec_is_cancel(const tp_exec *exec, lua_State *L, int index) {
  const tp_coro *coro = exec->current;
  return coro && coro->cancel && tp_error_code(L, index) == coro->cancel->code;
}

/* ---- park and wake ---- */

/* What every wait does first: raises where none is possible, and the cancel error in a cancelled
 * task. */
static void check_wait(tp_exec *exec, lua_State *L) {
  tp_wait_id(exec, L);
  if (!exec->waitable || !lua_isyieldable(L))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "cannot wait here: a C function that cannot be left (a sort or gsub callback, a "
             "finalizer) is "
             "in between");
  if (exec->current->cancel)
    raise_cancel(exec, L);
}

int tp_wait_park(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  check_wait(exec, L);
  exec->current->state = TP_CORO_PARKED;
  return lua_yieldk(L, 0, context, k);
}

int tp_wait_values(tp_exec *exec, lua_State *L, int base) {
  tp_coro *coro = exec->current;
  if (coro->cut) {
    coro->cut = false;
    return raise_cancel(exec, L);
  }
  return lua_gettop(L) - base;
}

void tp_wait_end(tp_coro *coro, int nargs) {
  tp_coro_renew_park(coro);
  tp_timer_stop(coro);
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

/* The latest time that a sleep can end, so that a sum never overflows. */
#define FOREVER (UINT64_MAX / 4)

static uint64_t to_nanoseconds(double seconds) {
  double nanoseconds = seconds * 1e9;
  return nanoseconds < (double)FOREVER ? (uint64_t)nanoseconds : FOREVER;
}

static int after_sleep(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_exec *exec = (tp_exec *)context;
  if (exec->current->cut)
    tp_wait_values(exec, L, 0);
  return 0;
}

int tp_wait_sleep(tp_exec *exec, lua_State *L, double seconds) {
  check_wait(exec, L);
  tp_coro *coro = exec->current;
  if (seconds > 0) {
    tp_timer_start(coro, tp_timer_now(exec) + to_nanoseconds(seconds), L);
    coro->state = TP_CORO_PARKED;
  } else {
    tp_coro_renew_park(coro);
    tp_exec_queue(coro, 0);
  }
  return lua_yieldk(L, 0, (lua_KContext)exec, after_sleep);
}

/* ---- cancel ---- */

void tp_exec_cancel(tp_exec *exec, tp_coro *coro, tp_cancel *reason) {
  (void)exec;
  if (coro->cancel || coro->state == TP_CORO_REST)
    return;
  coro->cancel = tp_cancel_keep(reason);
  if (coro->state == TP_CORO_PARKED || coro->state == TP_CORO_OFFERING) {
    coro->cut = true;
    if (coro->state == TP_CORO_OFFERING)
      lua_settop(coro->L, lua_gettop(coro->L) - coro->nargs);
    tp_wait_end(coro, 0);
  }
}

void tp_exec_cancel_all(tp_exec *exec, tp_cancel *reason) {
  for (uint32_t i = 0; i < exec->slot_count; i++) {
    tp_coro *coro = exec->slots[i];
    if (coro && coro != exec->current)
      tp_exec_cancel(exec, coro, reason);
  }
}
