/* SPDX-License-Identifier: MIT
 *
 * The file of a SQLite engine; see sqlite_file.h.
 *
 * A file may have several pools, and several processes of one machine may use it. Items that can be
 * claimed, that are due and that are held are found by partial indexes, so each costs what it must.
 *
 *   pool    the pools
 *   grp     groups with their counts (tp_engine_group); `turn` orders those of equal weight;
 *           `results` counts rows of `result`; `garbage`: it has rows of `item` that were dropped
 *   item    what has not ended: waiting (member 0, due 0), delayed (due > 0) or held (member > 0);
 *           `place` is 0 for what was given back, 1 for what is new, 2 for what was delayed
 *   member  the members; `num` stands in item.member, and is never used again
 *   result  outcomes that are kept, in the order in which they came
 *   dead    the dead list
 *   event   what other processes must be told; the oldest are deleted */
#include "engine/sqlite_file.h"
#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SCHEMA_VERSION 1

/* "taskpool" in short, in the head of the file. */
#define APPLICATION_ID 0x7470656e

/* How long another process may hold the file, microseconds. */
#define BUSY_MAX 5000000

static const char schema[] =
    "CREATE TABLE pool(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE,"
    " turn INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE grp(id INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL, name BLOB,"
    " token BLOB NOT NULL, function BLOB NOT NULL, detail BLOB NOT NULL, weight REAL NOT NULL,"
    " lim INTEGER NOT NULL, retries INTEGER NOT NULL, losses_max INTEGER NOT NULL,"
    " pause REAL NOT NULL, pause_max REAL NOT NULL, low INTEGER NOT NULL, keep INTEGER NOT NULL,"
    " ttl REAL NOT NULL, state INTEGER NOT NULL DEFAULT 0, turn INTEGER NOT NULL,"
    " total INTEGER NOT NULL DEFAULT 0, waiting INTEGER NOT NULL DEFAULT 0,"
    " delayed INTEGER NOT NULL DEFAULT 0, running INTEGER NOT NULL DEFAULT 0,"
    " ok INTEGER NOT NULL DEFAULT 0, failed INTEGER NOT NULL DEFAULT 0,"
    " cancelled INTEGER NOT NULL DEFAULT 0, dead INTEGER NOT NULL DEFAULT 0,"
    " results INTEGER NOT NULL DEFAULT 0, garbage INTEGER NOT NULL DEFAULT 0,"
    " created REAL NOT NULL, ended REAL NOT NULL DEFAULT 0, UNIQUE(pool, name));"
    "CREATE INDEX grp_ready ON grp(pool, weight, turn)"
    " WHERE waiting > 0 AND (lim = 0 OR running < lim);"
    "CREATE INDEX grp_garbage ON grp(id) WHERE garbage > 0;"
    "CREATE INDEX grp_ended ON grp(ended) WHERE ended > 0;"
    "CREATE TABLE item(grp INTEGER NOT NULL, number INTEGER NOT NULL,"
    " place INTEGER NOT NULL DEFAULT 1, tries INTEGER NOT NULL DEFAULT 0,"
    " losses INTEGER NOT NULL DEFAULT 0, member INTEGER NOT NULL DEFAULT 0,"
    " due REAL NOT NULL DEFAULT 0, pool INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(grp, "
    "number)) WITHOUT ROWID;"
    "CREATE INDEX item_waiting ON item(grp, place, number) WHERE member = 0 AND due = 0;"
    "CREATE INDEX item_due ON item(pool, due) WHERE due > 0;"
    "CREATE INDEX item_member ON item(member) WHERE member > 0;"
    "CREATE TABLE member(num INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL,"
    " id BLOB NOT NULL, host BLOB NOT NULL, version BLOB NOT NULL, pid INTEGER NOT NULL,"
    " size INTEGER NOT NULL, running INTEGER NOT NULL, rate REAL NOT NULL, lease REAL NOT NULL,"
    " UNIQUE(pool, id));"
    "CREATE TABLE result(grp INTEGER NOT NULL, entry INTEGER NOT NULL, number INTEGER NOT NULL,"
    " ending INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(grp, entry)) WITHOUT ROWID;"
    "CREATE TABLE dead(id INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL,"
    " grp INTEGER NOT NULL, number INTEGER NOT NULL, tries INTEGER NOT NULL,"
    " losses INTEGER NOT NULL, bytes BLOB NOT NULL, error BLOB NOT NULL, time REAL NOT NULL,"
    " UNIQUE(grp, number));"
    "CREATE TABLE event(id INTEGER PRIMARY KEY AUTOINCREMENT, pool INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, grp INTEGER NOT NULL);";

