/* SPDX-License-Identifier: MIT
 *
 * When a pool that scales itself is looked at (how it decides: pool/scale.c).
 *
 * An alarm of the pool rings an interval after something has happened to it, and again as long as
 * something happens or the pool is to grow or to shrink. Then it rests. The host waits for it only
 * where tasks wait for a place that the pool may give them: else nothing depends on it. */
#include "exec/coro.h"

enum {
  EVENTS = TP_EVENT_BIT(TP_EVENT_STARTED) | TP_EVENT_BIT(TP_EVENT_ENDED) |
           TP_EVENT_BIT(TP_EVENT_CHANGED) | TP_EVENT_BIT(TP_EVENT_IDLE) |
           TP_EVENT_BIT(TP_EVENT_CLOSED),
};

unsigned tp_run_scale_events(const tp_run *run) {
  return run->scaler.ring ? EVENTS : 0;
}

static void look(tp_run *run) {
  tp_pool *pool = run->pool;
  bool changed = run->changed;
  run->changed = false;
  tp_pool_rescale(pool, tp_exec_now(run->exec));
  bool grows = tp_scale_may_grow(pool) && pool->scale.waiting > 0;
  if (changed || grows || tp_scale_may_shrink(pool))
    tp_alarm_set(&run->scaler, pool->scale.bounds.interval, !grows);
}

void tp_run_scale_note(tp_run *run, tp_event event) {
  bool grows = tp_scale_may_grow(run->pool);
  if (run->pool->closed) {
    tp_alarm_stop(&run->scaler);
    return;
  }
  run->changed = true;
  if (!run->scaler.place)
    tp_alarm_set(&run->scaler, run->pool->scale.bounds.interval, !grows);
  else if (grows || event == TP_EVENT_IDLE)
    tp_alarm_set_idle(&run->scaler, !grows);
}

void tp_run_set_bounds(tp_pool *pool, const tp_bounds *bounds) {
  tp_run *run = pool->owner;
  pool->scale.bounds = *bounds;
  run->scaler.run = run;
  run->scaler.ring = look;
  tp_run_update_wanted(run);
}
