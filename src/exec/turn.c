/* SPDX-License-Identifier: MIT
 *
 * The turn; see turn.h. */
#include "exec/turn.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/feed.h"
#include "exec/kill.h"
#include "exec/preempt.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "pool/flow.h"

/* How long a turn may take before I/O gets its turn, nanoseconds. */
#define TURN_BUDGET UINT64_C(250000)

/* At most so many resumes between two looks at the clock, and so many tasks started at a time. */
#define STRIDE_MAX 64
#define FEED_MAX 256

/* No pool starts tasks while so many wait in the run queue for their first resume. */
#define FRESH_MAX 256

/* ---- one coroutine ---- */

/* The time since the last look at the clock counts for the task that has run last: of those whose
 * code runs long, each has a look of its own; of the others, each has its share in the long run. */
static void count_busy(tp_exec *exec, uint64_t spent) {
  if (exec->budget.last)
    exec->budget.last->as.task.busy += spent;
}

/* A coroutine has yielded its `count` values. Returns whether they are those of an iterator. */
static bool suspend(tp_coro *coro, int count) {
  tp_state_hold(coro->L);
  if (coro->cancelling)
    tp_exec_cancel_watch(coro);
  if (coro->state != TP_CORO_RUNNING)
    return coro->state == TP_CORO_OFFERING;
  lua_pop(coro->L, count); /* coroutine.yield() that no inner coroutine has called: lets others run
                            */
  tp_ready_add(coro, 0);
  return false;
}

/* The same as lua_resume, and tells how long a task has run. An iterator may run within a task. */
static int resume_watched(tp_coro *coro, int *count) {
  tp_exec *exec = coro->exec;
  uint64_t before = exec->runs.since;
  exec->runs.since = uv_hrtime();
  int status = lua_resume(coro->L, exec->L, coro->nargs, count);
  if (status == LUA_YIELD && coro->is_task)
    exec->listener.ran(exec->listener.context, &coro->as.task, exec->runs.since);
  exec->runs.since = before;
  return status;
}

bool tp_turn_resume(tp_coro *coro) {
  tp_exec *exec = coro->exec;
  int count;
  if (coro->cancelling && coro->cancelling->to_kill && !tp_kill(coro))
    return false;
  coro->state = TP_CORO_RUNNING;
  tp_state_release(exec, coro->L);
  exec->preemption.resumes++;
  tp_context before = tp_state_enter(exec, coro, coro->L, true);
  int status = exec->runs.are_watched ? resume_watched(coro, &count)
                                      : lua_resume(coro->L, exec->L, coro->nargs, &count);
  tp_state_leave(exec, before);
  exec->budget.last = status == LUA_YIELD && coro->is_task ? coro : NULL;
  if (status == LUA_YIELD)
    return suspend(coro, count);
  if (status == LUA_OK)
    tp_slot_give_back(coro);
  else
    tp_kill_reap(coro);
  return false;
}

/* ---- the turn ---- */

/* Lets each pool that has room start some tasks. A pool that has been fed and wants more goes
 * after those that have not. */
static void feed_pools(tp_exec *exec) {
  tp_run *last = TAILQ_LAST(&exec->ready.pools, tp_run_list), *run;
  while (exec->ready.fresh < FRESH_MAX && (run = TAILQ_FIRST(&exec->ready.pools))) {
    TAILQ_REMOVE(&exec->ready.pools, run, queue_link);
    run->queued = false;
    if ((run->held ? tp_flow_cancel_more : tp_flow_feed)(run->pool, FEED_MAX))
      tp_ready_add_pool(run);
    if (run == last)
      break;
  }
}

/* One look at the clock every `stride` resumes; the stride follows how long they take. Under the
 * virtual clock it is 1, so that what runs next does not depend on how long anything takes. */
static bool is_over(tp_exec *exec) {
  uint64_t now = uv_hrtime();
  uint64_t spent = now - exec->budget.looked;
  count_busy(exec, spent);
  if (exec->clock.is_virtual)
    exec->budget.stride = 1;
  else if (spent < TURN_BUDGET / 8 && exec->budget.stride < STRIDE_MAX)
    exec->budget.stride *= 2;
  else if (spent > TURN_BUDGET / 2 && exec->budget.stride > 1)
    exec->budget.stride /= 2;
  exec->budget.looked = now;
  tp_timer_look(exec, now);
  exec->budget.until_look = exec->budget.stride;
  return now >= exec->budget.deadline;
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
    if (tp_turn_resume(coro))
      tp_feed_offered(coro);
    if (exec->budget.until_look-- <= 1 && is_over(exec))
      return false;
  }
  return true;
}

static void start_budget(tp_exec *exec) {
  exec->budget.looked = uv_hrtime();
  exec->budget.deadline = exec->budget.looked + TURN_BUDGET;
  tp_timer_look(exec, exec->budget.looked);
}

/* Runs the commands of control sessions that are there. False: that has used up the budget of the
 * turn; then the tasks have one of their own, so that they go on however many commands there are.
 */
static bool run_urgent(tp_exec *exec) {
  begin_round(&exec->ready.urgent);
  if (drain(exec, &exec->ready.urgent))
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
    if (!exec->ready.queue.end || exec->ready.urgent.first)
      feed_pools(exec);
    goes_on = run_urgent(exec);
    if (!exec->ready.queue.end)
      begin_round(&exec->ready.queue);
    goes_on = drain(exec, &exec->ready.queue) && goes_on;
  } while (goes_on && tp_ready_has_work(exec));
  return 0;
}

void tp_turn_run(uv_idle_t *idle) {
  tp_exec *exec = idle->data;
  if (!tp_ready_has_work(exec) && tp_timer_can_jump(exec))
    tp_timer_jump(exec);
  lua_State *L = exec->L;
  tp_context context = exec->context;
  bool before = tp_preempt_enter(exec->preemption.slice);
  lua_pushcfunction(L, l_turn);
  lua_pushlightuserdata(L, exec);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    tp_state_leave(exec, context);
    tp_report_tell(exec, NULL, NULL, L, "a turn of the host");
    lua_pop(L, 1);
    tp_call_recover(exec);
    exec->errors++;
  } else {
    exec->errors = 0;
  }
  tp_preempt_leave(exec->preemption.slice, before);
  if (!tp_ready_has_work(exec) && !tp_timer_can_jump(exec))
    uv_idle_stop(idle);
}
