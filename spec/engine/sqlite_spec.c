/* SPDX-License-Identifier: MIT
 *
 * SQLite engines in trouble: files that are none, that are held, that appear later; and members
 * that are killed in other processes. */
#define _GNU_SOURCE
#include "support/engines.h"

#ifdef TP_HAVE_SQLITE

#include <sqlite3.h>
#include <sys/stat.h>

static char path[96], url[112];
static place at;

/* ---- shorthands ---- */

static void begin(void) {
  make_directory();
  snprintf(path, sizeof path, "%s/jobs.db", directory);
  snprintf(url, sizeof url, "sqlite:%s", path);
}

static void open_up(void) {
  open_place(&at, url, "jobs");
  await_event(&at, TP_ENGINE_UP, 1);
}

/* Runs statements on the file, as another program would. */
static sqlite3 *run_sql(const char *sql) {
  sqlite3 *file;
  EXPECT(sqlite3_open(path, &file) == SQLITE_OK);
  EXPECT(sqlite3_exec(file, sql, NULL, NULL, NULL) == SQLITE_OK);
  return file;
}

static uint64_t add_group(void) {
  tp_engine_plan plan = {.name = {"g", 1}, .losses_max = 3, .ttl = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, at.engine, &plan) == TP_OK);
  return said.answer.group;
}

static void submit(uint64_t group, uint64_t first, size_t count) {
  tp_span items[TP_ENGINE_CHUNK_MAX];
  for (size_t i = 0; i < count; i++)
    items[i] = (tp_span){"item", 4};
  EXPECT(ASK(ROWS_NONE, tp_engine_submit, at.engine, group, first, items, count, 0) == TP_OK);
}

/* ---- files ---- */

static void expect_down(tp_code code, const char *text) {
  open_place(&at, url, "jobs");
  await_event(&at, TP_ENGINE_DOWN, 1);
  EXPECT(at.error.code == code && strstr(at.error.message, text) && at.told[TP_ENGINE_UP] == 0);
  EXPECT(ASK(ROWS_NONE, tp_engine_reap, at.engine) == TP_NOT_AVAILABLE);
  close_place(&at);
}

static void a_file_of_something_else_is_left_alone(void) {
  begin();
  FILE *file = fopen(path, "we");
  EXPECT(file && fputs("this is a text, and longer than the head of a database is: it has more "
                       "than a hundred bytes, so it cannot be one",
                       file) >= 0);
  EXPECT(fclose(file) == 0);
  expect_down(TP_IO_ERROR, "not a database");
  unlink(path);
  sqlite3_close(run_sql("CREATE TABLE theirs(a)"));
  expect_down(TP_IO_ERROR, "made by something else");
  remove_directory();
}

static void another_version_of_the_tables_is_refused(void) {
  begin();
  open_up();
  close_place(&at);
  sqlite3_close(run_sql("PRAGMA user_version = 99"));
  expect_down(TP_IO_ERROR, "another version");
  remove_directory();
}

static void a_file_may_come_later(void) {
  begin();
  snprintf(url, sizeof url, "sqlite:%s/late/jobs.db", directory);
  open_place(&at, url, "jobs");
  await_event(&at, TP_ENGINE_DOWN, 1);
  EXPECT(at.error.code == TP_NOT_AVAILABLE);
  char late[96];
  snprintf(late, sizeof late, "%s/late", directory);
  EXPECT(mkdir(late, 0700) == 0);
  await_event(&at, TP_ENGINE_UP, 1);
  EXPECT(at.told[TP_ENGINE_DOWN] == 1 && ASK(ROWS_NONE, tp_engine_reap, at.engine) == TP_OK);
  close_place(&at);
  remove_directory();
}

