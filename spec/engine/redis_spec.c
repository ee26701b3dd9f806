/* SPDX-License-Identifier: MIT
 *
 * Redis engines in trouble: servers that die, come back, forget scripts, are full, read-only, mute,
 * or want a password. Each case has a server of its own. Skipped without redis-server. */
#define _GNU_SOURCE
#include "support/engines.h"

#include <netinet/in.h>
#include <sys/socket.h>

#ifdef TP_HAVE_HIREDIS

static char url[128];
static pid_t server;
static place at;

/* ---- shorthands ---- */

/* Starts a server with further options, and the engine "jobs" on it. */
static void begin(const char *const *more) {
  make_directory();
  server = start_redis(more);
  snprintf(url, sizeof url, "redis+unix:%s/redis.sock", directory);
  open_place(&at, url, "jobs");
}

/* The same, and waits until it is up; tries that came too early are forgotten. */
static void begin_up(const char *const *more) {
  begin(more);
  await_event(&at, TP_ENGINE_UP, 1);
  at.told[TP_ENGINE_DOWN] = 0;
}

static void end(void) {
  close_place(&at);
  stop_redis(server);
  remove_directory();
}

/* Sends the server a command by redis-cli, with further words before it. */
static void tell_server(const char *command) {
  char line[512];
  snprintf(line, sizeof line, "redis-cli -s %s/redis.sock %s >%s/said 2>&1", directory, command,
           directory);
  EXPECT(system(line) == 0); /* NOLINT(cert-env33-c): our own words */
}

static uint64_t add_group(void) {
  tp_engine_plan plan = {.name = {"g", 1}, .losses_max = 3, .keep = TP_ENGINE_KEEP_ALL, .ttl = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, at.engine, &plan) == TP_OK);
  return said.answer.group;
}

static tp_code submit(uint64_t group, uint64_t first) {
  tp_span items[] = {{"one", 3}, {"two", 3}};
  return ASK(ROWS_NONE, tp_engine_submit, at.engine, group, first, items, 2, 0);
}

static tp_code join(const char *id) {
  tp_engine_member member = {.id = tp_span_of(id), .lease = 60};
  return ASK(ROWS_NONE, tp_engine_join, at.engine, &member);
}

static tp_code look(uint64_t group) {
  return ASK(ROWS_GROUPS, tp_engine_find_group, at.engine, (tp_span){NULL, 0}, group);
}

/* ---- death and return ---- */

static void what_was_confirmed_survives_the_server(void) {
  begin_up(NULL);
  uint64_t group = add_group();
  EXPECT(submit(group, 0) == TP_OK && join("m") == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, "m", 1) == TP_OK && said.answer.count == 1);
  stop_redis(server);
  await_event(&at, TP_ENGINE_DOWN, 1);
  EXPECT(at.error.code == TP_NOT_AVAILABLE && strstr(at.error.message, "redis.sock"));
  EXPECT(submit(group, 2) == TP_NOT_AVAILABLE);
  server = start_redis(NULL);
  await_event(&at, TP_ENGINE_UP, 2);
  EXPECT(submit(group, 2) == TP_OK && said.answer.total == 4);
  EXPECT(look(group) == TP_OK && said.groups[0].running == 1 && said.groups[0].waiting == 3);
  tp_engine_outcome outcome = {group, 0, TP_ENGINE_OK, {"r", 1}};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, at.engine, "m", &outcome, 1) == TP_OK);
  EXPECT(said.fates[0] == TP_ENGINE_RECORDED);
  end();
}

static void a_server_may_come_later(void) {
  make_directory();
  snprintf(url, sizeof url, "redis+unix:%s/redis.sock", directory);
  open_place(&at, url, "jobs");
  await_event(&at, TP_ENGINE_DOWN, 1);
  run_for(200); /* several tries, of which only the first is to be told */
  EXPECT(at.told[TP_ENGINE_DOWN] == 1 && at.told[TP_ENGINE_UP] == 0);
  server = start_redis(NULL);
  await_event(&at, TP_ENGINE_UP, 1);
  end();
}

static void questions_on_the_way_are_answered_when_it_dies(void) {
  static reply replies[20];
  memset(replies, 0, sizeof replies);
  begin_up(NULL);
  kill(server, SIGSTOP);
  verb_rows = ROWS_NONE;
  for (size_t i = 0; i < COUNT(replies); i++)
    EXPECT(tp_engine_reap(at.engine, on_answer, &replies[i]));
  stop_redis(server);
  for (size_t i = 0; i < COUNT(replies); i++) {
    run_until(&replies[i].is_there);
    EXPECT(replies[i].answer.code == TP_NOT_AVAILABLE);
  }
  server = start_redis(NULL);
  await_event(&at, TP_ENGINE_UP, 2);
  end();
}

