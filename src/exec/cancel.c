/* SPDX-License-Identifier: MIT
 *
 * Cancels, time limits and shields; see cancel.h. */
#include "exec/cancel.h"
#include "exec/park.h"
#include "exec/state.h"
#include "pool/flow.h"
#include "value/error.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

/* How often a cancel is raised before the coroutine is killed. */
#define RAISES_MAX 8

/* What all coroutines share for which there was no memory for a record of their own. It is never
 * written to. */
static const tp_cancelling lost = {.to_kill = true};

bool tp_exec_cancel_is_lost(const tp_coro *coro) {
  return coro->cancelling == &lost;
}

/* The record of a coroutine, made if need be. NULL: no memory. */
static tp_cancelling *cancelling_of(tp_coro *coro) {
  if (tp_exec_cancel_is_lost(coro))
    return NULL;
  if (coro->cancelling || !tp_timer_reserve(coro->exec, 1))
    return coro->cancelling;
  coro->cancelling = calloc(1, sizeof *coro->cancelling);
  if (!coro->cancelling)
    tp_timer_release(coro->exec, 1);
  return coro->cancelling;
}

void tp_exec_cancel_clear(tp_coro *coro) {
  tp_cancelling *cancelling = coro->cancelling;
  if (!cancelling || cancelling == &lost) {
    coro->cancelling = NULL;
    return;
  }
  tp_timer_stop(coro, TP_TIMER_CANCEL);
  tp_timer_release(coro->exec, 1);
  tp_cancel_release(cancelling->reason);
  free(cancelling);
  coro->cancelling = NULL;
}

bool tp_exec_cancel_is_raising(const tp_coro *coro) {
  const tp_cancelling *cancelling = coro->cancelling;
  return cancelling && cancelling->reason && !cancelling->shield_until &&
         coro->phase != TP_PHASE_REST;
}

bool tp_exec_cancel_is_coming(const tp_coro *coro) {
  const tp_cancelling *cancelling = coro->cancelling;
  return cancelling && (cancelling->reason || cancelling->timer || cancelling->to_kill);
}

bool tp_exec_cancel_is_error(const tp_exec *exec, lua_State *L, int index) {
  const tp_coro *coro = exec->context.coro;
  return coro && coro->cancelling && coro->cancelling->reason &&
         tp_error_code(L, index) == coro->cancelling->reason->code;
}

/* ---- reasons ---- */

tp_cancel *tp_exec_cancel_new_reason(tp_exec *exec, tp_code code, const char *who,
                                     const char *message, double grace) {
  tp_cancel *reason = tp_cancel_create(code, who, message, grace);
  return reason ? reason : tp_cancel_keep(exec->fallback_reasons[code == TP_TIMED_OUT]);
}

/* ---- raising ---- */

void tp_exec_cancel_push(lua_State *L, const tp_cancel *reason) {
  luaL_checkstack(L, 4, NULL);
  if (!reason) {
    lua_pushliteral(L, "cancelled without the memory for it");
    tp_error_wrap(L, TP_NO_MEMORY);
    return;
  }
  if (*reason->message)
    lua_pushstring(L, reason->message);
  else
    lua_pushfstring(L, "cancelled by %s", reason->who);
  tp_error_wrap_for(L, reason->code, 4); /* and `killed` and `took` at the end */
  lua_pushstring(L, reason->who);
  lua_setfield(L, -2, "who");
  lua_pushnumber(L, reason->when);
  lua_setfield(L, -2, "when");
}

/* Has the coroutine killed instead of resumed. */
static void have_killed(tp_coro *coro) {
  coro->cancelling->to_kill = true;
  if (coro->state == TP_CORO_PARKED || coro->state == TP_CORO_OFFERING)
    tp_park_end(coro, 0);
}

bool tp_exec_cancel_is_exhausted(const tp_coro *coro) {
  return coro->cancelling->raises >= RAISES_MAX;
}

