/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the groups of a SQLite engine: their counts, their ends, and what is
 * told of them. */
#ifndef TP_ENGINE_SQLITE_GROUPS_H
#define TP_ENGINE_SQLITE_GROUPS_H

#include "engine/query.h"
#include "engine/sqlite_file.h"

/* By how much the counts of a group change; see tp_engine_group. */
typedef struct tp_sqlite_change {
  int64_t total;
  int64_t waiting;
  int64_t delayed;
  int64_t running;
  int64_t ok;
  int64_t failed;
  int64_t cancelled;
  int64_t dead;
  int64_t results; /* rows of `result` */
} tp_sqlite_change;

/* What transitions of items must know of a group. */
typedef struct tp_sqlite_group {
  int64_t id;            /* its number; 0: there is no such group */
  tp_engine_state state; /* the same as in tp_engine_group */
  tp_engine_plan plan;   /* retries, losses_max, pause, pause_max and keep are set */
  int64_t total;         /* items submitted */
  int64_t waiting;       /* items that wait */
  int64_t results;       /* rows of `result` */
} tp_sqlite_group;

/* Reads a group; `id` is 0 if there is none. */
tp_sqlite_group tp_sqlite_groups_read(tp_sqlite_file *file, uint64_t id);

/* Changes the counts of a group, tells when few items wait, and ends it when all have ended. */
void tp_sqlite_groups_count(tp_sqlite_file *file, int64_t group, const tp_sqlite_change *change);

/* Deletes some rows that nobody needs. */
void tp_sqlite_groups_sweep(tp_sqlite_file *file);

/* The queries; see engine.h. */
void tp_sqlite_groups_add(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_set_limit(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_close(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_cancel(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_find(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_list(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_groups_sum(tp_sqlite_file *file, tp_query *query);

#endif