static void a_mute_server_is_given_up(void) {
  begin_up(NULL);
  kill(server, SIGSTOP);
  EXPECT(ASK(ROWS_NONE, tp_engine_reap, at.engine) == TP_NOT_AVAILABLE);
  EXPECT(at.told[TP_ENGINE_DOWN] == 1 && strstr(at.error.message, "does not answer"));
  kill(server, SIGCONT);
  await_event(&at, TP_ENGINE_UP, 2);
  EXPECT(ASK(ROWS_NONE, tp_engine_reap, at.engine) == TP_OK);
  end();
}

static void events_come_after_a_return(void) {
  begin_up(NULL);
  stop_redis(server);
  server = start_redis(NULL);
  await_event(&at, TP_ENGINE_UP, 2);
  uint64_t group = add_group();
  EXPECT(submit(group, 0) == TP_OK);
  EXPECT(ASK(ROWS_NONE, tp_engine_cancel, at.engine, group) == TP_OK);
  await_event(&at, TP_ENGINE_CANCEL, 1);
  EXPECT(at.group == group);
  end();
}

/* ---- scripts ---- */

static void scripts_that_were_forgotten_are_loaded_again(void) {
  static reply replies[6];
  memset(replies, 0, sizeof replies);
  begin_up(NULL);
  uint64_t group = add_group();
  tell_server("script flush");
  EXPECT(submit(group, 0) == TP_OK && said.answer.total == 2);
  tell_server("script flush");
  verb_rows = ROWS_NONE;
  static const tp_span item = {"more", 4};
  for (size_t i = 0; i < COUNT(replies); i++) /* all are on the way before the first comes back */
    EXPECT(tp_engine_submit(at.engine, group, 2 + i, &item, 1, 0, on_answer, &replies[i]));
  for (size_t i = 0; i < COUNT(replies); i++) {
    run_until(&replies[i].is_there);
    EXPECT(replies[i].answer.code == TP_OK && replies[i].answer.total == 3 + i);
  }
  EXPECT(at.told[TP_ENGINE_DOWN] == 0);
  end();
}

/* ---- refusals ---- */

static void a_full_server_refuses_work_and_takes_results(void) {
  begin_up(NULL);
  uint64_t group = add_group();
  EXPECT(submit(group, 0) == TP_OK && join("m") == TP_OK);
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, "m", 1) == TP_OK && said.answer.count == 1);
  tell_server("config set maxmemory 1");
  EXPECT(submit(group, 2) == TP_NOT_AVAILABLE && strstr(said.message, "memory"));
  tp_engine_outcome outcome = {group, 0, TP_ENGINE_OK, {"r", 1}};
  EXPECT(ASK(ROWS_FATES, tp_engine_done, at.engine, "m", &outcome, 1) == TP_OK);
  EXPECT(said.fates[0] == TP_ENGINE_RECORDED);
  tell_server("config set maxmemory 0");
  EXPECT(submit(group, 2) == TP_OK && said.answer.total == 4);
  EXPECT(at.told[TP_ENGINE_DOWN] == 0);
  end();
}

static void a_replica_warns_and_refuses(void) {
  begin_up(NULL);
  uint64_t group = add_group();
  tell_server("replicaof 127.0.0.1 1");
  EXPECT(submit(group, 0) == TP_NOT_AVAILABLE);
  EXPECT(look(group) == TP_OK || said.answer.code == TP_NOT_AVAILABLE);
  place other;
  open_place(&other, url, "jobs");
  await_event(&other, TP_ENGINE_WARNING, 1);
  EXPECT(strstr(other.error.message, "replica") != NULL);
  close_place(&other);
  tell_server("replicaof no one");
  EXPECT(submit(group, 0) == TP_OK);
  end();
}

static void a_server_that_could_lose_work_is_warned_of(void) {
  static const char *const more[] = {"--appendonly", "no", "--maxmemory-policy", "allkeys-lru",
                                     NULL};
  begin_up(more);
  EXPECT(at.told[TP_ENGINE_WARNING] == 2 && strstr(at.error.message, "noeviction"));
  end();
}

/* ---- passwords ---- */

static void expect_denied(const char *where) {
  place other;
  open_place(&other, where, "jobs");
  await_event(&other, TP_ENGINE_DOWN, 1);
  EXPECT(other.error.code == TP_DENIED && other.told[TP_ENGINE_UP] == 0);
  EXPECT(!strstr(other.error.message, "sesame") && !strstr(other.error.message, "wrong-word"));
  close_place(&other);
}

static void expect_admitted(const char *where, const char *password_file) {
  place other = {0};
  tp_error error;
  tp_engine_options options = {.url = where,
                               .password_file = password_file,
                               .pool = "jobs",
                               .listen = on_event,
                               .context = &other};
  other.engine = tp_engine_open(&loop, &options, &error);
  EXPECT_OK(other.engine != NULL);
  await_event(&other, TP_ENGINE_UP, 1);
  close_place(&other);
}

