/* SPDX-License-Identifier: MIT
 *
 * How a coroutine is brought to its end; see ending.h. */
#include "exec/ending.h"
#include "value/error.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

/* How often a cancel is raised before the coroutine is killed. */
#define RAISES_MAX 8

/* The ending of all coroutines for which there was no memory for one of their own. It is never
 * written to. */
static const tp_ending lost = {.doomed = true};

bool tp_ending_is_lost(const tp_coro *coro) {
  return coro->ending == &lost;
}

/* The ending of a coroutine, made if need be. NULL: no memory. */
static tp_ending *ending_of(tp_coro *coro) {
  if (tp_ending_is_lost(coro))
    return NULL;
  if (coro->ending || !tp_timer_reserve(coro->exec, 1))
    return coro->ending;
  coro->ending = calloc(1, sizeof *coro->ending);
  if (!coro->ending)
    tp_timer_release(coro->exec, 1);
  return coro->ending;
}

void tp_ending_clear(tp_coro *coro) {
  tp_ending *ending = coro->ending;
  if (!ending || ending == &lost) {
    coro->ending = NULL;
    return;
  }
  tp_timer_stop(coro, TP_TIMER_ENDING);
  tp_timer_release(coro->exec, 1);
  tp_cancel_release(ending->reason);
  free(ending);
  coro->ending = NULL;
}

bool tp_ending_is_raising(const tp_coro *coro) {
  const tp_ending *ending = coro->ending;
  return ending && ending->reason && !ending->shield_until && coro->phase != TP_PHASE_REST;
}

bool tp_ending_is_coming(const tp_coro *coro) {
  const tp_ending *ending = coro->ending;
  return ending && (ending->reason || ending->timer || ending->doomed);
}

bool tp_exec_is_cancel(const tp_exec *exec, lua_State *L, int index) {
  const tp_coro *coro = exec->current;
  return coro && coro->ending && coro->ending->reason &&
         tp_error_code(L, index) == coro->ending->reason->code;
}

/* ---- reasons ---- */

tp_cancel *tp_exec_new_reason(tp_exec *exec, tp_code code, const char *who, const char *message,
                              double grace) {
  tp_cancel *reason = tp_cancel_create(code, who, message, grace);
  return reason ? reason : tp_cancel_keep(exec->spare_reasons[code == TP_TIMED_OUT]);
}

/* ---- raising ---- */

