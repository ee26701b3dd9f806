/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for work of their own full pool.
 *
 * A pool is *stuck* when it is full and each of its tasks waits, without a time limit, for work of
 * a stuck pool: a call that runs there is one of those tasks, and any other needs a place that none
 * of them gives up. The last task that would make it so is told, before it waits. */
#include "exec/deadlock.h"
#include "exec/cancel.h"
#include "exec/state.h"
#include "exec/wait.h"
#include "value/raise.h"

/* So many pools are looked at; beyond them nothing is said to be stuck. */
enum { POOLS_MAX = 16 };

/* The pools that have been looked at, or are at present. */
typedef struct search {
  const tp_exec *exec; /* whose running task is about to wait */
  const tp_pool *pools[POOLS_MAX];
  int count;
} search;

static bool is_stuck(search *of, const tp_pool *pool);

/* Whether a task waits for a stuck pool. The running one is about to wait for the first pool. */
static bool is_blocked(search *of, tp_task *task) {
  const tp_coro *coro = tp_state_coro_of(task);
  if (tp_exec_cancel_is_coming(coro))
    return false;
  if (coro == of->exec->context.coro)
    return true;
  return coro->state == TP_CORO_PARKED && coro->awaits && is_stuck(of, coro->awaited);
}

static bool is_stuck(search *of, const tp_pool *pool) {
  for (int i = 0; i < of->count; i++)
    if (of->pools[i] == pool)
      return true;
  bool may_grow = pool->size < pool->scale.bounds.max;
  if (of->count == POOLS_MAX || !tp_pool_is_at_limit(pool) || may_grow || pool->running == 0 ||
      pool->cancelled > 0)
    return false;
  of->pools[of->count++] = pool;
  tp_task *task;
  TAILQ_FOREACH (task, &pool->running_tasks, pool_link)
    if (!is_blocked(of, task))
      return false;
  return true;
}

bool tp_deadlock_check(tp_exec *exec, lua_State *L, tp_pool *pool) {
  tp_wait_begin(exec, L);
  tp_coro *coro = exec->context.coro;
  search of = {.exec = exec};
  if (!coro->is_task || coro->phase != TP_PHASE_BODY || (coro->awaits && coro->awaited == pool))
    return true;
  coro->awaits = !is_stuck(&of, pool) || !is_stuck(&of, coro->as.task.group->pool);
  coro->awaited = pool;
  return coro->awaits;
}

int tp_deadlock_raise(tp_exec *exec, lua_State *L, const tp_pool *pool) {
  const tp_task *task = &exec->context.coro->as.task;
  return tp_raise(
      L, TP_DEADLOCK,
      "%s_Task-%llu would wait for ever for work of %s: that is full, and each of its tasks waits "
      "like this; give it more places, or use another pool for such work",
      task->group->pool->label, (unsigned long long)task->id, pool->label);
}
