/* SPDX-License-Identifier: MIT
 *
 * The items of a SQLite engine; see sqlite_items.h. */
#include "engine/sqlite_items.h"
#include "engine/sqlite_groups.h"

#include <stdlib.h>
#include <string.h>

/* item.place: which of the waiting items of a group come first. */
enum { PLACE_FIRST, PLACE_NEW, PLACE_LAST };

/* Delayed items that one claim makes wait. */
#define PROMOTED_MAX 1000

/* Items that are taken back at a time. */
#define TAKEN_MAX 500

/* ---- submitting ---- */

/* Why a group does not take these items. False: it does. */
static bool refuses(tp_query *query, const tp_sqlite_group *group) {
  query->answer.total = (uint64_t)group->total;
  query->answer.waiting = (uint64_t)group->waiting;
  tp_refusal refusal = !group->id                               ? TP_REFUSAL_MISSING
                       : group->state == TP_ENGINE_CANCELLED    ? TP_REFUSAL_CANCELLED
                       : query->number > (uint64_t)group->total ? TP_REFUSAL_GAP
                       : query->number + query->count <= (uint64_t)group->total ? TP_REFUSAL_COUNT
                       : group->state == TP_ENGINE_CLOSED                       ? TP_REFUSAL_CLOSED
                                                                                : TP_REFUSAL_COUNT;
  if (refusal != TP_REFUSAL_COUNT)
    tp_query_refuse(query, refusal);
  return refusal != TP_REFUSAL_COUNT;
}

void tp_sqlite_items_submit(tp_sqlite_file *file, tp_query *query) {
  tp_sqlite_group group = tp_sqlite_groups_read(file, query->group);
  if (refuses(query, &group))
    return;
  double due = query->seconds > 0 ? file->now + query->seconds : 0;
  int64_t added = 0;
  for (size_t i = (uint64_t)group.total - query->number; i < query->count; i++, added++)
    tp_sqlite_file_run(file,
                       "INSERT INTO item(grp, number, due, pool, bytes) VALUES(?1, ?2, ?3, ?4, ?5)",
                       "iidib", group.id, query->number + i, due, file->pool, query->in.items[i]);
  if (added == 0)
    return;
  tp_sqlite_change change = {.total = added};
  *(due > 0 ? &change.delayed : &change.waiting) = added;
  tp_sqlite_groups_count(file, group.id, &change);
  query->answer.total += (uint64_t)added;
  query->answer.waiting += (uint64_t)change.waiting;
}

/* ---- claiming ---- */

/* The row of a member; 0, and the query is refused: there is none. */
static int64_t find_member(tp_sqlite_file *file, tp_query *query) {
  int64_t num = tp_sqlite_file_number(file, "SELECT num FROM member WHERE pool = ?1 AND id = ?2",
                                      "ib", file->pool, tp_span_of(query->member));
  if (num <= 0)
    tp_query_refuse(query, TP_REFUSAL_GONE);
  return num > 0 ? num : 0;
}

/* Makes delayed items wait whose time has come. Those of cancelled groups were dropped. */
static void promote(tp_sqlite_file *file) {
  for (int i = 0; i < PROMOTED_MAX; i++) {
    sqlite3_stmt *row = tp_sqlite_file_query(
        file,
        "SELECT grp, number FROM item WHERE pool = ?1 AND due > 0 AND due <= ?2"
        " ORDER BY due LIMIT 1",
        "id", file->pool, file->now);
    if (!tp_sqlite_file_next(file, row))
      return;
    int64_t group = sqlite3_column_int64(row, 0), number = sqlite3_column_int64(row, 1);
    tp_sqlite_file_stop(row);
    tp_sqlite_file_run(file, "UPDATE item SET due = 0, place = ?3 WHERE grp = ?1 AND number = ?2",
                       "iii", group, number, (int64_t)PLACE_LAST);
    if (tp_sqlite_file_number(file, "SELECT delayed FROM grp WHERE id = ?1", "i", group) > 0)
      tp_sqlite_groups_count(file, group, &(tp_sqlite_change){.waiting = 1, .delayed = -1});
  }
}