void tp_ending_push(lua_State *L, const tp_cancel *reason) {
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
static void doom(tp_coro *coro) {
  coro->ending->doomed = true;
  if (coro->state == TP_CORO_PARKED || coro->state == TP_CORO_OFFERING)
    tp_wait_end(coro, 0);
}

bool tp_ending_is_exhausted(const tp_coro *coro) {
  return coro->ending->raises >= RAISES_MAX;
}

void tp_ending_count(tp_exec *exec) {
  tp_coro *coro = exec->current;
  if (coro->is_task && coro->ending->raises == 0)
    tp_run_event(coro->as.task.group->pool, TP_EVENT_CANCELLING, &coro->as.task);
  if (!tp_ending_is_exhausted(coro))
    coro->ending->raises++;
}

int tp_ending_raise(tp_exec *exec, lua_State *L) {
  tp_coro *coro = exec->current;
  if (tp_ending_is_exhausted(coro) && tp_wait_is_possible(exec, L)) {
    coro->state = TP_CORO_PARKED;
    doom(coro);
    return lua_yield(L, 0);
  }
  tp_ending_count(exec);
  tp_ending_push(L, coro->ending->reason);
  return lua_error(L);
}

/* ---- cancel, grace, time limit ---- */

static uint64_t to_nanoseconds(double seconds) {
  return seconds * 1e9 < (double)TP_FOREVER ? (uint64_t)(seconds * 1e9) : TP_FOREVER;
}

/* When the grace of a cancelled coroutine is over. */
static uint64_t killed_at(const tp_ending *ending) {
  return ending->since + to_nanoseconds(ending->reason->grace);
}

/* Sets the one timer of a cancelled coroutine to what comes first, the end of its shield or of its
 * grace. */
static void set_timer(tp_coro *coro) {
  const tp_ending *ending = coro->ending;
  uint64_t deadline = killed_at(ending);
  if (ending->shield_until && ending->shield_until < deadline)
    deadline = ending->shield_until;
  tp_timer_stop(coro, TP_TIMER_ENDING);
  tp_timer_start(coro, TP_TIMER_ENDING, deadline);
}

/* Ends the present wait, which raises then. */
static void cut_wait(tp_coro *coro) {
  if (coro->state != TP_CORO_PARKED && coro->state != TP_CORO_OFFERING)
    return;
  if (coro->state == TP_CORO_OFFERING)
    lua_settop(coro->L, lua_gettop(coro->L) - coro->nargs);
  coro->cut = true;
  tp_wait_end(coro, 0);
}

void tp_exec_cancel(tp_exec *exec, tp_coro *coro, tp_cancel *reason) {
  if (coro->state == TP_CORO_REST || (coro->ending && coro->ending->reason))
    return;
  tp_ending *ending = ending_of(coro);
  if (!ending) { /* killed at once */
    coro->ending = (tp_ending *)&lost;
    cut_wait(coro);
    return;
  }
  ending->reason = tp_cancel_keep(reason);
  ending->since = tp_timer_now(exec);
  tp_timer_stop(coro, TP_TIMER_ENDING); /* a time limit has become pointless */
  if (ending->shield_until)
    set_timer(coro);
  else
    cut_wait(coro);
}

const tp_cancel *tp_exec_cancel_reason(const tp_exec *exec, double *left) {
  const tp_ending *ending = exec->current ? exec->current->ending : NULL;
  if (!ending || !ending->reason)
    return NULL;
  uint64_t until = killed_at(ending), now = tp_timer_now(exec);
  *left = until > now ? (double)(until - now) / 1e9 : 0;
  return ending->reason;
}

void tp_ending_watch(tp_coro *coro) {
  if (coro->ending->reason && !coro->ending->timer)
    set_timer(coro);
}

void tp_exec_cancel_all(tp_exec *exec, tp_cancel *reason) {
  for (uint32_t i = 0; i < exec->slot_count; i++) {
    tp_coro *coro = exec->slots[i];
    if (coro && coro != exec->current)
      tp_exec_cancel(exec, coro, reason);
  }
}

bool tp_exec_limit(tp_coro *coro, double seconds) {
  if (to_nanoseconds(seconds) == TP_FOREVER)
    return true;
  if (!ending_of(coro))
    return false;
  tp_timer_start(coro, TP_TIMER_ENDING, tp_timer_now(coro->exec) + to_nanoseconds(seconds));
  return true;
}

/* The time limit is over: a cancel that nobody asked for. */
static void time_out(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  const tp_run *run = coro->is_task ? coro->as.task.group->pool->owner : NULL;
  tp_cancel *reason = tp_exec_new_reason(exec, TP_TIMED_OUT, "timeout", "the time limit is over",
                                         run ? run->grace : TP_GRACE_DEFAULT);
  if (!coro->is_task)
    tp_exec_cancel(exec, coro, reason);
  else if (coro->as.task.state == TP_TASK_RUNNING)
    tp_pool_cancel_task(coro->as.task.group->pool, &coro->as.task, reason);
  tp_cancel_release(reason);
}

void tp_ending_due(tp_coro *coro) {
  tp_ending *ending = coro->ending;
  if (!ending->reason) {
    time_out(coro);
  } else if (tp_timer_now(coro->exec) < killed_at(ending)) {
    ending->shield_until = 0;
    set_timer(coro);
    cut_wait(coro);
  } else {
    doom(coro);
  }
}

/* Seconds since the cancel. */
static double took(const tp_coro *coro) {
  return (double)(tp_timer_now(coro->exec) - coro->ending->since) / 1e9;
}

/* Tells of a cancelled task that did not end by its cancel: by whom, and how long ago. */
static void tell(tp_coro *coro, tp_event event) {
  char words[100];
  snprintf(words, sizeof words, " by %s %.3f seconds before", coro->ending->reason->who,
           took(coro));
  tp_run_tell(coro->as.task.group->pool, event, &coro->as.task, words);
}

void tp_ending_keep_record(tp_coro *coro) {
  const tp_ending *ending = coro->ending;
  const tp_task *task = &coro->as.task;
  tp_record record = {.task = task->id, .reason = ending->reason, .took = took(coro)};
  if (ending->killed)
    record.outcome = TP_OUTCOME_KILLED;
  else if (coro->cancelled)
    record.outcome = TP_OUTCOME_CANCELLED;
  else
    record.outcome = coro->failed ? TP_OUTCOME_FAILED : TP_OUTCOME_IGNORED;
  tp_records_add(&task->group->pool->records, record);
  if (record.outcome == TP_OUTCOME_KILLED)
    tell(coro, TP_EVENT_KILLED);
  else if (record.outcome == TP_OUTCOME_IGNORED)
    tell(coro, TP_EVENT_IGNORED);
}

tp_cancel *tp_exec_reason(tp_task *task) {
  const tp_coro *coro = tp_coro_of(task);
  return coro->ending ? coro->ending->reason : NULL;
}

void tp_ending_record(const tp_coro *coro, lua_State *L) {
  const tp_ending *ending = coro->ending;
  luaL_checkstack(L, 2, NULL);
  lua_pushboolean(L, ending->killed);
  lua_setfield(L, -2, "killed");
  lua_pushnumber(L, took(coro));
  lua_setfield(L, -2, "took");
}

/* ---- shields ---- */

bool tp_exec_shield(tp_exec *exec, double seconds, uint64_t *before) {
  tp_coro *coro = exec->current;
  tp_ending *ending = ending_of(coro);
  if (!ending)
    return false;
  *before = ending->shield_until;
  ending->shield_until = tp_timer_now(exec) + to_nanoseconds(seconds);
  if (ending->reason)
    set_timer(coro);
  return true;
}

void tp_exec_unshield(tp_exec *exec, uint64_t before) {
  tp_coro *coro = exec->current;
  tp_ending *ending = coro->ending;
  if (!ending || ending == &lost)
    return;
  ending->shield_until = before > tp_timer_now(exec) ? before : 0;
  if (ending->reason)
    set_timer(coro);
}

bool tp_exec_is_shielded(const tp_exec *exec) {
  return exec->current && exec->current->ending && exec->current->ending->shield_until;
}
