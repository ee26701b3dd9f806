/* SPDX-License-Identifier: MIT
 *
 * The groups of a SQLite engine; see sqlite_groups.h. */
#include "engine/sqlite_groups.h"

#include <inttypes.h>

/* Events that are kept for processes that have not looked for a while. */
#define EVENTS_MAX 10000

/* Rows that one sweep deletes of each kind. */
#define SWEEP "2000"

/* The pause after a sweep that has found nothing, seconds. */
#define SWEEP_PAUSE 10

/* Whether a group is known at the time ?2: it has not ended, or not long ago, or has dead items. */
#define IS_KNOWN "(ended = 0 OR dead > 0 OR ended + ttl > ?2)"

/* ---- what other parts of the engine need ---- */

static void add_event(tp_sqlite_file *file, tp_engine_event event, int64_t group) {
  tp_sqlite_file_run(file, "INSERT INTO event(pool, kind, grp) VALUES(?1, ?2, ?3)", "iii",
                     file->pool, (int64_t)event, group);
  tp_sqlite_file_run(file, "DELETE FROM event WHERE id < (SELECT max(id) FROM event) - ?1", "i",
                     (int64_t)EVENTS_MAX);
  file->has_events = true;
}

tp_sqlite_group tp_sqlite_groups_read(tp_sqlite_file *file, uint64_t id) {
  tp_sqlite_group group = {0};
  sqlite3_stmt *row = tp_sqlite_file_query(
      file,
      "SELECT id, state, retries, losses_max, pause, pause_max, keep, total, waiting, results "
      "FROM grp WHERE id = ?1 AND pool = ?3 AND " IS_KNOWN,
      "idi", id, file->now, file->pool);
  if (!tp_sqlite_file_next(file, row))
    return group;
  group.id = sqlite3_column_int64(row, 0);
  group.state = (tp_engine_state)sqlite3_column_int(row, 1);
  group.plan.retries = (uint32_t)sqlite3_column_int64(row, 2);
  group.plan.losses_max = (uint32_t)sqlite3_column_int64(row, 3);
  group.plan.pause = sqlite3_column_double(row, 4);
  group.plan.pause_max = sqlite3_column_double(row, 5);
  group.plan.keep = (tp_engine_keep)sqlite3_column_int(row, 6);
  group.total = sqlite3_column_int64(row, 7);
  group.waiting = sqlite3_column_int64(row, 8);
  group.results = sqlite3_column_int64(row, 9);
  tp_sqlite_file_stop(row);
  return group;
}

/* Ends a group that takes no more items and whose items have all ended. */
static void end_if_over(tp_sqlite_file *file, int64_t group) {
  if (tp_sqlite_file_run(file,
                         "UPDATE grp SET ended = ?2 WHERE id = ?1 AND state > 0 AND ended = 0"
                         " AND ok + failed + cancelled >= total",
                         "id", group, file->now) > 0) {
    add_event(file, TP_ENGINE_END, group);
  }
}

void tp_sqlite_groups_count(tp_sqlite_file *file, int64_t group, const tp_sqlite_change *change) {
  sqlite3_stmt *row = tp_sqlite_file_query(
      file,
      "UPDATE grp SET total = total + ?2, waiting = waiting + ?3, delayed = delayed + ?4,"
      " running = running + ?5, ok = ok + ?6, failed = failed + ?7, cancelled = cancelled + ?8,"
      " dead = dead + ?9, results = results + ?10 WHERE id = ?1 RETURNING waiting, low, state > 0",
      "iiiiiiiiii", group, change->total, change->waiting, change->delayed, change->running,
      change->ok, change->failed, change->cancelled, change->dead, change->results);
  if (!tp_sqlite_file_next(file, row))
    return;
  int64_t waiting = sqlite3_column_int64(row, 0), low = sqlite3_column_int64(row, 1);
  bool may_be_over = sqlite3_column_int(row, 2) && change->ok + change->failed + change->cancelled;
  tp_sqlite_file_stop(row);
  if (waiting <= low && waiting - change->waiting > low)
    add_event(file, TP_ENGINE_LOW, group);
  if (may_be_over)
    end_if_over(file, group);
}

/* ---- sweeping ---- */

/* Deletes dropped items of one group. False: there are none. */
static bool sweep_items(tp_sqlite_file *file) {
  int64_t group = tp_sqlite_file_number(file, "SELECT id FROM grp WHERE garbage > 0 LIMIT 1", "");
  if (group < 0)
    return false;
  int64_t count =
      tp_sqlite_file_run(file,
                         "DELETE FROM item WHERE grp = ?1 AND number IN"
                         " (SELECT number FROM item WHERE grp = ?1 AND member = 0 LIMIT " SWEEP ")",
                         "i", group);
  tp_sqlite_file_run(file,
                     "UPDATE grp SET garbage = iif(?2 > 0, max(garbage - ?2, 1), 0) WHERE id = ?1",
                     "ii", group, count);
  return true;
}

/* Deletes results of one group that is not known any more, and at last the group. False: there is
 * none. */
