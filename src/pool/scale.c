/* SPDX-License-Identifier: MIT
 *
 * The size of a pool and how it changes; see scale.h. */
#include "pool/scale.h"
#include "base/fail.h"
#include "pool/flow.h"
#include "pool/pool.h"

#include <inttypes.h>
#include <stdio.h>

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b) {
  return a > b ? a : b;
}

/* ---- the decision ---- */

/* Whether the backlog falls so fast that it is gone without more places. */
static bool is_gone_soon(const tp_load *load) {
  if (load->waiting >= load->before)
    return false;
  return load->waiting / (load->before - load->waiting) < TP_SCALE_SOON;
}

static const char *trend(const tp_load *load) {
  if (load->waiting == load->before)
    return "steady";
  if (load->waiting > load->before)
    return "rising";
  return is_gone_soon(load) ? "falling" : "falling slowly";
}

static tp_decision hold(const tp_load *load, const char *why) {
  tp_decision decision = {.from = load->size, .to = load->size};
  snprintf(decision.reason, sizeof decision.reason,
           "%" PRIu64 " waiting, %" PRIu64 " of %" PRIu64 " places taken, %s", load->waiting,
           load->running, load->size, why);
  return decision;
}

/* All places are taken and tasks wait. */
static tp_decision grow(const tp_bounds *bounds, const tp_load *load) {
  if (load->size >= bounds->max)
    return hold(load, "at its maximum");
  if (is_gone_soon(load))
    return hold(load, trend(load));
  uint64_t more = least(load->waiting, most(load->size, 1));
  tp_decision decision = {.from = load->size,
                          .to = load->size + least(more, bounds->max - load->size)};
  snprintf(decision.reason, sizeof decision.reason,
           "%" PRIu64 " waiting for %" PRIu64 " place%s, %s", load->waiting, load->size,
           load->size == 1 ? "" : "s", trend(load));
  return decision;
}

/* No task waits, and places are free. */
static tp_decision shrink(const tp_bounds *bounds, const tp_load *load) {
  if (load->quiet + 1 < TP_SCALE_PATIENCE) {
    tp_decision held = hold(load, "quiet");
    held.quiet = load->quiet + 1;
    return held;
  }
  uint64_t fewer = most((load->size - load->running) / 4, 1);
  tp_decision decision = {.from = load->size,
                          .to = load->size - least(fewer, load->size - bounds->min)};
  snprintf(decision.reason, sizeof decision.reason,
           "%" PRIu64 " of %" PRIu64 " places taken, quiet for %d intervals", load->running,
           load->size, TP_SCALE_PATIENCE);
  return decision;
}

/* Whether a quarter of the places or more is free. */
static bool is_spacious(uint64_t running, uint64_t size) {
  return running < size && running <= size - (size + 3) / 4;
}

tp_decision tp_scale_decide(const tp_bounds *bounds, const tp_load *load) {
  if (load->waiting > 0)
    return load->running < load->size ? hold(load, "places are free") : grow(bounds, load);
  if (!is_spacious(load->running, load->size))
    return hold(load, "steady");
  return load->size > bounds->min ? shrink(bounds, load) : hold(load, "at its minimum");
}

bool tp_scale_may_grow(const tp_pool *pool) {
  return pool->size < pool->scale.bounds.max && tp_pool_is_at_limit(pool) && !tp_pool_is_idle(pool);
}

bool tp_scale_may_shrink(const tp_pool *pool) {
  return pool->size > pool->scale.bounds.min &&
         is_spacious(pool->running + pool->cancelled, pool->size);
}

/* ---- the pool's methods ---- */

bool tp_scale_check_size(const tp_pool *pool, uint64_t size, tp_error *error) {
  const tp_bounds *bounds = &pool->scale.bounds;
  if (bounds->max == 0 || (size >= bounds->min && size <= bounds->max))
    return true;
  return tp_fail(error, TP_INVALID_ARGUMENT,
                 "%s scales itself between %" PRIu64 " and %" PRIu64
                 ": its size must be within these bounds",
                 pool->label, bounds->min, bounds->max);
}

bool tp_scale_by(tp_pool *pool, int64_t by, tp_error *error) {
  const tp_bounds *bounds = &pool->scale.bounds;
  if (pool->size == TP_UNLIMITED)
    return tp_fail(error, TP_INVALID_ARGUMENT, "%s has no limit to scale; set its pool_size first",
                   pool->label);
  uint64_t max = bounds->max ? bounds->max : INT64_MAX;
  uint64_t step = by < 0 ? -(uint64_t)by : (uint64_t)by;
  if (by < 0)
    tp_pool_resize(pool, most(pool->size - least(step, pool->size), bounds->min));
  else
    tp_pool_resize(pool, pool->size + least(step, most(max, pool->size) - pool->size));
  return true;
}

/* Whether a group could start a task, were there room. */
static bool lacks_a_place(const tp_pool *pool, const tp_group *group) {
  bool is_let_in = group->admission != TP_CALL_BLOCKED || !pool->paused;
  return group->feed == TP_FEED_READY && group->occupying < group->limit && is_let_in &&
         !group->throttled;
}

/* Tasks that would start now if there were room, as far as their groups know. */
static uint64_t demand(const tp_pool *pool) {
  uint64_t sum = 0;
  if (tp_flow_is_throttled(pool))
    return 0;
  const tp_group *group;
  TAILQ_FOREACH (group, &pool->groups, pool_link)
    if (lacks_a_place(pool, group)) {
      uint64_t more = least(pool->ops->demand(group), group->limit - group->occupying);
      sum += least(more, INT64_MAX - sum);
    }
  return sum;
}

/* How many of those that waited at the last decision found no place in what it added. */
static uint64_t still_waiting(const tp_scale *scale) {
  uint64_t added = most(scale->last.to, scale->last.from) - scale->last.from;
  return scale->waiting - least(added, scale->waiting);
}

void tp_scale_run(tp_pool *pool, double now) {
  tp_scale *scale = &pool->scale;
  tp_load load = {.size = pool->size,
                  .running = pool->running + pool->cancelled,
                  .waiting = demand(pool),
                  .before = still_waiting(scale),
                  .quiet = scale->last.quiet};
  scale->last = tp_scale_decide(&scale->bounds, &load);
  scale->waiting = load.waiting;
  scale->when = now;
  bool is_same = scale->last.to == scale->last.from;
  if (!is_same)
    tp_pool_resize(pool, scale->last.to);
  tp_pool_tell(pool, is_same ? TP_EVENT_HELD : TP_EVENT_SCALED, NULL);
}
