/* SPDX-License-Identifier: MIT
 *
 * The run queue and the turn; see exec.h. */
#include "exec/ending.h"
#include "exec/slice.h"
#include "value/error.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How long a turn may take before I/O gets its turn, nanoseconds. */
#define TURN_BUDGET UINT64_C(250000)

/* At most so many resumes between two looks at the clock, and so many tasks started at a time. */
#define STRIDE_MAX 64
#define FEED_MAX 256

/* No pool starts tasks while so many wait in the run queue for their first resume. */
#define FRESH_MAX 256

/* ---- the turn ---- */

bool tp_exec_has_work(const tp_exec *exec) {
  return exec->urgent.first || exec->queue.first || !TAILQ_EMPTY(&exec->pools);
}

/* Lets each pool that has room start some tasks. A pool that has been fed and wants more goes
 * after those that have not. */
static void feed_pools(tp_exec *exec) {
  tp_run *last = TAILQ_LAST(&exec->pools, tp_run_list), *run;
  while (exec->fresh < FRESH_MAX && (run = TAILQ_FIRST(&exec->pools))) {
    TAILQ_REMOVE(&exec->pools, run, queue_link);
    run->queued = false;
    if (tp_pool_feed(run->pool, FEED_MAX))
      tp_run_queue(run);
    if (run == last)
      break;
  }
}

/* One look at the clock every `stride` resumes; the stride follows how long they take. Under the
 * virtual clock it is 1, so that what runs next does not depend on how long anything takes. */
static bool is_over(tp_exec *exec) {
  uint64_t now = uv_hrtime();
  uint64_t spent = now - exec->looked;
  if (exec->is_virtual)
    exec->stride = 1;
  else if (spent < TURN_BUDGET / 8 && exec->stride < STRIDE_MAX)
    exec->stride *= 2;
  else if (spent > TURN_BUDGET / 2 && exec->stride > 1)
    exec->stride /= 2;
  exec->looked = now;
  exec->until_look = exec->stride;
  return now >= exec->deadline;
}

/* Begins a round: all that is in the queue now. What is queued later waits for the next round. */
static void begin_round(tp_coro_queue *queue) {
  queue->end = queue->first ? queue->last : NULL;
}

/* Resumes the rest of a queue's round. False: the turn is over; the next turn goes on from here. */
static bool drain(tp_exec *exec, tp_coro_queue *queue) {
  while (queue->end) {
    tp_coro *coro = queue->first;
    queue->first = coro->next;
    if (coro == queue->end)
      queue->end = NULL;
    if (tp_coro_resume(coro))
      tp_call_offered(coro);
    if (exec->until_look-- <= 1 && is_over(exec))
      return false;
  }
  return true;
}

static void start_budget(tp_exec *exec) {
  exec->looked = uv_hrtime();
  exec->deadline = exec->looked + TURN_BUDGET;
}

/* Runs the commands of control sessions that are there. False: that has used up the budget of the
 * turn; then the tasks have one of their own, so that they go on however many commands there are.
 */
static bool run_urgent(tp_exec *exec) {
  begin_round(&exec->urgent);
  if (drain(exec, &exec->urgent))
    return true;
  start_budget(exec);
  return false;
}

/* Lua: one turn, protected against lack of memory. Pools are fed between two rounds only, and
 * before a command: so what runs in which order does not depend on when a turn is over, and no pool
 * starts more tasks ahead than one round can run. */
static int l_turn(lua_State *L) {
  tp_exec *exec = lua_touserdata(L, 1);
  bool goes_on;
  start_budget(exec);
  do {
    if (!exec->queue.end || exec->urgent.first)
      feed_pools(exec);
    goes_on = run_urgent(exec);
    if (!exec->queue.end)
      begin_round(&exec->queue);
    goes_on = drain(exec, &exec->queue) && goes_on;
  } while (goes_on && tp_exec_has_work(exec));
  return 0;
}