static bool sweep_group(tp_sqlite_file *file) {
  int64_t group = tp_sqlite_file_number(
      file,
      "SELECT id FROM grp WHERE ended > 0 AND dead = 0 AND garbage = 0 AND ended + ttl <= ?1 "
      "LIMIT 1",
      "d", file->now);
  if (group < 0)
    return false;
  int64_t count = tp_sqlite_file_run(file,
                                     "DELETE FROM result WHERE grp = ?1 AND entry IN"
                                     " (SELECT entry FROM result WHERE grp = ?1 LIMIT " SWEEP ")",
                                     "i", group);
  if (count == 0)
    tp_sqlite_file_run(file, "DELETE FROM grp WHERE id = ?1", "i", group);
  return true;
}

void tp_sqlite_groups_sweep(tp_sqlite_file *file) {
  bool has_items = sweep_items(file), has_group = sweep_group(file);
  if (!has_items && !has_group)
    file->sweep_time = file->now + SWEEP_PAUSE;
}

/* ---- queries that change a group ---- */

/* A group that is not known any more gives its name free. */
static void free_name(tp_sqlite_file *file, tp_span name) {
  tp_sqlite_file_run(file,
                     "UPDATE grp SET name = NULL WHERE pool = ?1 AND name = ?3 AND NOT " IS_KNOWN,
                     "idb", file->pool, file->now, name);
}

/* The group that has the name already; it is the answer if the same producer has added it. False:
 * the name is free. */
static bool find_same(tp_sqlite_file *file, tp_query *query) {
  const tp_engine_plan *plan = query->in.plan;
  sqlite3_stmt *row =
      tp_sqlite_file_query(file, "SELECT id, token = ?3 FROM grp WHERE pool = ?1 AND name = ?2",
                           "ibb", file->pool, plan->name, plan->token);
  if (!tp_sqlite_file_next(file, row))
    return false;
  query->answer.group = (uint64_t)sqlite3_column_int64(row, 0);
  if (!sqlite3_column_int(row, 1))
    tp_query_refuse(query, TP_REFUSAL_TAKEN);
  tp_sqlite_file_stop(row);
  return true;
}

void tp_sqlite_groups_add(tp_sqlite_file *file, tp_query *query) {
  const tp_engine_plan *plan = query->in.plan;
  free_name(file, plan->name);
  if (find_same(file, query))
    return;
  int64_t turn = tp_sqlite_file_number(
      file, "UPDATE pool SET turn = turn + 1 WHERE id = ?1 RETURNING turn", "i", file->pool);
  query->answer.group = (uint64_t)tp_sqlite_file_number(
      file,
      "INSERT INTO grp(pool, name, token, function, detail, weight, lim, retries, losses_max,"
      " pause, pause_max, low, keep, ttl, created, turn) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
      " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16) RETURNING id",
      "ibbbbdiiiddiiddi", file->pool, plan->name, plan->token, plan->function, plan->detail,
      plan->weight, (int64_t)plan->limit, (int64_t)plan->retries, (int64_t)plan->losses_max,
      plan->pause, plan->pause_max, plan->low, (int64_t)plan->keep, plan->ttl, file->now, turn);
}

void tp_sqlite_groups_set_limit(tp_sqlite_file *file, tp_query *query) {
  if (tp_sqlite_file_run(file, "UPDATE grp SET lim = ?4 WHERE id = ?1 AND pool = ?3 AND " IS_KNOWN,
                         "idii", query->group, file->now, file->pool, query->number) == 0)
    tp_query_refuse(query, TP_REFUSAL_MISSING);
}

void tp_sqlite_groups_close(tp_sqlite_file *file, tp_query *query) {
  tp_sqlite_group group = tp_sqlite_groups_read(file, query->group);
  if (!group.id) {
    tp_query_refuse(query, TP_REFUSAL_MISSING);
    return;
  }
  tp_sqlite_file_run(file, "UPDATE grp SET state = 1 WHERE id = ?1 AND state = 0", "i", group.id);
  end_if_over(file, group.id);
}

void tp_sqlite_groups_cancel(tp_sqlite_file *file, tp_query *query) {
  tp_sqlite_group group = tp_sqlite_groups_read(file, query->group);
  if (!group.id) {
    tp_query_refuse(query, TP_REFUSAL_MISSING);
    return;
  }
  if (tp_sqlite_file_run(file,
                         "UPDATE grp SET state = 2, garbage = waiting + delayed,"
                         " cancelled = cancelled + waiting + delayed, waiting = 0, delayed = 0"
                         " WHERE id = ?1 AND state < 2 AND ended = 0",
                         "i", group.id) == 0)
    return;
  file->sweep_time = 0;
  add_event(file, TP_ENGINE_CANCEL, group.id);
  end_if_over(file, group.id);
}

/* ---- queries that look ---- */

#define COLUMNS                                                                                    \
  "id, name, token, function, detail, weight, lim, retries, losses_max, pause, pause_max, low,"    \
  " keep, ttl, state, total, waiting, delayed, running, ok, failed, cancelled, dead, created,"     \
  " ended"