static void it_waits_for_who_holds_the_file(void) {
  static reply late;
  memset(&late, 0, sizeof late);
  begin();
  open_up();
  sqlite3 *other = run_sql("BEGIN IMMEDIATE");
  verb_rows = ROWS_NONE;
  EXPECT(tp_engine_reap(at.engine, on_answer, &late));
  run_for(50); /* the answer must not come in this time */
  EXPECT(!late.is_there);
  EXPECT(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL) == SQLITE_OK);
  run_until(&late.is_there);
  EXPECT(late.answer.code == TP_OK);
  sqlite3_close(other);
  close_place(&at);
  remove_directory();
}

static void what_was_confirmed_is_found_again(void) {
  begin();
  open_up();
  uint64_t group = add_group();
  submit(group, 0, 100);
  close_place(&at);
  open_up();
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, at.engine, tp_span_of("g"), 0) == TP_OK);
  EXPECT(said.groups[0].id == group && said.groups[0].waiting == 100);
  close_place(&at);
  remove_directory();
}

static void what_was_cancelled_is_swept_away(void) {
  begin();
  open_up();
  uint64_t group = add_group();
  for (uint64_t first = 0; first < 5000; first += 500)
    submit(group, first, 500);
  EXPECT(ASK(ROWS_NONE, tp_engine_cancel, at.engine, group) == TP_OK);
  for (unsigned spent = 0;; spent += 10) {
    sqlite3 *other = run_sql("PRAGMA query_only = 1");
    sqlite3_stmt *count;
    EXPECT(sqlite3_prepare_v2(other, "SELECT count(*) FROM item", -1, &count, NULL) == SQLITE_OK);
    EXPECT(sqlite3_step(count) == SQLITE_ROW);
    int left = sqlite3_column_int(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(other);
    if (left == 0)
      break;
    EXPECT(spent < PATIENCE);
    run_for(10);
  }
  close_place(&at);
  remove_directory();
}

/* ---- members in other processes ---- */

/* A member that claims 10 items, says so with a byte, and waits for its death. */
static void claim_and_wait(int ready) {
  tp_engine_member member = {.id = {"doomed", 6}, .lease = 0.2};
  uv_loop_init(&loop);
  open_up();
  EXPECT(ASK(ROWS_NONE, tp_engine_join, at.engine, &member) == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, "doomed", 10) == TP_OK);
  EXPECT(said.answer.count == 10 && write(ready, "", 1) == 1);
  pause();
}

static void a_killed_member_gives_its_items_back(void) {
  char byte;
  int ready[2];
  begin();
  EXPECT(pipe(ready) == 0);
  open_up();
  uint64_t group = add_group();
  submit(group, 0, 15);
  close_place(&at);
  pid_t other = fork();
  EXPECT(other >= 0);
  if (other == 0)
    claim_and_wait(ready[1]);
  EXPECT(read(ready[0], &byte, 1) == 1 && kill(other, SIGKILL) == 0);
  EXPECT(waitpid(other, NULL, 0) == other && close(ready[0]) == 0 && close(ready[1]) == 0);
  open_up();
  for (said.answer.count = 0; said.answer.count == 0; run_for(5))
    EXPECT(ASK(ROWS_NONE, tp_engine_reap, at.engine) == TP_OK);
  EXPECT(said.answer.count == 10);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_find_group, at.engine, tp_span_of("g"), 0) == TP_OK);
  EXPECT(said.groups[0].waiting == 15 && said.groups[0].running == 0);
  close_place(&at);
  remove_directory();
}

static const spec_case cases[] = {
    CASE(a_file_of_something_else_is_left_alone),
    CASE(another_version_of_the_tables_is_refused),
    CASE(a_file_may_come_later),
    CASE(it_waits_for_who_holds_the_file),
    CASE(what_was_confirmed_is_found_again),
    CASE(what_was_cancelled_is_swept_away),
    CASE(a_killed_member_gives_its_items_back),
};

int main(int argc, char **argv) {
  uv_loop_init(&loop);
  run_cases("sqlite", cases, COUNT(cases), argc, argv);
  EXPECT(uv_loop_close(&loop) == 0);
  return 0;
}

#else

int main(void) {
  puts("sqlite: skipped, this build is without it");
  return 0;
}

#endif