/* Adds the items of a statement that gives group, number, tries, losses and bytes. */
static size_t read_items(tp_sqlite_file *file, tp_query *query, sqlite3_stmt *row) {
  size_t before = query->answer.count;
  while (tp_sqlite_file_next(file, row)) {
    tp_engine_item *item = tp_query_add_row(query, sizeof *item);
    if (!item) {
      tp_sqlite_file_stop(row);
      file->status = SQLITE_NOMEM;
      return 0;
    }
    tp_span bytes = tp_sqlite_file_span(row, 4);
    item->group = (uint64_t)sqlite3_column_int64(row, 0);
    item->number = (uint64_t)sqlite3_column_int64(row, 1);
    item->tries = (uint32_t)sqlite3_column_int(row, 2);
    item->losses = (uint32_t)sqlite3_column_int(row, 3);
    item->bytes = tp_query_keep(query, bytes.bytes, bytes.length);
  }
  return query->answer.count - before;
}

/* Claims items of one group. Returns how many. */
static size_t claim_some(tp_sqlite_file *file, tp_query *query, int64_t num, size_t want) {
  sqlite3_stmt *row =
      tp_sqlite_file_query(file,
                           "SELECT id, iif(lim = 0, ?2, min(?2, lim - running)) FROM grp"
                           " WHERE pool = ?1 AND waiting > 0 AND (lim = 0 OR running < lim)"
                           " ORDER BY weight, turn LIMIT 1",
                           "ii", file->pool, want);
  if (!tp_sqlite_file_next(file, row))
    return 0;
  int64_t group = sqlite3_column_int64(row, 0), most = sqlite3_column_int64(row, 1);
  tp_sqlite_file_stop(row);
  size_t count = read_items(
      file, query,
      tp_sqlite_file_query(file,
                           "UPDATE item SET member = ?2 WHERE grp = ?1 AND number IN"
                           " (SELECT number FROM item WHERE grp = ?1 AND member = 0 AND due = 0"
                           " ORDER BY place, number LIMIT ?3)"
                           " RETURNING grp, number, tries, losses, bytes",
                           "iii", group, num, most));
  tp_sqlite_groups_count(
      file, group, &(tp_sqlite_change){.waiting = -(int64_t)count, .running = (int64_t)count});
  int64_t turn = tp_sqlite_file_number(
      file, "UPDATE pool SET turn = turn + 1 WHERE id = ?1 RETURNING turn", "i", file->pool);
  tp_sqlite_file_run(file, "UPDATE grp SET turn = ?2 WHERE id = ?1", "ii", group, turn);
  return count;
}

/* Seconds until the next delayed item is due; -1: there is none. */
static double next_due(tp_sqlite_file *file) {
  double due = -1;
  sqlite3_stmt *row = tp_sqlite_file_query(file,
                                           "SELECT due FROM item WHERE pool = ?1 AND due > 0"
                                           " ORDER BY due LIMIT 1",
                                           "i", file->pool);
  if (tp_sqlite_file_next(file, row)) {
    due = sqlite3_column_double(row, 0) - file->now;
    tp_sqlite_file_stop(row);
  }
  return due;
}

void tp_sqlite_items_claim(tp_sqlite_file *file, tp_query *query) {
  int64_t num = find_member(file, query);
  if (!num)
    return;
  promote(file);
  size_t claimed = 1;
  while (query->answer.count < query->count && claimed > 0)
    claimed = claim_some(file, query, num, query->count - query->answer.count);
  double due = next_due(file);
  query->answer.next_due = due < 0 && due > -1 ? 0 : due;
  tp_query_finish_rows(query);
}

void tp_sqlite_items_held(tp_sqlite_file *file, tp_query *query) {
  int64_t num = find_member(file, query);
  if (num)
    read_items(file, query,
               tp_sqlite_file_query(file,
                                    "SELECT grp, number, tries, losses, bytes FROM item"
                                    " WHERE member = ?1 AND member > 0",
                                    "i", num));
  tp_query_finish_rows(query);
}

/* ---- what came of items ---- */

/* What changes in a group while outcomes of it follow each other. */
typedef struct tally {
  tp_sqlite_group group;   /* `id` 0: there is none */
  tp_sqlite_change change; /* not written yet */
} tally;

static void flush_batch(tp_sqlite_file *file, tally *batch) {
  if (batch->group.id)
    tp_sqlite_groups_count(file, batch->group.id, &batch->change);
  batch->change = (tp_sqlite_change){0};
}

/* Goes on with another group. */
static void turn_to(tp_sqlite_file *file, tally *batch, uint64_t group) {
  if ((uint64_t)batch->group.id == group)
    return;
  flush_batch(file, batch);
  batch->group = tp_sqlite_groups_read(file, group);
}