void tp_exec_cancel_count_raise(tp_exec *exec) {
  tp_coro *coro = exec->context.coro;
  if (coro->is_task && coro->cancelling->raises == 0)
    tp_pool_tell(coro->as.task.group->pool, TP_EVENT_CANCELLING, &coro->as.task);
  if (!tp_exec_cancel_is_exhausted(coro))
    coro->cancelling->raises++;
}

int tp_exec_cancel_raise(tp_exec *exec, lua_State *L) {
  tp_coro *coro = exec->context.coro;
  if (tp_exec_cancel_is_exhausted(coro) && tp_park_is_possible(exec, L)) {
    coro->state = TP_CORO_PARKED;
    have_killed(coro);
    return lua_yield(L, 0);
  }
  tp_exec_cancel_count_raise(exec);
  tp_exec_cancel_push(L, coro->cancelling->reason);
  return lua_error(L);
}

/* ---- cancel, grace, time limit ---- */

/* When the grace of a cancelled coroutine is over. */
static uint64_t killed_at(const tp_cancelling *cancelling) {
  return cancelling->since + tp_seconds_to_nanoseconds(cancelling->reason->grace);
}

/* Sets the one timer of a cancelled coroutine to what comes first, the end of its shield or of its
 * grace. */
static void set_timer(tp_coro *coro) {
  const tp_cancelling *cancelling = coro->cancelling;
  uint64_t deadline = killed_at(cancelling);
  if (cancelling->shield_until && cancelling->shield_until < deadline)
    deadline = cancelling->shield_until;
  tp_timer_stop(coro, TP_TIMER_CANCEL);
  tp_timer_start(coro, TP_TIMER_CANCEL, deadline);
}

/* Ends the present wait, which raises then. */
static void cut_wait(tp_coro *coro) {
  if (coro->state != TP_CORO_PARKED && coro->state != TP_CORO_OFFERING)
    return;
  if (coro->state == TP_CORO_OFFERING)
    lua_settop(coro->L, lua_gettop(coro->L) - coro->nargs);
  coro->cut = true;
  tp_park_end(coro, 0);
}

void tp_exec_cancel(tp_exec *exec, tp_coro *coro, tp_cancel *reason) {
  if (coro->state == TP_CORO_REST || (coro->cancelling && coro->cancelling->reason))
    return;
  tp_cancelling *cancelling = cancelling_of(coro);
  if (!cancelling) { /* killed at once */
    coro->cancelling = (tp_cancelling *)&lost;
    cut_wait(coro);
    return;
  }
  cancelling->reason = tp_cancel_keep(reason);
  cancelling->since = tp_timer_now(exec);
  tp_timer_stop(coro, TP_TIMER_CANCEL); /* a time limit has become pointless */
  if (cancelling->shield_until)
    set_timer(coro);
  else
    cut_wait(coro);
}

const tp_cancel *tp_exec_cancel_reason(const tp_exec *exec, double *left) {
  const tp_cancelling *cancelling = exec->context.coro ? exec->context.coro->cancelling : NULL;
  if (!cancelling || !cancelling->reason)
    return NULL;
  uint64_t until = killed_at(cancelling), now = tp_timer_now(exec);
  *left = until > now ? tp_seconds_of(until - now) : 0;
  return cancelling->reason;
}

void tp_exec_cancel_watch(tp_coro *coro) {
  if (coro->cancelling->reason && !coro->cancelling->timer)
    set_timer(coro);
}

void tp_exec_cancel_all(tp_exec *exec, tp_cancel *reason) {
  for (uint32_t i = 0; i < exec->slots.count; i++) {
    tp_coro *coro = exec->slots.coros[i];
    if (coro && coro != exec->context.coro)
      tp_exec_cancel(exec, coro, reason);
  }
}

bool tp_exec_cancel_after(tp_coro *coro, double seconds) {
  if (tp_seconds_to_nanoseconds(seconds) == TP_FOREVER)
    return true;
  if (!cancelling_of(coro))
    return false;
  tp_timer_start(coro, TP_TIMER_CANCEL,
                 tp_timer_now(coro->exec) + tp_seconds_to_nanoseconds(seconds));
  return true;
}

