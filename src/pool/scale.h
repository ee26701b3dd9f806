/* SPDX-License-Identifier: MIT
 *
 * The size of a pool: bounds, changes by hand, and the decisions of a pool that scales itself.
 *
 * Such a pool is looked at every interval. What is decided then depends on nothing but what was
 * seen (tp_load), so it can be tested as a table:
 *
 *     tasks wait for a place, and   as many places more as wait, at most twice as many as there
 *     not soon for none             are: it grows quickly
 *     a quarter of the places or    after TP_SCALE_PATIENCE such intervals in a row a quarter of
 *     more is free                  the free ones goes: it shrinks slowly
 *     anything else                 it stays
 *
 * To change how it decides: tp_scale_decide in scale.c, and the table of spec/pool/scale_spec.c. */
#ifndef TP_POOL_SCALE_H
#define TP_POOL_SCALE_H

#include "taskpool.h"
#include <stdbool.h>
#include <stdint.h>

struct tp_pool;

/* Intervals in a row with free places before a pool shrinks by a step. */
#define TP_SCALE_PATIENCE 5

/* Intervals in which a backlog that falls must be gone, or the pool grows. */
#define TP_SCALE_SOON 4

/* Between which sizes a pool scales itself. */
typedef struct tp_bounds {
  uint64_t min;    /* the smallest size */
  uint64_t max;    /* the largest; 0: it does not scale itself */
  double interval; /* seconds between two decisions */
} tp_bounds;

/* What is seen of a pool. */
typedef struct tp_load {
  uint64_t size;    /* its places */
  uint64_t running; /* those that are taken */
  uint64_t waiting; /* tasks that lack nothing but a place */
  uint64_t before;  /* how many would wait had none ended since the last decision */
  unsigned quiet;   /* intervals in a row, up to this one, with free places */
} tp_load;

/* What is decided. */
typedef struct tp_decision {
  uint64_t from, to; /* the size before and after */
  unsigned quiet;    /* for the next load */
  char reason[112];  /* in words; "": there was no decision yet */
} tp_decision;

/* What a pool keeps for its scaling. */
typedef struct tp_scale {
  tp_bounds bounds;
  uint64_t waiting; /* seen at the last decision */
  tp_decision last; /* that decision; the places that it added took some of those waiting */
  double when;      /* and when it was, host clock, seconds */
} tp_scale;

/* Decides. */
tp_decision tp_scale_decide(const tp_bounds *bounds, const tp_load *load);

/* Whether a pool that scales itself would grow or shrink after a while, though nothing else
 * happened: tasks may lack a place, or places may be free. */
bool tp_scale_may_grow(const struct tp_pool *pool);
bool tp_scale_may_shrink(const struct tp_pool *pool);

/* ---- the pool's methods ---- */

/* Whether the pool may have that size: false with InvalidArgument outside its bounds. */
bool tp_scale_check_size(const struct tp_pool *pool, uint64_t size, tp_error *error);

/* Adds places to the size, or takes some away, within 0 and the bounds. False with InvalidArgument
 * for a pool without a limit. */
bool tp_scale_by(struct tp_pool *pool, int64_t by, tp_error *error);

/* Looks at a pool that scales itself, decides, and sets the size; tells TP_EVENT_SCALED or
 * TP_EVENT_HELD. `now`: host clock, seconds. */
void tp_scale_run(struct tp_pool *pool, double now);

#endif