/* Keeps an outcome if the group keeps such. */
static void record(tp_sqlite_file *file, tally *batch, const tp_engine_outcome *outcome) {
  bool is_failure = outcome->ending == TP_ENGINE_FAILED || outcome->ending == TP_ENGINE_HOPELESS;
  tp_engine_keep keep = batch->group.plan.keep;
  if (keep == TP_ENGINE_KEEP_NONE || (keep == TP_ENGINE_KEEP_ERRORS && !is_failure))
    return;
  tp_sqlite_file_run(
      file, "INSERT INTO result(grp, entry, number, ending, bytes) VALUES(?1, ?2, ?3, ?4, ?5)",
      "iiiib", batch->group.id, batch->group.results + ++batch->change.results, outcome->number,
      (int64_t)outcome->ending, outcome->bytes);
}

/* Counts an item that has ended, and forgets it. */
static tp_engine_fate end_item(tp_sqlite_file *file, tally *batch, int64_t num,
                               const tp_engine_outcome *outcome, int64_t *count) {
  if (tp_sqlite_file_run(file, "DELETE FROM item WHERE grp = ?1 AND number = ?2 AND member = ?3",
                         "iii", batch->group.id, outcome->number, num) == 0)
    return TP_ENGINE_LOST;
  batch->change.running--;
  ++*count;
  record(file, batch, outcome);
  return TP_ENGINE_RECORDED;
}

/* Puts an item that a member has held back among the waiting ones. */
static void make_wait(tp_sqlite_file *file, tally *batch, uint64_t number, int place) {
  tp_sqlite_file_run(file, "UPDATE item SET member = 0, place = ?3 WHERE grp = ?1 AND number = ?2",
                     "iii", batch->group.id, number, (int64_t)place);
  batch->change.running--;
  batch->change.waiting++;
}

/* Puts an item back that has failed, to be tried again. */
static void retry(tp_sqlite_file *file, tally *batch, uint64_t number, uint32_t tries) {
  double pause = tp_query_pause(&batch->group.plan, tries);
  tp_sqlite_file_run(file, "UPDATE item SET tries = ?3 WHERE grp = ?1 AND number = ?2", "iii",
                     batch->group.id, number, (int64_t)tries);
  make_wait(file, batch, number, PLACE_LAST);
  if (pause <= 0)
    return;
  tp_sqlite_file_run(file, "UPDATE item SET due = ?3 WHERE grp = ?1 AND number = ?2", "iid",
                     batch->group.id, number, file->now + pause);
  batch->change.waiting--;
  batch->change.delayed++;
}

/* Puts an item on the dead list that is about to be forgotten. */
static void bury(tp_sqlite_file *file, tally *batch, uint64_t number, tp_span error) {
  tp_sqlite_file_run(file,
                     "INSERT INTO dead(pool, grp, number, tries, losses, bytes, error, time)"
                     " SELECT ?3, grp, number, tries, losses, bytes, ?4, ?5 FROM item"
                     " WHERE grp = ?1 AND number = ?2",
                     "iiibd", batch->group.id, number, file->pool, error, file->now);
  batch->change.dead++;
}

static tp_engine_fate fail_item(tp_sqlite_file *file, tally *batch, int64_t num,
                                const tp_engine_outcome *outcome) {
  int64_t tries = tp_sqlite_file_number(
      file, "SELECT tries FROM item WHERE grp = ?1 AND number = ?2 AND member = ?3", "iii",
      batch->group.id, outcome->number, num);
  if (tries++ < 0)
    return TP_ENGINE_LOST;
  bool is_cancelled = batch->group.state == TP_ENGINE_CANCELLED;
  if (!is_cancelled && outcome->ending == TP_ENGINE_FAILED && tries <= batch->group.plan.retries) {
    retry(file, batch, outcome->number, (uint32_t)tries);
    return TP_ENGINE_RETRIED;
  }
  tp_sqlite_file_run(file, "UPDATE item SET tries = ?3 WHERE grp = ?1 AND number = ?2", "iii",
                     batch->group.id, outcome->number, tries);
  if (!is_cancelled)
    bury(file, batch, outcome->number, outcome->bytes);
  end_item(file, batch, num, outcome, &batch->change.failed);
  return is_cancelled ? TP_ENGINE_RECORDED : TP_ENGINE_DEAD;
}

/* Takes back an item that was not started. */
static tp_engine_fate return_item(tp_sqlite_file *file, tally *batch, int64_t num,
                                  const tp_engine_outcome *outcome) {
  tp_engine_outcome stopped = {outcome->group, outcome->number, TP_ENGINE_STOPPED, {NULL, 0}};
  if (batch->group.state == TP_ENGINE_CANCELLED)
    return end_item(file, batch, num, &stopped, &batch->change.cancelled);
  if (tp_sqlite_file_number(file,
                            "SELECT 1 FROM item WHERE grp = ?1 AND number = ?2 AND member = ?3",
                            "iii", batch->group.id, outcome->number, num) < 0)
    return TP_ENGINE_LOST;
  make_wait(file, batch, outcome->number, PLACE_FIRST);
  return TP_ENGINE_RETRIED;
}

