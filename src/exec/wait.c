/* SPDX-License-Identifier: MIT
 *
 * Waiting; see wait.h. */
#include "exec/wait.h"
#include "exec/cancel.h"
#include "exec/park.h"
#include "exec/ready.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "value/raise.h"

#include <math.h>

tp_wake_id tp_wait_id(tp_exec *exec, lua_State *L) {
  if (!exec->context.coro)
    tp_raise(
        L, TP_INVALID_ARGUMENT,
        "cannot wait outside of a task: put the code into a function and run it with taskpool.run");
  return exec->context.coro->park;
}

void tp_wait_check(tp_exec *exec, lua_State *L) {
  if (exec->context.coro && tp_exec_cancel_is_raising(exec->context.coro))
    tp_exec_cancel_raise(exec, L);
}

void tp_wait_begin(tp_exec *exec, lua_State *L) {
  tp_wait_id(exec, L);
  if (!tp_park_is_possible(exec, L))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "cannot wait here: a C function that cannot be left (a sort or gsub callback, a "
             "finalizer) is "
             "in between");
  if (exec->context.coro->cancelling)
    tp_wait_check(exec, L);
}

int tp_wait_park(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  tp_wait_begin(exec, L);
  exec->context.coro->state = TP_CORO_PARKED;
  return lua_yieldk(L, 0, context, k);
}

void tp_wait_mend(tp_exec *exec) {
  exec->context.coro->cut = false;
}

int tp_wait_again(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  tp_wait_mend(exec);
  exec->context.coro->state = TP_CORO_PARKED;
  return lua_yieldk(L, 0, context, k);
}

int tp_wait_park_until(tp_exec *exec, lua_State *L, double deadline, lua_KFunction k,
                       lua_KContext context) {
  tp_wait_begin(exec, L);
  if (deadline < HUGE_VAL)
    tp_timer_start(exec->context.coro, TP_TIMER_SLEEP, tp_seconds_to_nanoseconds(deadline));
  return tp_wait_park(exec, L, k, context);
}

bool tp_wait_is_late(const tp_exec *exec, double deadline) {
  return tp_timer_now(exec) >= tp_seconds_to_nanoseconds(deadline);
}

int tp_wait_values(tp_exec *exec, lua_State *L, int base) {
  tp_coro *coro = exec->context.coro;
  if (coro->cut) {
    coro->cut = false;
    return tp_exec_cancel_raise(exec, L);
  }
  return lua_gettop(L) - base;
}

bool tp_wait_is_cut(const tp_exec *exec) {
  return exec->context.coro->cut;
}

/* ---- sleep ---- */

int tp_wait_pause(tp_exec *exec, lua_State *L, double seconds, lua_KFunction k,
                  lua_KContext context) {
  tp_wait_begin(exec, L);
  tp_coro *coro = exec->context.coro;
  if (seconds > 0) {
    tp_timer_start(coro, TP_TIMER_SLEEP, tp_timer_now(exec) + tp_seconds_to_nanoseconds(seconds));
    coro->state = TP_CORO_PARKED;
  } else {
    tp_slot_renew_park(coro);
    tp_ready_add(coro, 0);
  }
  return lua_yieldk(L, 0, context, k);
}

bool tp_wait_must_give_way(const tp_exec *exec, lua_State *L) {
  return uv_hrtime() >= exec->budget.deadline && exec->context.coro && tp_park_is_possible(exec, L);
}

int tp_wait_give_way(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context) {
  exec->budget.until_look = 1; /* this resume has been a long one */
  return tp_wait_pause(exec, L, 0, k, context);
}

static int after_sleep(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_exec *exec = (tp_exec *)context;
  if (exec->context.coro->cut)
    tp_wait_values(exec, L, 0);
  return 0;
}

int tp_wait_sleep(tp_exec *exec, lua_State *L, double seconds) {
  return tp_wait_pause(exec, L, seconds, after_sleep, (lua_KContext)exec);
}