static void on_idle(uv_idle_t *idle) {
  tp_exec *exec = idle->data;
  if (!tp_exec_has_work(exec) && tp_timer_can_jump(exec))
    tp_timer_jump(exec);
  lua_State *L = exec->L;
  bool before = tp_slice_enter(exec->slice);
  lua_pushcfunction(L, l_turn);
  lua_pushlightuserdata(L, exec);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    tp_report_tell(exec, NULL, L, "a turn of the host");
    lua_pop(L, 1);
    tp_call_recover(exec);
    exec->errors++;
  } else {
    exec->errors = 0;
  }
  tp_slice_leave(exec->slice, before);
  if (!tp_exec_has_work(exec) && !tp_timer_can_jump(exec))
    uv_idle_stop(idle);
}

/* ---- the run queue ---- */

void tp_exec_poke(tp_exec *exec) {
  if (!exec->closing)
    uv_idle_start(&exec->idle, on_idle);
}

void tp_exec_queue(tp_coro *coro, int nargs) {
  tp_exec *exec = coro->exec;
  tp_coro_queue *queue = coro->urgent ? &exec->urgent : &exec->queue;
  coro->nargs = (uint16_t)nargs;
  coro->state = TP_CORO_QUEUED;
  coro->next = NULL;
  if (queue->first) {
    queue->last->next = coro;
  } else {
    queue->first = coro;
    tp_exec_poke(exec);
  }
  queue->last = coro;
}

/* ---- running ---- */

/* So many errors without a turn in between that has gone well, and the memory will not come back.
 */
enum { ERRORS_MAX = 100 };

/* One round of the loop. False: nothing is left that could ever happen. */
static bool run_once(tp_exec *exec) {
  if (exec->errors >= ERRORS_MAX)
    return false;
  if (uv_run(exec->loop, UV_RUN_ONCE) || tp_exec_has_work(exec))
    return true;
  if (!exec->is_virtual || !tp_timer_is_awaited(exec))
    return false;
  tp_timer_jump(exec); /* those who wait for the world outside wait in vain */
  return true;
}

/* A run of the loop. */
typedef struct rounds {
  tp_exec *exec;                   /* whose loop */
  bool (*finished)(void *context); /* says when it is over */
  void *context;                   /* for that */
  bool more;                       /* something may still happen */
} rounds;

/* Lua: runs the loop. Protected, because luv's own code may raise where it calls back, for lack of
 * memory. Stack: the rounds. */
static int l_run(lua_State *L) {
  rounds *of = lua_touserdata(L, 1);
  while (of->more && !of->finished(of->context))
    of->more = run_once(of->exec);
  return 0;
}

bool tp_exec_run(tp_exec *exec, bool (*finished)(void *context), void *context) {
  lua_State *L = exec->L;
  rounds of = {exec, finished, context, true};
  bool was_blocked = tp_signal_unblock(&exec->signal);
  exec->looping = true;
  exec->errors = 0;
  bool is_broken = false;
  do {
    lua_pushcfunction(L, l_run);
    lua_pushlightuserdata(L, &of);
    is_broken = lua_pcall(L, 1, 0, 0) != LUA_OK;
    if (is_broken) {
      tp_report_tell(exec, NULL, L, "the loop of the host");
      lua_pop(L, 1);
    }
  } while (is_broken && ++exec->errors < ERRORS_MAX);
  exec->looping = false;
  tp_slice_rest(exec->slice);
  if (was_blocked)
    tp_signal_block(&exec->signal);
  return !is_broken && (of.more || finished(context));
}

bool tp_exec_is_exhausted(const tp_exec *exec) {
  return exec->errors >= ERRORS_MAX;
}

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
  exec->spare_reasons[0] = cancelled;
  exec->spare_reasons[1] = late;
  return exec;
}

