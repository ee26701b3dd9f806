/* SPDX-License-Identifier: MIT
 *
 * The members of a SQLite engine; see sqlite_members.h. */
#include "engine/sqlite_members.h"
#include "engine/sqlite_items.h"

void tp_sqlite_members_join(tp_sqlite_file *file, tp_query *query) {
  const tp_engine_member *as = query->in.as;
  tp_sqlite_file_run(
      file,
      "INSERT INTO member(pool, id, host, version, pid, size, running, rate, lease)"
      " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET lease = ?9",
      "ibbbiiidd", file->pool, as->id, as->host, as->version, as->pid, (int64_t)as->size,
      (int64_t)as->running, as->rate, file->now + as->lease);
}

void tp_sqlite_members_beat(tp_sqlite_file *file, tp_query *query) {
  const tp_engine_member *as = query->in.as;
  int64_t num =
      tp_sqlite_file_number(file,
                            "UPDATE member SET lease = ?3, size = ?4, running = ?5, rate = ?6"
                            " WHERE pool = ?1 AND id = ?2 RETURNING num",
                            "ibdiid", file->pool, as->id, file->now + as->lease, (int64_t)as->size,
                            (int64_t)as->running, as->rate);
  if (num < 0) {
    tp_query_refuse(query, TP_REFUSAL_GONE);
    return;
  }
  sqlite3_stmt *row =
      tp_sqlite_file_query(file,
                           "SELECT id FROM grp WHERE state = 2 AND id IN"
                           " (SELECT grp FROM item WHERE member = ?1 AND member > 0)",
                           "i", num);
  while (tp_sqlite_file_next(file, row)) {
    uint64_t *group = tp_query_add_row(query, sizeof *group);
    if (group)
      *group = (uint64_t)sqlite3_column_int64(row, 0);
  }
  tp_query_finish_rows(query);
}

/* Takes a member off. Returns how many items it held. */
static size_t end_member(tp_sqlite_file *file, int64_t num, bool is_lost) {
  size_t count = tp_sqlite_items_take_back(file, num, is_lost);
  tp_sqlite_file_run(file, "DELETE FROM member WHERE num = ?1", "i", num);
  return count;
}

void tp_sqlite_members_reap(tp_sqlite_file *file, tp_query *query) {
  int64_t num = tp_sqlite_file_number(
      file, "SELECT num FROM member WHERE pool = ?1 AND lease < ?2 ORDER BY lease LIMIT 1", "id",
      file->pool, file->now);
  if (num > 0)
    query->answer.count = end_member(file, num, true);
}

void tp_sqlite_members_leave(tp_sqlite_file *file, tp_query *query) {
  int64_t num = tp_sqlite_file_number(file, "SELECT num FROM member WHERE pool = ?1 AND id = ?2",
                                      "ib", file->pool, tp_span_of(query->member));
  if (num > 0)
    query->answer.count = end_member(file, num, false);
}

void tp_sqlite_members_list(tp_sqlite_file *file, tp_query *query) {
  sqlite3_stmt *row =
      tp_sqlite_file_query(file,
                           "SELECT id, host, version, pid, size, running, rate, lease FROM member"
                           " WHERE pool = ?1 ORDER BY num LIMIT ?2",
                           "ii", file->pool, (int64_t)TP_ENGINE_LIST_MAX);
  while (tp_sqlite_file_next(file, row)) {
    tp_engine_member *member = tp_query_add_row(query, sizeof *member);
    if (!member) {
      tp_sqlite_file_stop(row);
      return;
    }
    tp_span words[3];
    for (int i = 0; i < 3; i++)
      words[i] = tp_sqlite_file_span(row, i);
    member->id = tp_query_keep(query, words[0].bytes, words[0].length);
    member->host = tp_query_keep(query, words[1].bytes, words[1].length);
    member->version = tp_query_keep(query, words[2].bytes, words[2].length);
    member->pid = (uint64_t)sqlite3_column_int64(row, 3);
    member->size = (uint32_t)sqlite3_column_int64(row, 4);
    member->running = (uint32_t)sqlite3_column_int64(row, 5);
    member->rate = sqlite3_column_double(row, 6);
    member->lease = sqlite3_column_double(row, 7) - file->now;
  }
  tp_query_finish_rows(query);
}