static tp_engine_fate take_outcome(tp_sqlite_file *file, tally *batch, int64_t num,
                                   const tp_engine_outcome *outcome) {
  turn_to(file, batch, outcome->group);
  if (!batch->group.id)
    return TP_ENGINE_LOST;
  switch (outcome->ending) {
  case TP_ENGINE_OK:
    return end_item(file, batch, num, outcome, &batch->change.ok);
  case TP_ENGINE_STOPPED:
    return end_item(file, batch, num, outcome, &batch->change.cancelled);
  case TP_ENGINE_UNSTARTED:
    return return_item(file, batch, num, outcome);
  case TP_ENGINE_FAILED:
  case TP_ENGINE_HOPELESS:
    return fail_item(file, batch, num, outcome);
  }
  return TP_ENGINE_LOST;
}

void tp_sqlite_items_done(tp_sqlite_file *file, tp_query *query) {
  tally batch = {0};
  int64_t num = find_member(file, query);
  for (size_t i = 0; num && i < query->count; i++) {
    tp_engine_fate *fate = tp_query_add_row(query, sizeof *fate);
    if (!fate) {
      file->status = SQLITE_NOMEM;
      return;
    }
    *fate = take_outcome(file, &batch, num, &query->in.outcomes[i]);
  }
  flush_batch(file, &batch);
  tp_query_finish_rows(query);
}

/* ---- taking back ---- */

/* The error of an item whose members died too often. */
#define LOSS "its members were lost too often"

/* What becomes of an item whose member is gone. */
static void release(tp_sqlite_file *file, tally *batch, int64_t num, bool is_lost,
                    const tp_engine_item *item) {
  tp_engine_outcome outcome = {item->group, item->number, TP_ENGINE_STOPPED, {NULL, 0}};
  turn_to(file, batch, item->group);
  if (batch->group.state == TP_ENGINE_CANCELLED) {
    end_item(file, batch, num, &outcome, &batch->change.cancelled);
    return;
  }
  if (is_lost)
    tp_sqlite_file_run(file, "UPDATE item SET losses = losses + 1 WHERE grp = ?1 AND number = ?2",
                       "ii", item->group, item->number);
  if (!is_lost || item->losses < batch->group.plan.losses_max) {
    make_wait(file, batch, item->number, PLACE_FIRST);
    return;
  }
  outcome.ending = TP_ENGINE_HOPELESS;
  outcome.bytes = tp_span_of(LOSS);
  bury(file, batch, item->number, outcome.bytes);
  end_item(file, batch, num, &outcome, &batch->change.failed);
}

/* Reads the next items that a member holds. */
static size_t read_held(tp_sqlite_file *file, int64_t num, tp_engine_item *items) {
  size_t count = 0;
  sqlite3_stmt *row = tp_sqlite_file_query(
      file,
      "SELECT grp, number, losses FROM item WHERE member = ?1 AND member > 0 ORDER BY grp, number"
      " LIMIT ?2",
      "ii", num, (int64_t)TAKEN_MAX);
  for (; tp_sqlite_file_next(file, row); count++)
    items[count] = (tp_engine_item){.group = (uint64_t)sqlite3_column_int64(row, 0),
                                    .number = (uint64_t)sqlite3_column_int64(row, 1),
                                    .losses = (uint32_t)sqlite3_column_int(row, 2)};
  return count;
}

size_t tp_sqlite_items_take_back(tp_sqlite_file *file, int64_t num, bool is_lost) {
  tp_engine_item *items = calloc(TAKEN_MAX, sizeof *items);
  tally batch = {0};
  size_t taken = 0, count = 1;
  if (!items)
    file->status = SQLITE_NOMEM;
  while (items && (count = read_held(file, num, items)) > 0 && file->status == SQLITE_OK) {
    for (size_t i = 0; i < count; i++)
      release(file, &batch, num, is_lost, &items[i]);
    taken += count;
  }
  flush_batch(file, &batch);
  free(items);
  return taken;
}

/* ---- results and the dead list ---- */

