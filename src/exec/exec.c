/* SPDX-License-Identifier: MIT
 *
 * The executor: its life, what it starts, and the loop; see exec.h. */
#include "exec/exec.h"
#include "base/fail.h"
#include "exec/cancel.h"
#include "exec/drive.h"
#include "exec/park.h"
#include "exec/preempt.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/sampler.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "exec/turn.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- lifetime ---- */

/* The record, zeroed, with what it cannot do without. */
static tp_exec *allocate(lua_State *L, bool in_state) {
  tp_exec *exec = in_state ? lua_newuserdatauv(L, sizeof *exec, 0) : calloc(1, sizeof *exec);
  if (in_state) {
    memset(exec, 0, sizeof *exec);
    luaL_ref(L, LUA_REGISTRYINDEX);
  }
  tp_cancel *cancelled = tp_cancel_create(TP_CANCELLED, "the host", NULL, TP_GRACE_DEFAULT);
  tp_cancel *late =
      tp_cancel_create(TP_TIMED_OUT, "timeout", "the time limit is over", TP_GRACE_DEFAULT);
  if (!exec || !cancelled || !late) {
    tp_cancel_release(cancelled);
    tp_cancel_release(late);
    if (!in_state)
      free(exec);
    tp_raise(L, TP_NO_MEMORY, "no memory for an executor");
  }
  exec->in_state = in_state;
  exec->fallback_reasons[0] = cancelled;
  exec->fallback_reasons[1] = late;
  return exec;
}

static void end_sleep(tp_coro *coro) {
  tp_park_end(coro, 0);
}

tp_exec *tp_exec_create(lua_State *L, uv_loop_t *loop, const tp_exec_listener *listener,
                        bool in_state) {
  lua_newtable(L);
  int anchors = luaL_ref(L, LUA_REGISTRYINDEX);
  tp_state_open(L, NULL); /* takes the memory */
  tp_exec *exec = allocate(L, in_state);
  exec->L = L;
  exec->loop = loop;
  exec->listener = *listener;
  exec->resume = tp_turn_resume;
  exec->ready.on_turn = tp_turn_run;
  exec->clock.due[TP_TIMER_SLEEP] = end_sleep;
  exec->clock.due[TP_TIMER_CANCEL] = tp_exec_cancel_due;
  exec->slots.main = tp_drive_main;
  exec->slots.handler = tp_report_handler;
  exec->slots.anchors = anchors;
  exec->slots.next_park = 1;
  exec->context.waitable = true;
  exec->budget.stride = exec->budget.until_look = 1;
  TAILQ_INIT(&exec->ready.pools);
  uv_idle_init(loop, &exec->ready.idle);
  uv_timer_init(loop, &exec->clock.timer);
  exec->ready.idle.data = exec->clock.timer.data = exec;
  tp_state_open(L, exec);
  return exec;
}

static bool start_slices(tp_exec *exec, tp_error *error) {
  exec->preemption.slice = tp_preempt_create(exec);
  return exec->preemption.slice || tp_fail(error, TP_NO_MEMORY, "no memory for preemption");
}

bool tp_exec_set_preempt(tp_exec *exec, bool on, int signal, tp_error *error) {
  tp_preempt_destroy(exec->preemption.slice);
  exec->preemption.slice = NULL;
  if (!on)
    return true;
  if (!exec->preemption.signal.number && !tp_signal_take(&exec->preemption.signal, signal, error))
    return false;
  return start_slices(exec, error);
}

bool tp_exec_borrow_preempt(tp_exec *exec, const tp_exec *from, tp_error *error) {
  exec->preemption.signal = (tp_signal){.number = from->preemption.signal.number, .borrowed = true};
  return !from->preemption.slice || start_slices(exec, error);
}

void tp_exec_keep_signal(const tp_exec *exec) {
  tp_signal_keep(&exec->preemption.signal);
}

void tp_exec_set_library(tp_exec *exec, const char *prefix) {
  snprintf(exec->preemption.library, sizeof exec->preemption.library, "%s", prefix);
}

void tp_exec_force_preemption(tp_exec *exec, int instructions) {
  if (exec->preemption.slice)
    tp_preempt_force(exec->preemption.slice, instructions);
}

void tp_exec_halt(tp_exec *exec) {
  uv_idle_stop(&exec->ready.idle);
  uv_timer_stop(&exec->clock.timer);
}

void tp_exec_close(tp_exec *exec) {
  tp_exec_set_preempt(exec, false, 0, NULL);
  tp_sampler_close(exec);
  tp_signal_put_back(&exec->preemption.signal);
  exec->closing = true;
  uv_close((uv_handle_t *)&exec->ready.idle, NULL);
  uv_close((uv_handle_t *)&exec->clock.timer, NULL);
}

void tp_exec_free(tp_exec *exec) {
  for (uint32_t i = 0; i < exec->slots.count; i++)
    if (exec->slots.coros[i]) {
      tp_exec_cancel_clear(exec->slots.coros[i]);
      free(exec->slots.coros[i]);
    }
  free(exec->slots.coros);
  free(exec->slots.unused);
  free(exec->clock.heap);
  tp_cancel_release(exec->fallback_reasons[0]);
  tp_cancel_release(exec->fallback_reasons[1]);
  exec->slots.coros = NULL;
  exec->slots.free = NULL;
  exec->slots.count = exec->clock.count = exec->clock.idle_count = 0;
  if (!exec->in_state)
    free(exec);
}

/* ---- starting ---- */

