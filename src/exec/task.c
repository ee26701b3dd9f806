/* SPDX-License-Identifier: MIT
 *
 * What a pool asks of its executor, and what those who wait for a pool are told. */
#include "exec/coro.h"
#include "value/error.h"

#include <lauxlib.h>
#include <stdlib.h>

void tp_run_queue(tp_run *run) {
  if (run->queued || run->held)
    return;
  run->queued = true;
  TAILQ_INSERT_TAIL(&run->exec->pools, run, queue_link);
  tp_exec_poke(run->exec);
}

static void dequeue(tp_run *run) {
  if (run->queued)
    TAILQ_REMOVE(&run->exec->pools, run, queue_link);
  run->queued = false;
}

void tp_run_hold(tp_pool *pool) {
  tp_run *run = pool->owner;
  run->held = true;
  dequeue(run);
}

void tp_run_let_go(tp_pool *pool) {
  tp_run *run = pool->owner;
  if (!run->held)
    return;
  run->held = false;
  tp_run_queue(run);
}

void tp_run_update_wanted(tp_run *run) {
  unsigned wanted = run->listened | tp_run_scale_events(run);
  for (size_t i = 0; i < run->waiter_count; i++)
    wanted |= TP_EVENT_BIT(run->waiters[i].event);
  run->pool->wanted = wanted;
}

void tp_run_listen(tp_pool *pool, unsigned events) {
  tp_run *run = pool->owner;
  run->listened = events;
  tp_run_update_wanted(run);
}

/* Whether a waiter for that event, which has happened, has got what it waits for. */
static bool is_due(const tp_run *run, const tp_pool_waiter *waiter) {
  if (waiter->event == TP_EVENT_DONE)
    return tp_pool_is_flushable(run->pool, waiter->number);
  if (waiter->event == TP_EVENT_FINISHED)
    return waiter->number == run->pool->finished;
  return waiter->event != TP_EVENT_ENDED || tp_pool_has_ended(run->pool, waiter->number);
}

/* Wakes those who wait for that event, and keeps the others. */
static void wake_waiters(tp_run *run, tp_event event) {
  size_t kept = 0;
  for (size_t i = 0; i < run->waiter_count; i++) {
    tp_pool_waiter waiter = run->waiters[i];
    if (waiter.event == event && is_due(run, &waiter))
      tp_wake(run->exec, waiter.id, run->exec->L, 0);
    else
      run->waiters[kept++] = waiter;
  }
  run->waiter_count = kept;
  tp_run_update_wanted(run);
}

void tp_run_tell(tp_pool *pool, tp_event event, tp_task *task, const char *words) {
  tp_run *run = pool->owner;
  if (run->waiter_count)
    wake_waiters(run, event);
  if (tp_run_scale_events(run) & TP_EVENT_BIT(event))
    tp_run_scale_note(run, event);
  tp_exec_listener *listener = &run->exec->listener;
  if (run->listened & TP_EVENT_BIT(event))
    listener->event(listener->context, pool, event, task, words);
}

void tp_run_event(tp_pool *pool, tp_event event, tp_task *task) {
  tp_run_tell(pool, event, task, NULL);
}

static void cancel(tp_task *task, tp_cancel *reason) {
  tp_coro *coro = tp_coro_of(task);
  tp_exec_cancel(coro->exec, coro, reason);
}

static void wake(tp_pool *pool) {
  tp_run_queue(pool->owner);
}

static uint64_t now(const tp_pool *pool) {
  const tp_run *run = pool->owner;
  return tp_timer_steady(run->exec);
}

static void wake_at(tp_pool *pool, uint64_t when) {
  tp_run *run = pool->owner;
  tp_alarm_stop(&run->pacer);
  if (when != TP_NEVER)
    tp_alarm_set_at(&run->pacer, when - run->exec->skew, false);
}

static void ring(tp_run *run) {
  tp_pool_rested(run->pool);
}

const tp_pool_ops tp_exec_pool_ops = {
    .start = tp_call_start,
    .cancel = cancel,
    .stop_feed = tp_call_stop,
    .fail_feed = tp_call_fail,
    .waiting = tp_call_waiting,
    .wanting = tp_call_wanting,
    .release = tp_call_release,
    .wake = wake,
    .now = now,
    .wake_at = wake_at,
    .event = tp_run_event,
};

/* ---- the record of a pool ---- */

/* How many alarms a pool has. */
enum { ALARMS = 2 };

tp_pool *tp_run_create(tp_exec *exec, int kind, const char *label, uint64_t size) {
  tp_run *run = calloc(1, sizeof *run);
  if (!run)
    return NULL;
  run->exec = exec;
  run->first_error = LUA_NOREF;
  run->listened = ~0U;
  run->grace = TP_GRACE_DEFAULT;
  run->pacer = (tp_alarm){.ring = ring, .run = run};
  if (!tp_timer_reserve(exec, ALARMS))
    goto free_run;
  run->pool = tp_pool_create(&tp_exec_pool_ops, run, kind, label, size);
  if (!run->pool)
    goto release_alarms;
  return run->pool;

release_alarms:
  tp_timer_release(exec, ALARMS);
free_run:
  free(run);
  return NULL;
}

static void abandon(tp_group *group, void *context) {
  (void)context;
  if (!group->finished)
    tp_call_abandon(group);
}

/* Lets go of what the Lua state holds for a pool. */
static void let_go(const tp_run *run) {
  tp_pool_visit(run->pool, abandon, NULL);
  luaL_unref(run->exec->L, LUA_REGISTRYINDEX, run->first_error);
}

void tp_run_destroy(tp_pool *pool) {
  tp_run *run = pool->owner;
  dequeue(run);
  tp_alarm_stop(&run->pacer);
  tp_alarm_stop(&run->scaler);
  tp_timer_release(run->exec, ALARMS);
  if (!run->exec->closing) /* the references go with the state then, which may be gone */
    let_go(run);
  tp_pool_destroy(pool);
  free(run->waiters);
  free(run);
}

/* Makes room for one more waiter: forgets those who do not wait any more (they were cancelled, or
 * it took them too long), and grows if that was not much. False: no memory. */
static bool make_room(tp_run *run) {
  size_t kept = 0;
  for (size_t i = 0; i < run->waiter_count; i++)
    if (tp_coro_find(run->exec, run->waiters[i].id))
      run->waiters[kept++] = run->waiters[i];
  run->waiter_count = kept;
  if (kept * 2 < run->waiter_capacity)
    return true;
  size_t capacity = run->waiter_capacity ? run->waiter_capacity * 2 : 4;
  tp_pool_waiter *waiters = realloc(run->waiters, capacity * sizeof *waiters);
  if (!waiters)
    return false;
  run->waiters = waiters;
  run->waiter_capacity = capacity;
  return true;
}

void tp_run_wait(tp_pool *pool, lua_State *L, tp_event event, uint64_t number) {
  tp_run *run = pool->owner;
  tp_wake_id id = tp_wait_id(run->exec, L);
  if (run->waiter_count == run->waiter_capacity && !make_room(run))
    tp_raise(L, TP_NO_MEMORY, "no memory to wait for %s", pool->label);
  run->waiters[run->waiter_count++] = (tp_pool_waiter){id, event, number};
  tp_run_update_wanted(run);
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