/* The time limit is over: a cancel that nobody asked for. */
static void time_out(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  const tp_run *run = coro->is_task ? coro->as.task.group->pool->owner : NULL;
  tp_cancel *reason = tp_exec_cancel_new_reason(
      exec, TP_TIMED_OUT, "timeout", "the time limit is over", run ? run->grace : TP_GRACE_DEFAULT);
  if (!coro->is_task)
    tp_exec_cancel(exec, coro, reason);
  else if (coro->as.task.state == TP_TASK_RUNNING)
    tp_flow_cancel_task(coro->as.task.group->pool, &coro->as.task, reason);
  tp_cancel_release(reason);
}

void tp_exec_cancel_due(tp_coro *coro) {
  tp_cancelling *cancelling = coro->cancelling;
  if (!cancelling->reason) {
    time_out(coro);
  } else if (tp_timer_now(coro->exec) < killed_at(cancelling)) {
    cancelling->shield_until = 0;
    set_timer(coro);
    cut_wait(coro);
  } else {
    have_killed(coro);
  }
}

/* Seconds since the cancel. */
static double took(const tp_coro *coro) {
  return tp_seconds_of(tp_timer_now(coro->exec) - coro->cancelling->since);
}

/* Tells of a cancelled task that did not end by its cancel: by whom, and how long ago. */
static void tell(tp_coro *coro, tp_event event) {
  char words[100];
  snprintf(words, sizeof words, " by %s %.3f seconds before", coro->cancelling->reason->who,
           took(coro));
  tp_pool_tell_words(coro->as.task.group->pool, event, &coro->as.task, words);
}

void tp_exec_cancel_record(tp_coro *coro, tp_record *record) {
  const tp_cancelling *cancelling = coro->cancelling;
  tp_outcome outcome = cancelling->killed ? TP_OUTCOME_KILLED
                       : coro->cancelled  ? TP_OUTCOME_CANCELLED
                       : coro->failed     ? TP_OUTCOME_FAILED
                                          : TP_OUTCOME_IGNORED;
  if (record) {
    tp_record_set_reason(record, cancelling->reason);
    record->outcome = outcome;
    record->took = took(coro);
  }
  if (outcome == TP_OUTCOME_KILLED)
    tell(coro, TP_EVENT_KILLED);
  else if (outcome == TP_OUTCOME_IGNORED)
    tell(coro, TP_EVENT_IGNORED);
}

tp_cancel *tp_exec_cancel_reason_of(tp_task *task) {
  const tp_coro *coro = tp_state_coro_of(task);
  return coro->cancelling ? coro->cancelling->reason : NULL;
}

void tp_exec_cancel_add_fields(const tp_coro *coro, lua_State *L) {
  const tp_cancelling *cancelling = coro->cancelling;
  luaL_checkstack(L, 2, NULL);
  lua_pushboolean(L, cancelling->killed);
  lua_setfield(L, -2, "killed");
  lua_pushnumber(L, took(coro));
  lua_setfield(L, -2, "took");
}

/* ---- shields ---- */

bool tp_exec_cancel_shield(tp_exec *exec, double seconds, uint64_t *before) {
  tp_coro *coro = exec->context.coro;
  tp_cancelling *cancelling = cancelling_of(coro);
  if (!cancelling)
    return false;
  *before = cancelling->shield_until;
  cancelling->shield_until = tp_timer_now(exec) + tp_seconds_to_nanoseconds(seconds);
  if (cancelling->reason)
    set_timer(coro);
  return true;
}

void tp_exec_cancel_unshield(tp_exec *exec, uint64_t before) {
  tp_coro *coro = exec->context.coro;
  tp_cancelling *cancelling = coro->cancelling;
  if (!cancelling || cancelling == &lost)
    return;
  cancelling->shield_until = before > tp_timer_now(exec) ? before : 0;
  if (cancelling->reason)
    set_timer(coro);
}

bool tp_exec_cancel_is_shielded(const tp_exec *exec) {
  return exec->context.coro && exec->context.coro->cancelling &&
         exec->context.coro->cancelling->shield_until;
}
