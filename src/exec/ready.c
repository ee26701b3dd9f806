/* SPDX-License-Identifier: MIT
 *
 * The run queue; see ready.h. */
#include "exec/ready.h"
#include "exec/state.h"

void tp_ready_poke(tp_exec *exec) {
  if (!exec->closing)
    uv_idle_start(&exec->ready.idle, exec->ready.on_turn);
}

void tp_ready_add(tp_coro *coro, int nargs) {
  tp_exec *exec = coro->exec;
  tp_coro_queue *queue = coro->urgent ? &exec->ready.urgent : &exec->ready.queue;
  coro->nargs = (uint16_t)nargs;
  coro->state = TP_CORO_QUEUED;
  coro->next = NULL;
  if (queue->first) {
    queue->last->next = coro;
  } else {
    queue->first = coro;
    tp_ready_poke(exec);
  }
  queue->last = coro;
}

void tp_ready_count_begun(tp_coro *coro) {
  coro->exec->ready.fresh -= coro->fresh;
  coro->fresh = false;
}

void tp_ready_add_pool(tp_run *run) {
  if (run->queued)
    return;
  run->queued = true;
  TAILQ_INSERT_TAIL(&run->exec->ready.pools, run, queue_link);
  tp_ready_poke(run->exec);
}

void tp_ready_remove_pool(tp_run *run) {
  if (run->queued)
    TAILQ_REMOVE(&run->exec->ready.pools, run, queue_link);
  run->queued = false;
}

bool tp_ready_has_work(const tp_exec *exec) {
  return exec->ready.urgent.first || exec->ready.queue.first || !TAILQ_EMPTY(&exec->ready.pools);
}