static tp_coro *start(tp_exec *exec, lua_State *L, int nargs, bool urgent, const char *what,
                      tp_coro_done done, void *context) {
  tp_coro *coro = tp_slot_take(exec, L);
  if (!lua_checkstack(coro->L, nargs + 1)) {
    lua_settop(coro->L, 0);
    tp_slot_give_back(coro);
    tp_raise(L, TP_NO_MEMORY, "no memory for the arguments of a call");
  }
  lua_xmove(L, coro->L, nargs + 1);
  coro->is_task = false;
  coro->urgent = urgent;
  coro->as.job.done = done;
  coro->as.job.context = context;
  coro->as.job.what = what;
  tp_ready_add(coro, nargs + TP_STACK_CORO + 1);
  return coro;
}

tp_coro *tp_exec_start(tp_exec *exec, lua_State *L, int nargs, const char *what, tp_coro_done done,
                       void *context) {
  return start(exec, L, nargs, false, what, done, context);
}

void tp_exec_detach(tp_coro *coro) {
  coro->as.job.done = NULL;
}

tp_coro *tp_exec_start_urgent(tp_exec *exec, lua_State *L, int nargs, const char *what,
                              tp_coro_done done, void *context) {
  return start(exec, L, nargs, true, what, done, context);
}

tp_coro *tp_exec_current(const tp_exec *exec) {
  return exec->context.coro;
}

const char *tp_exec_current_job(const tp_exec *exec) {
  return exec->context.coro && !exec->context.coro->is_task ? exec->context.coro->as.job.what
                                                            : NULL;
}

void *tp_exec_current_context(const tp_exec *exec, tp_coro_done done) {
  const tp_coro *coro = exec->context.coro;
  return coro && !coro->is_task && coro->as.job.done == done ? coro->as.job.context : NULL;
}

const tp_task *tp_exec_current_task(const tp_exec *exec) {
  return exec->context.coro && exec->context.coro->is_task ? &exec->context.coro->as.task : NULL;
}

bool tp_exec_waits(tp_task *task) {
  return tp_state_coro_of(task)->state == TP_CORO_PARKED;
}

lua_State *tp_exec_state(const tp_exec *exec) {
  return exec->L;
}

tp_pool *tp_exec_current_pool(const tp_exec *exec) {
  const tp_task *task = tp_exec_current_task(exec);
  return task ? task->group->pool : NULL;
}

bool tp_exec_is_looping(const tp_exec *exec) {
  return exec->looping;
}

uint64_t tp_exec_live(const tp_exec *exec) {
  return exec->slots.live;
}

void tp_exec_watch_runs(tp_exec *exec) {
  exec->runs.are_watched = true;
}

uint64_t tp_exec_take_run(tp_exec *exec) {
  uint64_t since = exec->runs.since;
  if (since)
    exec->runs.since = uv_hrtime();
  return since;
}

/* ---- running ---- */

/* So many errors without a turn in between that has gone well, and the memory will not come back.
 */
enum { ERRORS_MAX = 100 };

/* A run of the loop. */
typedef struct rounds {
  tp_exec *exec;                   /* whose loop */
  uv_run_mode mode;                /* whether a round waits for events */
  bool (*finished)(void *context); /* says when it is over; NULL: after one round */
  void *context;                   /* for that */
  bool more;                       /* something may still happen */
} rounds;

/* One round of the loop. False: nothing is left that could ever happen. */
static bool run_once(const rounds *of) {
  tp_exec *exec = of->exec;
  if (exec->errors >= ERRORS_MAX)
    return false;
  if (uv_run(exec->loop, of->mode) || tp_ready_has_work(exec))
    return true;
  if (!exec->clock.is_virtual || !tp_timer_is_awaited(exec))
    return false;
  tp_timer_jump(exec); /* no event from outside will come */
  return true;
}

/* Lua: runs the loop. Protected, because luv's own code may raise where it calls back, for lack of
 * memory. Stack: the rounds. */
static int l_run(lua_State *L) {
  rounds *of = lua_touserdata(L, 1);
  if (!of->finished)
    of->more = run_once(of);
  else
    while (of->more && !of->finished(of->context))
      of->more = run_once(of);
  return 0;
}

/* Runs the loop. False: memory has run out. */
static bool run(rounds *of) {
  tp_exec *exec = of->exec;
  lua_State *L = exec->L;
  bool was_blocked = tp_signal_unblock(&exec->preemption.signal);
  exec->looping = true;
  exec->errors = 0;
  bool is_broken = false;
  do {
    lua_pushcfunction(L, l_run);
    lua_pushlightuserdata(L, of);
    is_broken = lua_pcall(L, 1, 0, 0) != LUA_OK;
    if (is_broken) {
      tp_report_tell(exec, NULL, NULL, L, "the loop of the host");
      lua_pop(L, 1);
    }
  } while (is_broken && ++exec->errors < ERRORS_MAX);
  exec->looping = false;
  tp_preempt_rest(exec->preemption.slice);
  if (was_blocked)
    tp_signal_block(&exec->preemption.signal);
  return !is_broken;
}

bool tp_exec_run(tp_exec *exec, bool (*finished)(void *context), void *context) {
  rounds of = {exec, UV_RUN_ONCE, finished, context, true};
  return run(&of) && (of.more || finished(context));
}

void tp_exec_turn(tp_exec *exec) {
  run(&(rounds){.exec = exec, .mode = UV_RUN_NOWAIT, .more = true});
}

bool tp_exec_is_exhausted(const tp_exec *exec) {
  return exec->errors >= ERRORS_MAX;
}