/* Whether a group is over; refuses the query if it is not known. */
static bool check_over(tp_sqlite_file *file, tp_query *query) {
  tp_sqlite_group group = tp_sqlite_groups_read(file, query->group);
  if (!group.id)
    tp_query_refuse(query, TP_REFUSAL_MISSING);
  return tp_sqlite_file_number(file, "SELECT ended > 0 FROM grp WHERE id = ?1", "i", query->group) >
         0;
}

void tp_sqlite_items_results(tp_sqlite_file *file, tp_query *query) {
  bool is_over = check_over(file, query);
  sqlite3_stmt *row = tp_sqlite_file_query(
      file,
      "SELECT entry, number, ending, bytes FROM result WHERE grp = ?1 AND entry > ?2 ORDER BY entry"
      " LIMIT ?3",
      "iii", query->group, query->number, query->count);
  query->answer.cursor = query->number;
  while (tp_sqlite_file_next(file, row)) {
    tp_engine_outcome *outcome = tp_query_add_row(query, sizeof *outcome);
    if (!outcome) {
      tp_sqlite_file_stop(row);
      return;
    }
    tp_span bytes = tp_sqlite_file_span(row, 3);
    outcome->group = query->group;
    outcome->number = (uint64_t)sqlite3_column_int64(row, 1);
    outcome->ending = (tp_engine_ending)sqlite3_column_int(row, 2);
    outcome->bytes = tp_query_keep(query, bytes.bytes, bytes.length);
    query->answer.cursor = (uint64_t)sqlite3_column_int64(row, 0);
  }
  query->answer.is_over = is_over && query->answer.count == 0;
  tp_query_finish_rows(query);
}

void tp_sqlite_items_dead(tp_sqlite_file *file, tp_query *query) {
  sqlite3_stmt *row =
      tp_sqlite_file_query(file,
                           "SELECT grp, number, tries, losses, bytes, error, time, id FROM dead"
                           " WHERE pool = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
                           "iii", file->pool, query->number, query->count);
  query->answer.cursor = query->number;
  while (tp_sqlite_file_next(file, row)) {
    tp_engine_item *item = tp_query_add_row(query, sizeof *item);
    if (!item) {
      tp_sqlite_file_stop(row);
      return;
    }
    tp_span bytes = tp_sqlite_file_span(row, 4), error = tp_sqlite_file_span(row, 5);
    item->group = (uint64_t)sqlite3_column_int64(row, 0);
    item->number = (uint64_t)sqlite3_column_int64(row, 1);
    item->tries = (uint32_t)sqlite3_column_int(row, 2);
    item->losses = (uint32_t)sqlite3_column_int(row, 3);
    item->bytes = tp_query_keep(query, bytes.bytes, bytes.length);
    item->error = tp_query_keep(query, error.bytes, error.length);
    item->time = sqlite3_column_double(row, 6);
    query->answer.cursor = (uint64_t)sqlite3_column_int64(row, 7);
  }
  tp_query_finish_rows(query);
}

/* Forgets a dead item. False: there is none, and the query is refused. */
static bool dig_up(tp_sqlite_file *file, tp_query *query) {
  query->answer.count = (size_t)tp_sqlite_file_run(
      file, "DELETE FROM dead WHERE grp = ?1 AND number = ?2 AND pool = ?3", "iii", query->group,
      query->number, file->pool);
  if (query->answer.count == 0)
    tp_query_refuse(query, TP_REFUSAL_ALIVE);
  return query->answer.count > 0;
}

void tp_sqlite_items_retry_dead(tp_sqlite_file *file, tp_query *query) {
  if (tp_sqlite_groups_read(file, query->group).state == TP_ENGINE_CANCELLED) {
    tp_query_refuse(query, TP_REFUSAL_CANCELLED);
    return;
  }
  tp_sqlite_file_run(
      file,
      "INSERT INTO item(grp, number, place, pool, bytes) SELECT grp, number, ?3, pool, bytes"
      " FROM dead WHERE grp = ?1 AND number = ?2 AND pool = ?4",
      "iiii", query->group, query->number, (int64_t)PLACE_LAST, file->pool);
  if (!dig_up(file, query))
    return;
  tp_sqlite_file_run(file, "UPDATE grp SET ended = 0 WHERE id = ?1", "i", query->group);
  tp_sqlite_groups_count(file, (int64_t)query->group,
                         &(tp_sqlite_change){.waiting = 1, .failed = -1, .dead = -1});
}

void tp_sqlite_items_drop_dead(tp_sqlite_file *file, tp_query *query) {
  if (dig_up(file, query))
    tp_sqlite_groups_count(file, (int64_t)query->group, &(tp_sqlite_change){.dead = -1});
}
