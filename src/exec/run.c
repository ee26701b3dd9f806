/* SPDX-License-Identifier: MIT
 *
 * The executor's record of a pool; see run.h.
 *
 * Scaling. An alarm of the pool rings an interval after something has happened to it, and again as
 * long as something happens or the pool is to grow or to shrink. Then it rests. The host waits for
 * it only where tasks wait for a place that the pool may give them: else nothing depends on it. */
#include "exec/run.h"
#include "base/vec.h"
#include "exec/park.h"
#include "exec/ready.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "exec/wait.h"
#include "pool/flow.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>

void tp_run_hold(tp_pool *pool) {
  tp_run *run = pool->owner;
  run->held = true;
}

void tp_run_let_go(tp_pool *pool) {
  tp_run *run = pool->owner;
  if (!run->held)
    return;
  run->held = false;
  tp_ready_add_pool(run);
}

/* ---- scaling ---- */

enum {
  SCALE_EVENTS = TP_EVENT_BIT(TP_EVENT_STARTED) | TP_EVENT_BIT(TP_EVENT_ENDED) |
                 TP_EVENT_BIT(TP_EVENT_CHANGED) | TP_EVENT_BIT(TP_EVENT_IDLE) |
                 TP_EVENT_BIT(TP_EVENT_CLOSED),
};

/* The events that a pool's scaling has to be told of, as bits. */
static unsigned scale_events(const tp_run *run) {
  return run->scaler.ring ? SCALE_EVENTS : 0;
}

/* Decides on the size of a pool, and when to look at it again. */
static void look(tp_run *run) {
  tp_pool *pool = run->pool;
  bool changed = run->changed;
  run->changed = false;
  tp_scale_run(pool, tp_timer_seconds(run->exec));
  bool grows = tp_scale_may_grow(pool) && pool->scale.waiting > 0;
  if (changed || grows || tp_scale_may_shrink(pool))
    tp_timer_set_alarm(&run->scaler, pool->scale.bounds.interval, !grows);
}

/* An event of a pool that scales itself. */
static void note_change(tp_run *run, tp_event event) {
  bool grows = tp_scale_may_grow(run->pool);
  if (run->pool->closed) {
    tp_timer_stop_alarm(&run->scaler);
    return;
  }
  run->changed = true;
  if (!run->scaler.place)
    tp_timer_set_alarm(&run->scaler, run->pool->scale.bounds.interval, !grows);
  else if (grows || event == TP_EVENT_IDLE)
    tp_timer_set_alarm_idle(&run->scaler, !grows);
}

/* ---- events ---- */

/* The events by which a group moves on. */
enum {
  MOVES =
      TP_EVENT_BIT(TP_EVENT_ENDED) | TP_EVENT_BIT(TP_EVENT_DONE) | TP_EVENT_BIT(TP_EVENT_FINISHED),
};

static bool concerns(const tp_pool_waiter *waiter, tp_event event) {
  return waiter->event == event ||
         (waiter->event == TP_EVENT_MOVED && (MOVES & TP_EVENT_BIT(event)));
}

/* Tells the pool which events matter: those that are listened to, those that somebody waits for,
 * and those that its scaling depends on. */
static void update_listened(tp_run *run) {
  unsigned listened = run->listened | scale_events(run);
  for (size_t i = 0; i < run->waiter_count; i++)
    listened |=
        run->waiters[i].event == TP_EVENT_MOVED ? MOVES : TP_EVENT_BIT(run->waiters[i].event);
  run->pool->listened = listened;
}

void tp_run_set_bounds(tp_pool *pool, const tp_bounds *bounds) {
  tp_run *run = pool->owner;
  pool->scale.bounds = *bounds;
  run->scaler.run = run;
  run->scaler.ring = look;
  update_listened(run);
}

void tp_run_listen(tp_pool *pool, unsigned events) {
  tp_run *run = pool->owner;
  run->listened = events;
  update_listened(run);
}

/* Whether a waiter for that event, which has happened to the task or to the pool, has got what it
 * waits for. */
static bool is_due(const tp_run *run, const tp_pool_waiter *waiter, tp_event event,
                   const tp_task *task) {
  if (waiter->event == TP_EVENT_MOVED && event == TP_EVENT_FINISHED)
    return waiter->number == run->pool->finished;
  if (waiter->event == TP_EVENT_MOVED)
    return task && waiter->number == task->group->number;
  if (waiter->event == TP_EVENT_DONE)
    return tp_pool_is_flushable(run->pool, waiter->number);
  if (waiter->event == TP_EVENT_FINISHED)
    return waiter->number == run->pool->finished;
  return waiter->event != TP_EVENT_ENDED || tp_pool_has_ended(run->pool, waiter->number);
}

/* Wakes those who wait for that event, and keeps the others. */
static void wake_waiters(tp_run *run, tp_event event, const tp_task *task) {
  size_t kept = 0;
  for (size_t i = 0; i < run->waiter_count; i++) {
    tp_pool_waiter waiter = run->waiters[i];
    if (concerns(&waiter, event) && is_due(run, &waiter, event, task))
      tp_park_wake(run->exec, waiter.id, run->exec->L, 0);
    else
      run->waiters[kept++] = waiter;
  }
  run->waiter_count = kept;
  update_listened(run);
}

