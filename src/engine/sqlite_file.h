/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the file of a SQLite engine, and statements on it.
 *
 * All calls are made by the engine's thread. The first error of a batch is kept; from then on the
 * functions do nothing and find nothing, so that only the end of the batch must look at it.
 *
 * To change the tables, raise SCHEMA_VERSION in sqlite_file.c. */
#ifndef TP_ENGINE_SQLITE_FILE_H
#define TP_ENGINE_SQLITE_FILE_H

#include "base/span.h"
#include "engine/engine.h"
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* Prepared statements that are kept; a power of two, and more than there are in the sources. */
#define TP_SQLITE_FILE_STATEMENTS 128

/* A prepared statement. Its text is a literal, whose address is the key. */
typedef struct tp_statement {
  const char *sql;        /* NULL: the place is free */
  sqlite3_stmt *compiled; /* from SQLite */
} tp_statement;

typedef struct tp_sqlite_file {
  sqlite3 *handle;     /* NULL: it is not open */
  int64_t pool;        /* the row of the pool */
  double now;          /* wall clock when the batch began, seconds */
  int status;          /* SQLITE_OK, or the first error */
  int64_t events_seen; /* the last row of `event` that was told */
  int64_t version;     /* of the data; others change it */
  bool has_events;     /* this batch has added to `event` */
  double sweep_time;   /* when rows that nobody needs are looked for */
  tp_statement statements[TP_SQLITE_FILE_STATEMENTS]; /* a hash table */
} tp_sqlite_file;

/* Opens a file, makes its tables where there are none, and enters the pool. False: IOError (not
 * such a file), NotAvailable (it cannot be opened or written), and nothing is open. */
bool tp_sqlite_file_open(tp_sqlite_file *file, const char *path, const char *pool, bool is_synced,
                         tp_error *error);
void tp_sqlite_file_close(tp_sqlite_file *file);

/* The wall clock, seconds since 1970: the processes that share a file are of one machine. */
double tp_sqlite_file_clock(void);

/* Begins a batch, which writes. Ends it: false, and nothing was changed, if there was an error. */
void tp_sqlite_file_begin(tp_sqlite_file *file);
bool tp_sqlite_file_commit(tp_sqlite_file *file, tp_error *error);

/* A statement with its parameters, one for each letter of `types`: i an int64_t, d a double, b a
 * tp_span. NULL: there was an error. */
sqlite3_stmt *tp_sqlite_file_query(tp_sqlite_file *file, const char *sql, const char *types, ...);

/* The next row. False: there is none, and the statement is reset. */
bool tp_sqlite_file_next(tp_sqlite_file *file, sqlite3_stmt *statement);

/* Resets a statement that still has rows. */
void tp_sqlite_file_stop(sqlite3_stmt *statement);

/* Runs a statement, and returns how many rows it has changed. */
int64_t tp_sqlite_file_run(tp_sqlite_file *file, const char *sql, const char *types, ...);

/* The number in the first row, or -1. */
int64_t tp_sqlite_file_number(tp_sqlite_file *file, const char *sql, const char *types, ...);

/* A column of the present row as bytes, valid until the next one. */
tp_span tp_sqlite_file_span(sqlite3_stmt *statement, int column);

/* Whether another connection has changed the file since the last call. */
bool tp_sqlite_file_has_changed(tp_sqlite_file *file);

#endif