tp_exec *tp_exec_create(lua_State *L, uv_loop_t *loop, const tp_exec_listener *listener,
                        bool in_state) {
  lua_newtable(L);
  int anchors = luaL_ref(L, LUA_REGISTRYINDEX);
  tp_coro_open(L, NULL); /* takes the memory */
  tp_exec *exec = allocate(L, in_state);
  exec->L = L;
  exec->loop = loop;
  exec->listener = *listener;
  exec->anchors = anchors;
  exec->next_park = 1;
  exec->waitable = true;
  exec->stride = exec->until_look = 1;
  TAILQ_INIT(&exec->pools);
  uv_idle_init(loop, &exec->idle);
  uv_timer_init(loop, &exec->timer);
  exec->idle.data = exec->timer.data = exec;
  tp_coro_open(L, exec);
  return exec;
}

static bool start_slices(tp_exec *exec, tp_error *error) {
  exec->slice = tp_slice_create(exec);
  return exec->slice || tp_fail(error, TP_NO_MEMORY, "no memory for preemption");
}

bool tp_exec_set_preempt(tp_exec *exec, bool on, int signal, tp_error *error) {
  tp_slice_destroy(exec->slice);
  exec->slice = NULL;
  if (!on)
    return true;
  if (!exec->signal.number && !tp_signal_take(&exec->signal, signal, error))
    return false;
  return start_slices(exec, error);
}

bool tp_exec_borrow_preempt(tp_exec *exec, const tp_exec *from, tp_error *error) {
  exec->signal = (tp_signal){.number = from->signal.number, .borrowed = true};
  return !from->slice || start_slices(exec, error);
}

void tp_exec_keep_signal(const tp_exec *exec) {
  tp_signal_keep(&exec->signal);
}

void tp_exec_set_library(tp_exec *exec, const char *prefix) {
  snprintf(exec->library, sizeof exec->library, "%s", prefix);
}

void tp_exec_force_preemption(tp_exec *exec, int instructions) {
  if (exec->slice)
    tp_slice_force(exec->slice, instructions);
}

void tp_exec_halt(tp_exec *exec) {
  uv_idle_stop(&exec->idle);
  uv_timer_stop(&exec->timer);
}

void tp_exec_close(tp_exec *exec) {
  tp_exec_set_preempt(exec, false, 0, NULL);
  tp_signal_put_back(&exec->signal);
  exec->closing = true;
  uv_close((uv_handle_t *)&exec->idle, NULL);
  uv_close((uv_handle_t *)&exec->timer, NULL);
}

void tp_exec_free(tp_exec *exec) {
  for (uint32_t i = 0; i < exec->slot_count; i++)
    if (exec->slots[i]) {
      tp_ending_clear(exec->slots[i]);
      free(exec->slots[i]);
    }
  free(exec->slots);
  free(exec->free_slots);
  free(exec->timers);
  tp_cancel_release(exec->spare_reasons[0]);
  tp_cancel_release(exec->spare_reasons[1]);
  exec->slots = NULL;
  exec->free = NULL;
  exec->slot_count = exec->timer_count = exec->idle_count = 0;
  if (!exec->in_state)
    free(exec);
}

tp_coro *tp_exec_current(const tp_exec *exec) {
  return exec->current;
}

const char *tp_exec_current_job(const tp_exec *exec) {
  return exec->current && !exec->current->is_task ? exec->current->as.job.what : NULL;
}

const tp_task *tp_exec_current_task(const tp_exec *exec) {
  return exec->current && exec->current->is_task ? &exec->current->as.task : NULL;
}

tp_pool *tp_exec_current_pool(const tp_exec *exec) {
  const tp_task *task = tp_exec_current_task(exec);
  return task ? task->group->pool : NULL;
}

bool tp_exec_is_looping(const tp_exec *exec) {
  return exec->looping;
}

uint64_t tp_exec_live(const tp_exec *exec) {
  return exec->live;
}
