/* SPDX-License-Identifier: MIT
 *
 * A flush in steps; see flush.h.
 *
 * How it works. The ids that a group keeps are put together anew from its live tasks, one task a
 * step, and take the place of all in the step that has seen the last task. Where there is no memory
 * for them, the group keeps all its ids. */
#include "pool/flush.h"
#include "pool/flow.h"
#include "pool/pool.h"

static bool is_live(const tp_pool *pool, uint64_t id) {
  return tp_task_find(&pool->tasks, id) != NULL;
}

void tp_flush_open(tp_flush *of, tp_pool *pool) {
  *of = (tp_flush){.groups = pool->next_number, .records = pool->records.sequence};
  tp_walk_open(&of->walk, pool);
  pool->ended = pool->in_callbacks;
}

void tp_flush_close(tp_flush *of) {
  tp_walk_close(&of->walk);
  tp_idset_clear(&of->living);
}

/* ---- records ---- */

static void look_at_record(tp_flush *of) {
  tp_pool *pool = of->walk.pool;
  tp_record_place place = of->place;
  tp_record *record = tp_records_next(&pool->records, NULL, &place);
  if (!record || record->sequence > of->records)
    of->records = 0;
  else if (is_live(pool, record->task))
    of->place = place;
  else
    tp_records_remove(&pool->records, record);
}

/* ---- ids that are kept ---- */

static void keep(tp_flush *of, uint64_t id) {
  if (tp_idset_reserve(&of->living))
    tp_idset_add(&of->living, id);
  else
    of->has_failed = true;
}

/* Puts the ids that are kept in the place of `ids`, if all of them are there. */
static void replace(tp_flush *of, tp_idset *ids) {
  tp_idset *old = of->has_failed ? &of->living : ids;
  tp_idset_clear(old);
  if (!of->has_failed)
    *ids = of->living;
  of->living = (tp_idset){0};
  of->has_failed = false;
}

/* ---- submitted calls ---- */

static void look_at_call(tp_flush *of) {
  tp_pool *pool = of->walk.pool;
  uint64_t id;
  if (!tp_idset_next(&pool->call_ids, of->from, &id)) {
    replace(of, &pool->call_ids);
    of->has_calls = true;
    return;
  }
  of->from = id + 1;
  if (is_live(pool, id))
    keep(of, id);
}

/* ---- groups ---- */

/* All live tasks of the group were seen, but for those that are newer than the last step. */
static void end_group(tp_flush *of, tp_group *group) {
  for (uint64_t id = of->until; tp_idset_next(&group->ids, id, &id); id++)
    keep(of, id);
  replace(of, &group->ids);
  tp_pool_see_group(group);
  of->is_inside = false;
  of->walk.group = TAILQ_NEXT(group, pool_link);
  if (group->finished)
    tp_flow_drop_group(group->pool, group);
}

static void begin_group(tp_flush *of, const tp_group *group) {
  tp_idset_clear(&of->living);
  of->has_failed = false;
  of->is_inside = true;
  of->group = group->number;
  of->until = of->walk.pool->next_id;
  of->walk.member = TAILQ_FIRST(&group->tasks);
}

static void look_at_group(tp_flush *of, tp_group *group) {
  if (!of->is_inside || of->group != group->number) /* that one is gone */
    begin_group(of, group);
  const tp_task *task = of->walk.member;
  if (!task) {
    end_group(of, group);
    return;
  }
  of->walk.member = TAILQ_NEXT(task, group_link);
  of->until = of->walk.pool->next_id;
  keep(of, task->id);
}

bool tp_flush_step(tp_flush *of) {
  tp_group *group = of->walk.group;
  if (!of->walk.pool)
    return false;
  if (of->records > 0)
    look_at_record(of);
  else if (!of->has_calls)
    look_at_call(of);
  else if (group && group->number < of->groups)
    look_at_group(of, group);
  else
    tp_flush_close(of);
  return of->walk.pool;
}