void tp_run_tell(tp_pool *pool, tp_event event, tp_task *task, const char *words) {
  tp_run *run = pool->owner;
  if (run->waiter_count)
    wake_waiters(run, event, task);
  if (scale_events(run) & TP_EVENT_BIT(event))
    note_change(run, event);
  tp_exec_listener *listener = &run->exec->listener;
  if (run->listened & TP_EVENT_BIT(event))
    listener->event(listener->context, pool, event, task, words);
}

/* The next token has come. */
static void ring(tp_run *run) {
  tp_flow_go_on(run->pool);
}

/* ---- the record of a pool ---- */

/* Gives a reference to the values of a task back; it goes with the state where that may be gone. */
static void release_values(void *owner, int values) {
  const tp_run *run = owner;
  if (!run->exec->closing)
    luaL_unref(run->exec->L, LUA_REGISTRYINDEX, values);
}

/* How many alarms a pool has. */
enum { ALARMS = 2 };

tp_pool *tp_run_create(tp_exec *exec, const tp_pool_ops *ops, int kind, const char *label,
                       uint64_t size) {
  tp_run *run = calloc(1, sizeof *run);
  if (!run)
    return NULL;
  run->exec = exec;
  run->first_error = LUA_NOREF;
  run->listened = ~0U;
  run->grace = TP_GRACE_DEFAULT;
  run->scaler.exec = exec;
  run->pacer = (tp_alarm){.ring = ring, .exec = exec, .run = run};
  if (!tp_timer_reserve(exec, ALARMS))
    goto free_run;
  run->pool = tp_pool_make(ops, run, kind, label, size);
  if (!run->pool)
    goto release_alarms;
  run->pool->records.release = release_values;
  run->pool->records.owner = run;
  return run->pool;

release_alarms:
  tp_timer_release(exec, ALARMS);
free_run:
  free(run);
  return NULL;
}

void tp_run_destroy(tp_pool *pool) {
  tp_run *run = pool->owner;
  tp_ready_remove_pool(run);
  tp_timer_stop_alarm(&run->pacer);
  tp_timer_stop_alarm(&run->scaler);
  tp_timer_release(run->exec, ALARMS);
  if (!run->exec->closing) /* the reference goes with the state then, which may be gone */
    luaL_unref(run->exec->L, LUA_REGISTRYINDEX, run->first_error);
  tp_pool_destroy(pool);
  free(run->waiters);
  free(run);
}

/* Makes room for one more waiter: forgets those who wait no longer (they were cancelled, or
 * it took them too long), and grows if that was not much. False: no memory. */
static bool make_room(tp_run *run) {
  size_t kept = 0;
  for (size_t i = 0; i < run->waiter_count; i++)
    if (tp_slot_find(run->exec, run->waiters[i].id))
      run->waiters[kept++] = run->waiters[i];
  run->waiter_count = kept;
  if (kept * 2 < run->waiter_capacity)
    return true;
  tp_pool_waiter *waiters = tp_vec_reserve(run->waiters, &run->waiter_capacity,
                                           run->waiter_capacity + 4, sizeof *waiters);
  run->waiters = waiters ? waiters : run->waiters;
  return waiters != NULL;
}

void tp_run_wait(tp_pool *pool, lua_State *L, tp_event event, uint64_t number) {
  tp_run *run = pool->owner;
  tp_wake_id id = tp_wait_id(run->exec, L);
  if (run->waiter_count == run->waiter_capacity && !make_room(run))
    tp_raise(L, TP_NO_MEMORY, "no memory to wait for %s", pool->label);
  run->waiters[run->waiter_count++] = (tp_pool_waiter){id, event, number};
  update_listened(run);
}

/* Lua: a registry reference of the value at [1]. */
static int l_refer(lua_State *L) {
  lua_pushinteger(L, luaL_ref(L, LUA_REGISTRYINDEX));
  return 1;
}

void tp_run_count_error(tp_group *group, lua_State *L, bool is_unseen) {
  tp_run *run = group->pool->owner;
  group->unseen += is_unseen;
  if (run->errors++ || !lua_checkstack(L, 2))
    return;
  lua_pushcfunction(L, l_refer);
  lua_pushvalue(L, -2);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    run->first_error = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
}

uint64_t tp_run_take_errors(tp_pool *pool, lua_State *L) {
  tp_run *run = pool->owner;
  uint64_t errors = run->errors;
  if (errors) {
    if (lua_rawgeti(L, LUA_REGISTRYINDEX, run->first_error) == LUA_TNIL)
      lua_pushliteral(L, "no memory for the error of a task");
    luaL_unref(L, LUA_REGISTRYINDEX, run->first_error);
    run->first_error = LUA_NOREF;
    run->errors = 0;
  }
  return errors;
}