static void a_password_is_needed_and_not_shown(void) {
  static const char *const more[] = {"--requirepass", "sesame", NULL};
  char path[96], where[160];
  begin(more);
  await_event(&at, TP_ENGINE_DOWN, 1);
  for (unsigned spent = 0; at.error.code != TP_DENIED; spent += 10) { /* it starts meanwhile */
    EXPECT(spent < PATIENCE);
    run_for(10);
  }
  snprintf(where, sizeof where, "redis+unix://:wrong-word@%s/redis.sock", directory);
  expect_denied(where);
  snprintf(where, sizeof where, "redis+unix://:%%73esame@%s/redis.sock", directory);
  expect_admitted(where, NULL);
  snprintf(path, sizeof path, "%s/password", directory);
  FILE *file = fopen(path, "we");
  EXPECT(file && fputs("sesame\n", file) >= 0 && fclose(file) == 0);
  expect_admitted(url, path);
  tell_server("-a sesame acl setuser worker on '>sesame' '~tp:*' '&tp:*' +@all");
  snprintf(where, sizeof where, "redis+unix://worker:sesame@%s/redis.sock", directory);
  expect_admitted(where, NULL);
  snprintf(where, sizeof where, "redis+unix://worker:wrong-word@%s/redis.sock", directory);
  expect_denied(where);
  end();
}

/* ---- addresses ---- */

static void databases_are_apart(void) {
  place other;
  char where[160];
  begin_up(NULL);
  uint64_t group = add_group();
  snprintf(where, sizeof where, "%s?db=3", url);
  open_place(&other, where, "jobs");
  await_event(&other, TP_ENGINE_UP, 1);
  EXPECT(ASK(ROWS_GROUPS, tp_engine_groups, other.engine, 0, 9) == TP_OK);
  EXPECT(said.answer.count == 0);
  tp_engine_plan plan = {.name = {"g", 1}, .ttl = 60};
  EXPECT(ASK(ROWS_NONE, tp_engine_add_group, other.engine, &plan) == TP_OK);
  EXPECT(said.answer.group == group); /* the same number, which must not be confused */
  EXPECT(ASK(ROWS_NONE, tp_engine_cancel, at.engine, group) == TP_OK);
  await_event(&at, TP_ENGINE_CANCEL, 1);
  EXPECT(ASK(ROWS_NONE, tp_engine_close_group, other.engine, group) == TP_OK);
  await_event(&other, TP_ENGINE_END, 1);
  EXPECT(other.told[TP_ENGINE_CANCEL] == 0);
  close_place(&other);
  end();
}

/* A port of loopback that is free now. */
static uint16_t find_port(void) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT(bind(fd, (struct sockaddr *)&name, size) == 0);
  EXPECT(getsockname(fd, (struct sockaddr *)&name, &size) == 0 && close(fd) == 0);
  return ntohs(name.sin_port);
}

static void a_host_is_found_by_its_name(void) {
  place other;
  char port[8], where[96];
  snprintf(port, sizeof port, "%u", (unsigned)find_port());
  const char *const more[] = {"--port", port, "--bind", "127.0.0.1", NULL};
  begin_up(more);
  snprintf(where, sizeof where, "redis://127.0.0.1:%s/2", port);
  expect_admitted(where, NULL);
  snprintf(where, sizeof where, "redis://localhost:%s", port);
  open_place(&other, where, "jobs"); /* may be ::1 first, where nobody listens */
  await_event(&other, TP_ENGINE_UP, 1);
  close_place(&other);
  open_place(&other, "redis://nowhere.invalid:1", "jobs");
  await_event(&other, TP_ENGINE_DOWN, 1);
  EXPECT(strstr(other.error.message, "nowhere.invalid:1") != NULL);
  close_place(&other);
  end();
}

static void what_another_version_wrote_is_not_understood(void) {
  begin_up(NULL);
  uint64_t group = add_group();
  EXPECT(submit(group, 0) == TP_OK && join("m") == TP_OK);
  tell_server("lset 'tp:{jobs}:q:1' 0 short");
  EXPECT(ASK(ROWS_ITEMS, tp_engine_claim, at.engine, "m", 2) == TP_IO_ERROR);
  end();
}

static const spec_case cases[] = {
    CASE(what_was_confirmed_survives_the_server),
    CASE(a_server_may_come_later),
    CASE(questions_on_the_way_are_answered_when_it_dies),
    CASE(a_mute_server_is_given_up),
    CASE(events_come_after_a_return),
    CASE(scripts_that_were_forgotten_are_loaded_again),
    CASE(a_full_server_refuses_work_and_takes_results),
    CASE(a_replica_warns_and_refuses),
    CASE(a_server_that_could_lose_work_is_warned_of),
    CASE(a_password_is_needed_and_not_shown),
    CASE(databases_are_apart),
    CASE(a_host_is_found_by_its_name),
    CASE(what_another_version_wrote_is_not_understood),
};

int main(int argc, char **argv) {
  if (!has_redis()) {
    puts("redis: skipped, there is no redis-server");
    return 0;
  }
  uv_loop_init(&loop);
  run_cases("redis", cases, COUNT(cases), argc, argv);
  EXPECT(uv_loop_close(&loop) == 0);
  return 0;
}

#else

int main(void) {
  puts("redis: skipped, this build is without hiredis");
  return 0;
}

#endif
