/* SPDX-License-Identifier: MIT
 *
 * What a pool asks of its executor; see ops.h. */
#include "exec/ops.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/ready.h"
#include "exec/state.h"
#include "pool/flow.h"

static void cancel(tp_task *task, tp_cancel *reason) {
  tp_coro *coro = tp_state_coro_of(task);
  tp_exec_cancel(coro->exec, coro, reason);
}

static tp_task *current(const tp_pool *pool) {
  const tp_run *run = pool->owner;
  tp_coro *coro = run->exec->context.coro;
  return coro && coro->is_task ? &coro->as.task : NULL;
}

static void wake(tp_pool *pool) {
  tp_ready_add_pool(pool->owner);
}

static uint64_t now(const tp_pool *pool) {
  const tp_run *run = pool->owner;
  return tp_timer_steady(run->exec);
}

static void wake_at(tp_pool *pool, uint64_t when) {
  tp_run *run = pool->owner;
  tp_timer_stop_alarm(&run->pacer);
  if (when != TP_NEVER)
    tp_timer_set_alarm_at(&run->pacer, when - run->exec->clock.skew, false);
}

static const tp_pool_ops ops = {
    .start = tp_call_start,
    .cancel = cancel,
    .current = current,
    .stop_feed = tp_call_stop,
    .fail_feed = tp_call_fail,
    .waiting = tp_call_waiting,
    .demand = tp_call_demand,
    .release = tp_call_release,
    .wake = wake,
    .now = now,
    .wake_at = wake_at,
    .event = tp_run_tell,
};

tp_pool *tp_ops_create_pool(tp_exec *exec, int kind, const char *label, uint64_t size) {
  return tp_run_create(exec, &ops, kind, label, size);
}

static void tell_end(tp_group *group, void *context) {
  (void)context;
  if (!group->finished)
    tp_call_tell_end(group);
}

void tp_ops_destroy_pool(tp_pool *pool) {
  const tp_run *run = pool->owner;
  if (!run->exec->closing) /* what waits has gone with the state then */
    tp_flow_visit(pool, tell_end, NULL);
  tp_run_destroy(pool);
}