/* ---- errors ---- */

/* What an error of SQLite means to whoever asked. */
static bool fail(const tp_sqlite_file *file, int status, tp_error *error) {
  int kind = status & 0xff;
  bool is_damaged = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_ERROR ||
                    kind == SQLITE_MISMATCH;
  return tp_fail(error, is_damaged ? TP_IO_ERROR : TP_NOT_AVAILABLE, "SQLite: %s",
                 file->handle && sqlite3_extended_errcode(file->handle) == status
                     ? sqlite3_errmsg(file->handle)
                     : sqlite3_errstr(status));
}

/* Keeps the first error. */
static bool note(tp_sqlite_file *file, int status) {
  if (file->status == SQLITE_OK)
    file->status = status;
  return status == SQLITE_OK;
}

/* Waits for another process, at first for a short time. SQLite calls it with the number of calls
 * before it. */
static int wait_for_others(void *context, int count) {
  static const unsigned longest = 2000;
  (void)context;
  unsigned pause = count < 5 ? 50U << count : longest;
  if ((unsigned)count * (uint64_t)longest > BUSY_MAX)
    return 0;
  usleep(pause < longest ? pause : longest);
  return 1;
}

/* ---- statements ---- */

/* The place of a statement in the hash table, perhaps a free one. NULL: it is full. */
static tp_statement *find_place(tp_sqlite_file *file, const char *sql) {
  size_t hash = (size_t)(((uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
  for (size_t i = 0; i < TP_SQLITE_FILE_STATEMENTS; i++) {
    tp_statement *place = &file->statements[(hash + i) % TP_SQLITE_FILE_STATEMENTS];
    if (!place->sql || place->sql == sql)
      return place;
  }
  return NULL;
}

static sqlite3_stmt *prepare(tp_sqlite_file *file, const char *sql) {
  tp_statement *place = file->status == SQLITE_OK ? find_place(file, sql) : NULL;
  if (!place)
    return NULL;
  if (!place->sql && note(file, sqlite3_prepare_v3(file->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                                   &place->compiled, NULL)))
    place->sql = sql;
  return place->sql ? place->compiled : NULL;
}

/* Bytes are borrowed until the statement is reset, and an empty blob is not NULL. */
static int bind_span(sqlite3_stmt *statement, int index, tp_span span) {
  return sqlite3_bind_blob(statement, index, span.length > 0 ? span.bytes : "", (int)span.length,
                           SQLITE_STATIC);
}

static sqlite3_stmt *bind_list(tp_sqlite_file *file, const char *sql, const char *types,
                               va_list values) {
  sqlite3_stmt *statement = prepare(file, sql);
  for (int i = 1; statement && *types; i++, types++) {
    if (*types == 'i')
      note(file, sqlite3_bind_int64(statement, i, va_arg(values, int64_t)));
    else if (*types == 'd')
      note(file, sqlite3_bind_double(statement, i, va_arg(values, double)));
    else
      note(file, bind_span(statement, i, va_arg(values, tp_span)));
  }
  return file->status == SQLITE_OK ? statement : NULL;
}

sqlite3_stmt *tp_sqlite_file_query(tp_sqlite_file *file, const char *sql, const char *types, ...) {
  va_list values;
  va_start(values, types);
  sqlite3_stmt *statement = bind_list(file, sql, types, values);
  va_end(values);
  return statement;
}

bool tp_sqlite_file_next(tp_sqlite_file *file, sqlite3_stmt *statement) {
  if (!statement)
    return false;
  int status = sqlite3_step(statement);
  if (status == SQLITE_ROW)
    return true;
  note(file, status == SQLITE_DONE ? SQLITE_OK : sqlite3_extended_errcode(file->handle));
  sqlite3_reset(statement);
  return false;
}

void tp_sqlite_file_stop(sqlite3_stmt *statement) {
  sqlite3_reset(statement);
}

int64_t tp_sqlite_file_run(tp_sqlite_file *file, const char *sql, const char *types, ...) {
  va_list values;
  va_start(values, types);
  sqlite3_stmt *statement = bind_list(file, sql, types, values);
  va_end(values);
  if (!statement)
    return 0;
  while (tp_sqlite_file_next(file, statement))
    ;
  return file->status == SQLITE_OK ? sqlite3_changes(file->handle) : 0;
}

int64_t tp_sqlite_file_number(tp_sqlite_file *file, const char *sql, const char *types, ...) {
  va_list values;
  va_start(values, types);
  sqlite3_stmt *statement = bind_list(file, sql, types, values);
  va_end(values);
  if (!tp_sqlite_file_next(file, statement))
    return -1;
  int64_t number = sqlite3_column_int64(statement, 0);
  sqlite3_reset(statement);
  return number;
}

tp_span tp_sqlite_file_span(sqlite3_stmt *statement, int column) {
  const char *bytes = sqlite3_column_blob(statement, column);
  return (tp_span){bytes, (size_t)sqlite3_column_bytes(statement, column)};
}

/* ---- batches ---- */

double tp_sqlite_file_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void tp_sqlite_file_begin(tp_sqlite_file *file) {
  file->status = SQLITE_OK;
  file->has_events = false;
  tp_sqlite_file_run(file, "BEGIN IMMEDIATE", "");
  file->now = tp_sqlite_file_clock(); /* after the wait for others */
}

bool tp_sqlite_file_commit(tp_sqlite_file *file, tp_error *error) {
  tp_sqlite_file_run(file, "COMMIT", "");
  int status = file->status;
  if (status == SQLITE_OK)
    return true;
  fail(file, status, error);
  file->status = SQLITE_OK;
  if (!sqlite3_get_autocommit(file->handle))
    tp_sqlite_file_run(file, "ROLLBACK", "");
  return false;
}

bool tp_sqlite_file_has_changed(tp_sqlite_file *file) {
  file->status = SQLITE_OK;
  int64_t version = tp_sqlite_file_number(file, "PRAGMA data_version", "");
  bool has_changed = version != file->version;
  file->version = version;
  return has_changed;
}

/* ---- opening ---- */

/* Runs several statements that have no parameters. */
static void execute(tp_sqlite_file *file, const char *sql) {
  if (file->status == SQLITE_OK)
    note(file, sqlite3_exec(file->handle, sql, NULL, NULL, NULL));
}

/* Makes the tables of a new file, and enters the pool. False: the file is another one. */
static bool make_tables(tp_sqlite_file *file, tp_span pool) {
  char head[80];
  int64_t id = tp_sqlite_file_number(file, "PRAGMA application_id", "");
  int64_t version = tp_sqlite_file_number(file, "PRAGMA user_version", "");
  int64_t tables = tp_sqlite_file_number(file, "SELECT count(*) FROM sqlite_master", "");
  if (tables == 0) {
    execute(file, schema);
    snprintf(head, sizeof head, "PRAGMA application_id = %d; PRAGMA user_version = %d",
             APPLICATION_ID, SCHEMA_VERSION);
    execute(file, head);
  } else if (file->status == SQLITE_OK && (id != APPLICATION_ID || version != SCHEMA_VERSION)) {
    return false;
  }
  tp_sqlite_file_run(file, "INSERT INTO pool(name) VALUES(?1) ON CONFLICT DO NOTHING", "b", pool);
  file->pool = tp_sqlite_file_number(file, "SELECT id FROM pool WHERE name = ?1", "b", pool);
  file->events_seen = tp_sqlite_file_number(file, "SELECT ifnull(max(id), 0) FROM event", "");
  return true;
}

static bool set_up(tp_sqlite_file *file, const char *pool, bool is_synced, tp_error *error) {
  sqlite3_busy_handler(file->handle, wait_for_others, NULL);
  execute(file, "PRAGMA journal_mode = WAL");
  execute(file, is_synced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  tp_sqlite_file_run(file, "BEGIN IMMEDIATE", "");
  bool is_ours = make_tables(file, tp_span_of(pool));
  tp_sqlite_file_run(file, "COMMIT", "");
  if (file->status != SQLITE_OK)
    return fail(file, file->status, error);
  tp_sqlite_file_has_changed(file);
  return is_ours || tp_fail(error, TP_IO_ERROR,
                            "SQLite: the file was made by something else, or by another version "
                            "of taskpool");
}

bool tp_sqlite_file_open(tp_sqlite_file *file, const char *path, const char *pool, bool is_synced,
                         tp_error *error) {
  *file = (tp_sqlite_file){0};
  int status = sqlite3_open_v2(
      path, &file->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
  if (!file->handle)
    return tp_fail(error, TP_NO_MEMORY, "no memory for SQLite");
  sqlite3_extended_result_codes(file->handle, 1);
  bool is_open =
      status == SQLITE_OK ? set_up(file, pool, is_synced, error) : fail(file, status, error);
  if (!is_open)
    tp_sqlite_file_close(file);
  return is_open;
}

void tp_sqlite_file_close(tp_sqlite_file *file) {
  for (size_t i = 0; i < TP_SQLITE_FILE_STATEMENTS; i++)
    sqlite3_finalize(file->statements[i].compiled);
  sqlite3_close(file->handle);
  *file = (tp_sqlite_file){0};
}