/* Keeps a column as long as the query. */
static tp_span keep(tp_query *query, sqlite3_stmt *row, int column) {
  tp_span span = tp_sqlite_file_span(row, column);
  return tp_query_keep(query, span.bytes, span.length);
}

static void read_plan(tp_query *query, sqlite3_stmt *row, tp_engine_plan *plan) {
  plan->name = keep(query, row, 1);
  plan->token = keep(query, row, 2);
  plan->function = keep(query, row, 3);
  plan->detail = keep(query, row, 4);
  plan->weight = sqlite3_column_double(row, 5);
  plan->limit = (uint32_t)sqlite3_column_int64(row, 6);
  plan->retries = (uint32_t)sqlite3_column_int64(row, 7);
  plan->losses_max = (uint32_t)sqlite3_column_int64(row, 8);
  plan->pause = sqlite3_column_double(row, 9);
  plan->pause_max = sqlite3_column_double(row, 10);
  plan->low = (uint64_t)sqlite3_column_int64(row, 11);
  plan->keep = (tp_engine_keep)sqlite3_column_int(row, 12);
  plan->ttl = sqlite3_column_double(row, 13);
}

static void read_group(tp_query *query, sqlite3_stmt *row, tp_engine_group *group) {
  group->id = (uint64_t)sqlite3_column_int64(row, 0);
  read_plan(query, row, &group->plan);
  group->state = (tp_engine_state)sqlite3_column_int(row, 14);
  group->total = (uint64_t)sqlite3_column_int64(row, 15);
  group->waiting = (uint64_t)sqlite3_column_int64(row, 16);
  group->delayed = (uint64_t)sqlite3_column_int64(row, 17);
  group->running = (uint64_t)sqlite3_column_int64(row, 18);
  group->ok = (uint64_t)sqlite3_column_int64(row, 19);
  group->failed = (uint64_t)sqlite3_column_int64(row, 20);
  group->cancelled = (uint64_t)sqlite3_column_int64(row, 21);
  group->dead = (uint64_t)sqlite3_column_int64(row, 22);
  group->created = sqlite3_column_double(row, 23);
  group->ended = sqlite3_column_double(row, 24);
}

static void read_groups(tp_sqlite_file *file, tp_query *query, sqlite3_stmt *row) {
  while (tp_sqlite_file_next(file, row)) {
    tp_engine_group *group = tp_query_add_row(query, sizeof *group);
    if (!group) {
      tp_sqlite_file_stop(row);
      return;
    }
    read_group(query, row, group);
    query->answer.cursor = group->id;
  }
  tp_query_finish_rows(query);
}

void tp_sqlite_groups_find(tp_sqlite_file *file, tp_query *query) {
  sqlite3_stmt *row =
      query->name.length > 0
          ? tp_sqlite_file_query(
                file, "SELECT " COLUMNS " FROM grp WHERE pool = ?1 AND name = ?3 AND " IS_KNOWN,
                "idb", file->pool, file->now, query->name)
          : tp_sqlite_file_query(
                file, "SELECT " COLUMNS " FROM grp WHERE pool = ?1 AND id = ?3 AND " IS_KNOWN,
                "idi", file->pool, file->now, query->group);
  read_groups(file, query, row);
  if (query->answer.count == 0 && query->answer.code == TP_OK)
    tp_query_refuse(query, TP_REFUSAL_MISSING);
}

void tp_sqlite_groups_list(tp_sqlite_file *file, tp_query *query) {
  query->answer.cursor = query->number;
  read_groups(file, query,
              tp_sqlite_file_query(file,
                                   "SELECT " COLUMNS " FROM grp WHERE pool = ?1 AND id > ?3"
                                   " AND " IS_KNOWN " ORDER BY id LIMIT ?4",
                                   "idii", file->pool, file->now, query->number, query->count));
}

void tp_sqlite_groups_sum(tp_sqlite_file *file, tp_query *query) {
  tp_engine_stats *stats = tp_query_add_row(query, sizeof *stats);
  sqlite3_stmt *row = tp_sqlite_file_query(
      file,
      "SELECT count(*), sum(waiting), sum(delayed), sum(running), sum(dead),"
      " (SELECT count(*) FROM member WHERE pool = ?1) FROM grp WHERE pool = ?1 AND " IS_KNOWN,
      "id", file->pool, file->now);
  if (!stats || !tp_sqlite_file_next(file, row))
    return;
  stats->groups = (uint64_t)sqlite3_column_int64(row, 0);
  stats->waiting = (uint64_t)sqlite3_column_int64(row, 1);
  stats->delayed = (uint64_t)sqlite3_column_int64(row, 2);
  stats->running = (uint64_t)sqlite3_column_int64(row, 3);
  stats->dead = (uint64_t)sqlite3_column_int64(row, 4);
  stats->members = (uint64_t)sqlite3_column_int64(row, 5);
  tp_sqlite_file_stop(row);
  tp_query_finish_rows(query);
}
