/* SPDX-License-Identifier: MIT
 *
 * The public header, from outside: what a C program can do with a host, and what it is told when it
 * does it wrong.
 *
 * How it works: `cases` lists functions; each makes its own host, in a directory of its own, and
 * leaves nothing behind. EXPECT prints file and line of what does not hold and ends the program
 * with 1.
 *
 * To add a case: a function and its line in `cases`. */
#define _GNU_SOURCE /* mkdtemp, mallinfo2 */
#include "support/expect.h"
#include <taskpool.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* ---- what the cases share ---- */

static const char make_pool[] = "taskpool = require 'taskpool'\n"
                                "uv = require 'luv'\n"
                                "done = 0\n"
                                "function work(seconds)\n"
                                "  taskpool.sleep(seconds or 0)\n"
                                "  done = done + 1\n"
                                "end\n"
                                "pool = taskpool.TaskPool {name = 'jobs'}\n";

static void run(tp_host *host, const char *text) {
  tp_error error;
  EXPECT_OK(tp_host_run_text(host, text, "=spec", &error));
}

/* A host with a pool, quiet, which interrupts what never waits. */
static tp_host *new_host(void) {
  tp_error error;
  tp_host_options options = {.size = sizeof options, .preempt = true};
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  run(host, make_pool);
  return host;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

#define PATH_SIZE 256

/* A directory for one case. */
typedef struct place {
  char directory[64];
  char file[PATH_SIZE];    /* a Lua file in it */
  char socket[100];        /* a socket in it */
  char address[PATH_SIZE]; /* the same as an address */
} place;

static place new_place(void) {
  place at = {.directory = "/tmp/taskpool-embed-XXXXXX"};
  EXPECT(mkdtemp(at.directory) != NULL);
  snprintf(at.file, PATH_SIZE, "%s/script.lua", at.directory);
  snprintf(at.socket, sizeof at.socket, "%s/socket", at.directory);
  snprintf(at.address, PATH_SIZE, "unix:%s/socket", at.directory);
  return at;
}

/* Fails if a socket was left in it. */
static void leave_place(const place *at) {
  unlink(at->file);
  EXPECT(rmdir(at->directory) == 0);
}

static void write_script(const place *at, const char *text) {
  FILE *file = fopen(at->file, "w");
  EXPECT(file != NULL);
  fputs(text, file);
  fclose(file);
}

/* A log that keeps what it was told last. */
typedef struct journal {
  unsigned records;   /* how many came */
  unsigned breaks;    /* control bytes in all of them, but breaks with two blanks after them */
  tp_log_level level; /* of the last one */
  double time;        /* the same */
  long long task;     /* the same */
  char pool[64], group[64], error[64]; /* the same; "": none */
  char text[TP_ERROR_SIZE];            /* the last one */
} journal;

static void keep_record(void *context, const tp_log_record *record) {
  journal *to = context;
  to->records++;
  to->level = record->level;
  to->time = record->time;
  to->task = record->task;
  snprintf(to->pool, sizeof to->pool, "%s", record->pool ? record->pool : "");
  snprintf(to->group, sizeof to->group, "%s", record->group ? record->group : "");
  snprintf(to->error, sizeof to->error, "%s", record->error ? record->error : "");
  snprintf(to->text, sizeof to->text, "%s", record->message);
  EXPECT(record->size == sizeof *record);
  for (const char *byte = record->message; *byte; byte++)
    to->breaks += (unsigned char)*byte < ' ' && *byte != '\t' && strncmp(byte, "\n  ", 3) != 0;
}

/* ---- create ---- */

static void creates_hosts_with_and_without_options(void) {
  tp_error error;
  char modules[] = "/nowhere";
  tp_host_options options = {.size = sizeof options, .modules = modules, .log_level = TP_LOG_DEBUG};
  tp_host *plain = tp_host_create(NULL, NULL);
  tp_host *other = tp_host_create(&options, &error);
  EXPECT(plain && other);
  memset(modules, 'x', strlen(modules)); /* they keep a copy */
  memset(&options, 'x', sizeof options);
  run(plain, make_pool);
  run(other, make_pool);
  EXPECT_OK(tp_host_run(plain, &error) && tp_host_run(other, &error));
  tp_host_destroy(other);
  tp_host_destroy(plain);
  tp_host_destroy(NULL);
}

static void names_codes_and_levels(void) {
  EXPECT(strcmp(tp_code_name(TP_POOL_IS_CLOSED), "PoolIsClosed") == 0);
  EXPECT(tp_code_name(TP_OK) != NULL && tp_code_name((tp_code)99999) != NULL);
  EXPECT(strcmp(tp_log_level_name(TP_LOG_WARNING), "warning") == 0);
  EXPECT(tp_log_level_name((tp_log_level)99) != NULL);
  for (int level = TP_LOG_DEBUG; level <= TP_LOG_NONE; level++)
    EXPECT(tp_log_level_of(tp_log_level_name((tp_log_level)level)) == level);
  EXPECT(tp_log_level_of("loud") == -1 && tp_log_level_of("") == -1);
}

static void refuses_arguments_that_cannot_be(void) {
  tp_error error;
  char *arguments[] = {"one", NULL};
  tp_host *host = new_host();
  EXPECT_ERROR(tp_host_run_file(host, NULL, 0, NULL, &error), TP_INVALID_ARGUMENT, "path");
  EXPECT_ERROR(tp_host_run_file(host, "x.lua", -1, NULL, &error), TP_INVALID_ARGUMENT, "argc");
  EXPECT_ERROR(tp_host_run_file(host, "x.lua", 1, NULL, &error), TP_INVALID_ARGUMENT, "argv");
  EXPECT_ERROR(tp_host_run_file(host, "x.lua", 2, arguments, &error), TP_INVALID_ARGUMENT, "argv");
  EXPECT_ERROR(tp_host_run_text(host, NULL, "=jobs", &error), TP_INVALID_ARGUMENT, "text");
  EXPECT_ERROR(tp_host_run_text(host, "", NULL, &error), TP_INVALID_ARGUMENT, "name");
  EXPECT_ERROR(tp_host_expose(host, NULL, &error), TP_INVALID_ARGUMENT, "name");
  EXPECT_ERROR(tp_host_serve(host, NULL, NULL, NULL, &error), TP_INVALID_ARGUMENT, "address");
  EXPECT_ERROR(tp_host_run_file(NULL, "x.lua", 0, NULL, &error), TP_INVALID_ARGUMENT, "host");
  EXPECT_ERROR(tp_host_run_text(NULL, "", "=jobs", &error), TP_INVALID_ARGUMENT, "host");
  EXPECT_ERROR(tp_host_run(NULL, &error), TP_INVALID_ARGUMENT, "host");
  EXPECT_ERROR(tp_host_expose(NULL, "jobs", &error), TP_INVALID_ARGUMENT, "host");
  EXPECT_ERROR(tp_host_serve(NULL, NULL, "unix:x", NULL, &error), TP_INVALID_ARGUMENT, "host");
  EXPECT(!tp_host_run_text(host, NULL, NULL, NULL));
  tp_host_stop(NULL);
  EXPECT(tp_client_run(NULL) == TP_CLIENT_USAGE);
  tp_client_options negative = {.address = "unix:/none", .command = "ping", .timeout = -1};
  EXPECT(tp_client_run(&negative) == TP_CLIENT_USAGE);
  EXPECT(tp_log_level_of(NULL) == -1);
  tp_host_options options = {.size = sizeof options, .log_level = (tp_log_level)99};
  EXPECT_ERROR(tp_host_create(&options, &error) != NULL, TP_INVALID_ARGUMENT, "log_level");
  run(host, "assert(done == 0)"); /* it goes on */
  tp_host_destroy(host);
}

/* ---- preemption ---- */

/* A task that never waits is interrupted: a cancel ends it before its two seconds are over. It asks
 * for the time of day because ThreadSanitizer holds signals back until a call that it replaces. */
static void expect_preemption(tp_host *host) {
  run(host, "started, ended = false, false\n"
            "pool:apply(function()\n"
            "  started = true\n"
            "  local start = os.clock()\n"
            "  while os.clock() - start < 2 do os.time() end\n"
            "  ended = true\n"
            "end)\n"
            "repeat taskpool.sleep(0) until started\n"
            "pool:cancel_all()\n"
            "while pool.num_cancelled > 0 do taskpool.sleep(0.001) end\n"
            "assert(not ended, 'it was not interrupted')");
}

static bool is_blocked(int signal_number) {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, NULL, &now);
  return sigismember(&now, signal_number) == 1;
}

static void preempts_where_all_signals_are_blocked(void) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  tp_host *host = new_host();
  expect_preemption(host);
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    EXPECT(is_blocked(number));
  tp_host_destroy(host);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void *preempt(void *host) {
  expect_preemption(host);
  return NULL;
}

static void *make_host(void *context) {
  (void)context;
  return new_host();
}

/* The thread that ran it before is gone. */
static void preempts_in_whichever_thread_runs_it(void) {
  pthread_t thread;
  void *host;
  EXPECT(pthread_create(&thread, NULL, make_host, NULL) == 0);
  EXPECT(pthread_join(thread, &host) == 0);
  for (int i = 0; i < 3; i++) {
    expect_preemption(host);
    EXPECT(pthread_create(&thread, NULL, preempt, host) == 0);
    EXPECT(pthread_join(thread, NULL) == 0);
  }
  tp_host_destroy(host);
}

static void refuses_signals_that_cannot_be_used(void) {
  tp_error error;
  const int wrong[] = {9999, -1, SIGKILL, SIGSTOP, SIGSEGV, SIGCHLD, 32};
  for (size_t i = 0; i < COUNT(wrong); i++) {
    tp_host_options options = {.size = sizeof options, .preempt = true, .preempt_signal = wrong[i]};
    EXPECT_ERROR(tp_host_create(&options, &error) != NULL, TP_INVALID_ARGUMENT, "preempt_signal");
  }
}

static void on_foreign_signal(int number) {
  (void)number;
}

/* The handlers of all signals; those that cannot be asked for are NULL. */
typedef struct handlers {
  void (*of[65])(int);
} handlers;

static handlers handlers_now(void) {
  handlers now = {0};
  for (int number = 1; number < (int)COUNT(now.of); number++) {
    struct sigaction action;
    if (sigaction(number, NULL, &action) == 0)
      now.of[number] = action.sa_handler;
  }
  return now;
}

static void expect_handlers(const handlers *before) {
  handlers now = handlers_now();
  for (size_t i = 0; i < COUNT(now.of); i++)
    EXPECT(now.of[i] == before->of[i]);
}

static tp_host *new_host_with(int preempt_signal) {
  tp_error error;
  tp_host_options options = {
      .size = sizeof options, .preempt = true, .preempt_signal = preempt_signal};
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  run(host, make_pool);
  expect_preemption(host);
  return host;
}

static void puts_signal_handlers_back(void) {
  struct sigaction foreign = {.sa_handler = on_foreign_signal}, before;
  tp_host_destroy(new_host()); /* what libuv takes, it keeps */
  sigaction(SIGUSR2, &foreign, &before);
  sigaction(SIGRTMIN, &foreign, NULL);
  handlers then = handlers_now();
  tp_host *first = new_host_with(SIGUSR2), *second = new_host_with(0), *third = new_host_with(0);
  EXPECT(handlers_now().of[SIGRTMIN] == on_foreign_signal);
  tp_host_destroy(second);
  expect_preemption(third);
  expect_preemption(first);
  tp_host_destroy(first);
  tp_host_destroy(third);
  expect_handlers(&then);
  sigaction(SIGRTMIN, &before, NULL);
  sigaction(SIGUSR2, &before, NULL);
}

static void shares_a_signal_that_two_hosts_were_told_to_use(void) {
  tp_host *first = new_host_with(SIGUSR1), *second = new_host_with(SIGUSR1);
  tp_host_destroy(first);
  expect_preemption(second);
  tp_host_destroy(second);
}

static void lives_in_more_hosts_than_there_are_signals(void) {
  tp_host *hosts[40];
  for (size_t i = 0; i < COUNT(hosts); i++)
    hosts[i] = new_host();
  for (size_t i = 0; i < COUNT(hosts); i++) {
    if (i % 8 == 7)
      expect_preemption(hosts[i]);
    tp_host_destroy(hosts[i]);
  }
}

/* ---- run ---- */

static void runs_files_with_arguments(void) {
  tp_error error;
  char *arguments[] = {"one", "two words", ""};
  place at = new_place();
  tp_host *host = tp_host_create(NULL, &error);
  write_script(&at, "#!/usr/bin/env taskpool\n"
                    "local a, b, c, d = ...\n"
                    "assert(a == 'one' and b == 'two words' and c == '' and d == nil)\n"
                    "assert(#arg == 3 and arg[1] == a and arg[3] == c)\n"
                    "assert(arg[0]:match '/script.lua$')\n"
                    "local taskpool = require 'taskpool'\n"
                    "assert(taskpool.sleep(0.001) == nil)\n");
  EXPECT_OK(tp_host_run_file(host, at.file, 3, arguments, &error));
  write_script(&at, "assert(select('#', ...) == 0 and #arg == 0)");
  EXPECT_OK(tp_host_run_file(host, at.file, 0, NULL, &error));
  tp_host_destroy(host);
  leave_place(&at);
}

static void tells_what_is_wrong_with_a_file(void) {
  tp_error error;
  place at = new_place();
  tp_host *host = tp_host_create(NULL, &error);
  EXPECT_ERROR(tp_host_run_file(host, at.file, 0, NULL, &error), TP_SCRIPT_ERROR, at.file);
  EXPECT_ERROR(tp_host_run_file(host, at.directory, 0, NULL, &error), TP_SCRIPT_ERROR, "");
  write_script(&at, "local a = 1\nlocal b = = 2\n");
  EXPECT_ERROR(tp_host_run_file(host, at.file, 0, NULL, &error), TP_SCRIPT_ERROR, "script.lua:2:");
  write_script(&at, "local function inner() error 'not today' end\n\ninner()\n");
  EXPECT_ERROR(tp_host_run_file(host, at.file, 0, NULL, &error), TP_SCRIPT_ERROR, "not today");
  EXPECT(strstr(error.message, "stack traceback:") && strstr(error.message, "script.lua:3:"));
  write_script(&at, "\x1bLua");
  EXPECT_ERROR(tp_host_run_file(host, at.file, 0, NULL, &error), TP_SCRIPT_ERROR, "binary");
  EXPECT(!tp_host_run_file(host, "/nowhere/at/all.lua", 0, NULL, NULL));
  run(host, make_pool); /* it goes on */
  tp_host_destroy(host);
  leave_place(&at);
}

static void runs_texts_one_after_the_other(void) {
  tp_error error;
  tp_host *host = new_host();
  run(host, "answer = 42");
  run(host, "assert(answer == 42)");
  run(host, "");
  EXPECT_ERROR(tp_host_run_text(host, "x = = 1", "=jobs", &error), TP_SCRIPT_ERROR, "jobs:1:");
  EXPECT_ERROR(tp_host_run_text(host, "error(nil)", "=jobs", &error), TP_SCRIPT_ERROR, "nil");
  EXPECT_ERROR(tp_host_run_text(host, "error {}", "=jobs", &error), TP_SCRIPT_ERROR, "[]");
  EXPECT_ERROR(tp_host_run_text(host, "local function f() return 1 + f() end f()", "=jobs", &error),
               TP_SCRIPT_ERROR, "stack overflow");
  EXPECT_ERROR(tp_host_run_text(host,
                                "error(setmetatable({}, {__tostring = function() error 'no' end}))",
                                "=jobs", &error),
               TP_SCRIPT_ERROR, "");
  EXPECT(!tp_host_run_text(host, "error 'untold'", "=jobs", NULL));
  tp_host_destroy(host);
}

static void cuts_a_message_that_is_too_long(void) {
  tp_error error;
  tp_host *host = new_host();
  EXPECT_ERROR(tp_host_run_text(host, "error(('x'):rep(1000000), 0)", "=jobs", &error),
               TP_SCRIPT_ERROR, "xxx");
  EXPECT(strlen(error.message) < TP_ERROR_SIZE);
  tp_host_destroy(host);
}

static void runs_what_was_left_in_pools(void) {
  tp_error error;
  tp_host *host = new_host();
  EXPECT_OK(tp_host_run(host, &error)); /* nothing to do */
  run(host, "pool:apply(work, {args = {0.01}, num = 10}); assert(done == 0)");
  EXPECT_OK(tp_host_run(host, &error));
  run(host, "assert(done == 10 and pool.num_running == 0)");
  tp_host_destroy(host);
}

static void says_that_nothing_can_wake_a_task(void) {
  tp_error error;
  tp_host *host = new_host();
  EXPECT_ERROR(tp_host_run_text(host, "taskpool.Event():wait()", "=jobs", &error), TP_DEADLOCK,
               "1 task");
  run(host, "pool:apply(function() taskpool.Queue():get() end, {num = 2})");
  EXPECT_ERROR(tp_host_run(host, &error), TP_DEADLOCK, "2 tasks");
  EXPECT(tp_host_run(host, NULL)); /* they were ended; the host goes on */
  run(host, "assert(pool.num_running == 0)\n"
            "pool:apply(work, {num = 3})");
  EXPECT_OK(tp_host_run(host, &error));
  run(host, "assert(done == 3)");
  tp_host_destroy(host);
}

/* ---- log ---- */

static void logs_records_of_which_further_lines_begin_with_blanks(void) {
  tp_error error;
  journal told = {0};
  tp_host_options options = {
      .size = sizeof options, .log = keep_record, .log_context = &told, .log_level = TP_LOG_INFO};
  tp_host *host = tp_host_create(&options, &error);
  run(host, make_pool);
  EXPECT(told.records == 0); /* debug: "initialized" */
  run(host, "taskpool.log.info('one\\r\\n  two\\27[31m')");
  EXPECT(told.records == 1 && told.level == TP_LOG_INFO);
  EXPECT(strstr(told.text, "one") && strstr(told.text, "two"));
  EXPECT(told.task == -1 && !*told.pool && !*told.group && !*told.error);
  run(host, "pool:apply(function() error 'first\\nsecond' end, {group_name = 'work'})");
  EXPECT_OK(tp_host_run(host, &error));
  EXPECT(told.records == 2 && told.level == TP_LOG_ERROR);
  EXPECT(strstr(told.text, "TaskPool-jobs_Task-0") && strstr(told.text, "second"));
  EXPECT(strcmp(told.pool, "TaskPool-jobs") == 0 && strcmp(told.group, "work") == 0);
  EXPECT(told.task == 0 && strcmp(told.error, "ScriptError") == 0);
  EXPECT(difftime(time(NULL), (time_t)told.time) < 60);
  run(host, "taskpool.log.level = 'error'; pool:lock(); taskpool.log.warning 'unheard'");
  EXPECT(told.records == 2);
  run(host, "taskpool.log.error(('x'):rep(100000))");
  EXPECT(told.records == 3 && told.breaks == 0);
  tp_host_destroy(host);
}

static void logs_errors_of_luv_callbacks(void) {
  tp_error error;
  journal told = {0};
  tp_host_options options = {.size = sizeof options,
                             .log = keep_record,
                             .log_context = &told,
                             .log_level = TP_LOG_WARNING};
  tp_host *host = tp_host_create(&options, &error);
  run(host, make_pool);
  run(host, "local timer = uv.new_timer()\n"
            "timer:start(1, 0, function() timer:close() error 'in a timer' end)\n"
            "taskpool.sleep(0.02)\n");
  EXPECT(told.records == 1 && strstr(told.text, "in a timer") && told.level == TP_LOG_ERROR);
  tp_host_destroy(host);
}

/* What tp_log_to_file makes of a record, from malloc. */
static char *write_record(const tp_log_record *record, bool json) {
  char *text = NULL;
  size_t length = 0;
  FILE *file = open_memstream(&text, &length);
  tp_log_file log = {.file = file, .json = json};
  tp_log_to_file(&log, record);
  fclose(file);
  return text;
}

static void writes_records_to_a_file(void) {
  tp_log_record record = {.level = TP_LOG_ERROR, .time = 0.5, .task = -1, .message = "no disk"};
  setenv("TZ", "UTC-1", 1);
  char *text = write_record(&record, false);
  EXPECT(strcmp(text, "1970-01-01 01:00:00.500 error no disk\n") == 0);
  free(text);
  text = write_record(&record, true);
  EXPECT(strcmp(text, "{\"time\":\"1970-01-01T00:00:00.500Z\",\"level\":\"error\","
                      "\"message\":\"no disk\"}\n") == 0);
  free(text);
}

static void writes_all_fields_as_json(void) {
  tp_log_record record = {.level = TP_LOG_WARNING,
                          .time = 1700000000.123,
                          .pool = "TaskPool-\"\xff",
                          .group = "a\nb",
                          .task = 0,
                          .thread = 2,
                          .error = "TimedOut",
                          .message = "one\n  two\t\\ \xc3\xa4 \x01"};
  char *text = write_record(&record, true);
  EXPECT(strcmp(text,
                "{\"time\":\"2023-11-14T22:13:20.123Z\",\"level\":\"warning\","
                "\"pool\":\"TaskPool-\\\"\\\\xff\",\"group\":\"a\\n  b\",\"task\":0,\"thread\":2,"
                "\"error\":\"TimedOut\",\"message\":\"one\\n  two\\u0009\\\\ \xc3\xa4 \\u0001\"}"
                "\n") == 0);
  free(text);
}

/* A line of JSON is whole, and no longer than a pipe takes at once. */
static void cuts_long_messages_in_json(void) {
  char message[4000];
  memset(message, '"', sizeof message);
  message[sizeof message - 1] = '\0';
  tp_log_record record = {.level = TP_LOG_ERROR, .task = -1, .message = message};
  char *text = write_record(&record, true);
  size_t length = strlen(text);
  EXPECT(length > 2000 && length <= PIPE_BUF && strcmp(text + length - 3, "\"}\n") == 0);
  EXPECT(strstr(text, "bytes left out"));
  free(text);
}

/* ---- serve ---- */

/* A client in a thread of its own, and what it came to. */
typedef struct visit {
  tp_host *host;           /* stopped afterwards */
  const char *address;     /* where to go */
  const char *command;     /* what to say */
  tp_client_result result; /* how it went */
  char *out, *err;         /* what was said */
} visit;

static void *make_visit(void *context) {
  visit *of = context;
  size_t out_size, err_size;
  FILE *out = open_memstream(&of->out, &out_size), *err = open_memstream(&of->err, &err_size);
  tp_client_options options = {
      .address = of->address, .command = of->command, .out = out, .err = err};
  of->result = tp_client_run(&options);
  fclose(out);
  fclose(err);
  tp_host_stop(of->host);
  return NULL;
}

/* Sends a command to a host that runs meanwhile, and expects that result and that text. */
static void expect_answer(tp_host *host, const char *address, const char *command,
                          tp_client_result wanted, const char *text) {
  tp_error error;
  pthread_t thread;
  visit of = {.host = host, .address = address, .command = command};
  EXPECT(pthread_create(&thread, NULL, make_visit, &of) == 0);
  EXPECT_OK(tp_host_run(host, &error));
  pthread_join(thread, NULL);
  if (of.result != wanted || (!strstr(of.out, text) && !strstr(of.err, text)))
    fprintf(stderr, "%s: %d\n%s%s", command, (int)of.result, of.out, of.err);
  EXPECT(of.result == wanted && (strstr(of.out, text) || strstr(of.err, text)));
  free(of.out);
  free(of.err);
}

static void serves_unix_sockets(void) {
  tp_error error;
  struct stat found;
  place at = new_place();
  tp_host *host = new_host();
  EXPECT_OK(tp_host_serve(host, "TaskPool-jobs", at.address, NULL, &error));
  EXPECT(stat(at.socket, &found) == 0 && S_ISSOCK(found.st_mode));
  EXPECT((found.st_mode & 0777) == 0600);
  EXPECT_ERROR(tp_host_serve(host, NULL, at.address, NULL, &error), TP_IO_ERROR, at.socket);
  expect_answer(host, at.address, "pool-size 7", TP_CLIENT_DONE, "ok");
  EXPECT(access(at.socket, F_OK) != 0); /* the stop closed the server */
  EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
  expect_answer(host, at.address, "pool-size", TP_CLIENT_DONE, "7");
  EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
  tp_host_destroy(host);
  leave_place(&at);
}

/* A port that nobody listens at, nearly surely. */
static int free_port(void) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT(fd >= 0 && bind(fd, (struct sockaddr *)&name, size) == 0);
  EXPECT(getsockname(fd, (struct sockaddr *)&name, &size) == 0);
  close(fd);
  return ntohs(name.sin_port);
}

static void serves_tcp_on_loopback(void) {
  tp_error error;
  char address[PATH_SIZE];
  tp_host *host = new_host(), *other = new_host();
  snprintf(address, sizeof address, "tcp://127.0.0.1:%d", free_port());
  EXPECT_OK(tp_host_serve(host, NULL, address, NULL, &error));
  EXPECT_ERROR(tp_host_serve(other, NULL, address, NULL, &error), TP_IO_ERROR, address + 6);
  expect_answer(host, address, "num-running", TP_CLIENT_DONE, "0");
  tp_host_destroy(other);
  tp_host_destroy(host);
}

static void refuses_addresses(void) {
  static const struct {
    const char *address;
    tp_code code;
  } wrong[] = {
      {"", TP_INVALID_ARGUMENT},
      {"unix:", TP_INVALID_ARGUMENT},
      {"socket", TP_INVALID_ARGUMENT},
      {"http://127.0.0.1:80", TP_INVALID_ARGUMENT},
      {"tcp://", TP_INVALID_ARGUMENT},
      {"tcp://127.0.0.1", TP_INVALID_ARGUMENT},
      {"tcp://127.0.0.1:", TP_INVALID_ARGUMENT},
      {"tcp://127.0.0.1:65536", TP_INVALID_ARGUMENT},
      {"tcp://127.0.0.1:-1", TP_INVALID_ARGUMENT},
      {"tcp://example.org:8001", TP_INVALID_ARGUMENT},
      {"tcp://0.0.0.0:8001", TP_DENIED},
      {"tcp://192.0.2.1:8001", TP_DENIED},
      {"tcp://[::]:8001", TP_DENIED},
      {"tcp://[2001:db8::1]:8001", TP_DENIED},
      {"unix:/nowhere/at/all", TP_IO_ERROR},
  };
  tp_error error;
  tp_host *host = new_host();
  for (size_t i = 0; i < COUNT(wrong); i++)
    EXPECT_ERROR(tp_host_serve(host, NULL, wrong[i].address, NULL, &error), wrong[i].code, "");
  char long_path[PATH_SIZE] = "unix:/tmp/";
  memset(long_path + strlen(long_path), 'x', PATH_SIZE - 1 - strlen(long_path));
  EXPECT_ERROR(tp_host_serve(host, NULL, long_path, NULL, &error), TP_INVALID_ARGUMENT, "bytes");
  EXPECT_ERROR(tp_host_serve(host, "TaskPool-none", "unix:/nowhere/at/all", NULL, &error),
               TP_NOT_FOUND, "TaskPool-none");
  EXPECT(!tp_host_serve(host, NULL, "tcp://0.0.0.0:8001", NULL, NULL));
  EXPECT_OK(tp_host_run(host, &error)); /* no server is open */
  tp_host_destroy(host);
}

static void lets_sessions_use_what_is_exposed(void) {
  tp_error error;
  place at = new_place();
  tp_host *host = new_host();
  EXPECT_ERROR(tp_host_expose(host, "", &error), TP_INVALID_ARGUMENT, "");
  EXPECT_ERROR(tp_host_expose(host, "a..b", &error), TP_INVALID_ARGUMENT, "a..b");
  EXPECT_ERROR(tp_host_expose(host, "../a", &error), TP_INVALID_ARGUMENT, "../a");
  EXPECT(!tp_host_expose(host, "*", NULL));
  EXPECT_OK(tp_host_expose(host, "jobs.work", &error));
  run(host, "package.loaded.jobs = {work = work, other = function() end}");
  static const struct {
    const char *command;
    tp_client_result result;
    const char *text;
  } steps[] = {
      {"apply jobs.other", TP_CLIENT_FAILED, "NotFound"},
      {"apply os.execute -a ['true']", TP_CLIENT_FAILED, "NotFound"},
      {"apply jobs.work -g g", TP_CLIENT_DONE, "g"},
  };
  for (size_t i = 0; i < COUNT(steps); i++) {
    EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
    expect_answer(host, at.address, steps[i].command, steps[i].result, steps[i].text);
  }
  tp_host_destroy(host);
  leave_place(&at);
}

static void finds_modules_beside_the_first_file_that_runs(void) {
  tp_error error;
  place at = new_place();
  tp_host *host = new_host();
  EXPECT(!tp_host_run_file(host, "/nowhere/at/all.lua", 0, NULL, &error));
  write_script(&at, "beside = arg[0]:gsub('script.lua$', 'beside.lua')\n"
                    "local file = io.open(beside, 'w')\n"
                    "file:write('return {work = function() end}')\n"
                    "file:close()\n");
  EXPECT_OK(tp_host_run_file(host, at.file, 0, NULL, &error));
  EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
  expect_answer(host, at.address, "apply beside.work -g g", TP_CLIENT_DONE, "g");
  EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
  expect_answer(host, at.address, "apply script.work", TP_CLIENT_FAILED, "NotFound");
  run(host, "os.remove(beside)");
  tp_host_destroy(host);
  leave_place(&at);
}

static void tells_clients_why_they_failed(void) {
  tp_client_options nobody = {.address = "unix:/nowhere/at/all", .command = "pool-size"};
  tp_client_options malformed = {.address = "nowhere", .command = "pool-size"};
  char *text = NULL;
  size_t length = 0;
  FILE *err = open_memstream(&text, &length);
  nobody.err = malformed.err = err;
  EXPECT(tp_client_run(&nobody) == TP_CLIENT_NO_CONNECTION);
  EXPECT(tp_client_run(&malformed) == TP_CLIENT_USAGE);
  fclose(err);
  EXPECT(length > 0);
  free(text);
}

/* ---- stop ---- */

static void *stop_soon(void *context) {
  const struct timespec pause = {.tv_nsec = 20000000};
  nanosleep(&pause, NULL);
  tp_host_stop(context);
  tp_host_stop(context);
  return NULL;
}

static void stops_for_another_thread(void) {
  tp_error error;
  pthread_t thread;
  tp_host *host = new_host();
  run(host,
      "cleaned = 0\n"
      "pool:apply(function()\n"
      "  local _ <close> = setmetatable({}, {__close = function() cleaned = cleaned + 1 end})\n"
      "  work(3600)\n"
      "end, {num = 5})\n");
  EXPECT(pthread_create(&thread, NULL, stop_soon, host) == 0);
  EXPECT_OK(tp_host_run(host, &error));
  pthread_join(thread, NULL);
  run(host, "assert(cleaned == 5 and done == 0 and pool.num_running == 0)");
  EXPECT(pthread_create(&thread, NULL, stop_soon, host) == 0);
  EXPECT_ERROR(tp_host_run_text(host, "taskpool.sleep(3600)", "=jobs", &error), TP_CANCELLED,
               "tp_host_stop");
  pthread_join(thread, NULL);
  tp_host_destroy(host);
}

/* A handler has no argument. */
static tp_host *volatile host_to_stop;

static void on_alarm(int signal_number) {
  (void)signal_number;
  tp_host_stop(host_to_stop);
}

static void stops_for_a_signal_handler(void) {
  tp_error error;
  struct sigaction action = {.sa_handler = on_alarm}, before;
  struct itimerval soon = {.it_value.tv_usec = 20000};
  place at = new_place();
  host_to_stop = new_host();
  run(host_to_stop, "pool:apply(work, {args = {3600}, num = 5})");
  EXPECT_OK(tp_host_serve(host_to_stop, NULL, at.address, NULL, &error));
  EXPECT(sigaction(SIGALRM, &action, &before) == 0 && setitimer(ITIMER_REAL, &soon, NULL) == 0);
  EXPECT_OK(tp_host_run(host_to_stop, &error));
  sigaction(SIGALRM, &before, NULL);
  run(host_to_stop, "assert(done == 0 and pool.num_running == 0)");
  tp_host_destroy(host_to_stop);
  leave_place(&at);
}

static void stops_before_it_runs(void) {
  tp_error error;
  tp_host *host = new_host();
  run(host, "pool:apply(work, {args = {3600}, num = 5})");
  tp_host_stop(host);
  EXPECT_OK(tp_host_run(host, &error));
  run(host, "assert(done == 0 and pool.num_running == 0)");
  tp_host_stop(host);
  tp_host_destroy(host);
}

/* ---- destroy ---- */

/* What may be under way when a host is destroyed. */
static const char *const left_behind[] = {
    /* nothing has started */
    "pool:apply(work, {num = 1000})",
    /* asleep, and waiting for each other */
    "pool:apply(work, {args = {3600}, num = 1000}); taskpool.sleep(0.01)",
    "pool:apply(function() taskpool.Event():wait() end, {num = 10}); taskpool.sleep(0.01)",
#ifndef __SANITIZE_THREAD__ /* it does not see the longjmp of a yield, and its stack overflows */
    /* ready to run, and waiting for room */
    "pool.pool_size = 3; pool:apply(function() while true do taskpool.yield() end end, {num = "
    "10})\n"
    "taskpool.sleep(0.01)",
#endif
    /* an iterator that waits, and one without end */
    "pool:map(work, function() taskpool.sleep(3600) end); taskpool.sleep(0.01)",
    "pool:map(work, function() return 0.001 end, {num_concurrent = 10}); taskpool.sleep(0.01)",
    /* cleanup that waits */
    "pool:apply(function()\n"
    "  local _ <close> = setmetatable({}, {__close = function() pcall(taskpool.sleep, 1) end})\n"
    "  taskpool.sleep(3600)\n"
    "end, {num = 3, cancel_callback = function() taskpool.sleep(0.01) end})\n"
    "taskpool.sleep(0.01)",
    /* requests on the thread pool: files and names, with and without somebody who waits */
    "for _ = 1, 50 do uv.fs_stat('/', function() error 'called' end) end",
    "pool:apply(function() taskpool.await(uv.fs_stat, '/') end, {num = 20}); taskpool.yield()",
    "uv.getaddrinfo('localhost', nil, {}, function() error 'called' end)",
    "pool:apply(function() taskpool.await(uv.getaddrinfo, 'localhost', nil, {}) end)\n"
    "taskpool.yield()",
    /* handles of luv's: active, idle, closing, forgotten */
    "for _ = 1, 10 do uv.new_timer():start(3600000, 0, function() end) end",
    "for _ = 1, 10 do uv.new_timer() end",
    "timers = {}; for i = 1, 10 do timers[i] = uv.new_timer() end timers[1]:close()",
    "local timer = uv.new_timer(); timer:start(1, 1, function() end); taskpool.sleep(0.01)",
    "server = uv.new_tcp(); server:bind('127.0.0.1', 0)\n"
    "server:listen(1, function() error 'called' end)\n"
    "client = uv.new_tcp(); client:connect('127.0.0.1', server:getsockname().port, function() end)",
    "reader = uv.new_pipe(); local pipe = uv.pipe(); reader:open(pipe.read)\n"
    "reader:read_start(function() error 'called' end)\n"
    "writer = uv.new_pipe(); writer:open(pipe.write); writer:write(('x'):rep(1000000))",
    "signal = uv.new_signal(); signal:start('sigusr2', function() end)",
    "async = uv.new_async(function() error 'called' end); async:send()",
    "process = uv.spawn('true', {}, function() error 'called' end)",
    "idle = uv.new_idle(); idle:start(function() end)",
    /* a control server with nobody, and a script that has changed what it needs */
    "require('taskpool.control').serve {pool, tcp = '127.0.0.1:0'}",
    "for name in pairs(package.loaded) do package.loaded[name] = nil end\n"
    "pcall, error, coroutine = nil\n"
    "setmetatable(_G, {__gc = function() error 'in a finalizer' end})",
    "setmetatable({}, {__gc = function() taskpool.sleep(1) end})",
    "setmetatable({}, {__gc = function() pool:apply(work, {num = 10}) end})",
    "setmetatable({}, {__gc = function() taskpool.TaskPool():apply(work, {num = 10}) end})",
    "setmetatable({}, {__gc = function() taskpool.run(work, 0) end})",
    "setmetatable({}, {__gc = function()\n"
    "  require('taskpool.control').serve {pool, tcp = '127.0.0.1:0'} end})",
    "setmetatable({}, {__gc = function() uv.new_timer():start(1, 0, function() end) end})",
    "setmetatable({}, {__gc = function() uv.fs_stat('/', function() end) end})",
    /* finalizers all the time: also while the host is being closed */
    "collectgarbage('generational', 1, 1)\n"
    "local function again()\n"
    "  setmetatable({}, {__gc = function() again() uv.new_timer():start(1, 0, print) end})\n"
    "end\n"
    "again()",
    "setmetatable({}, {__gc = function() assert(uv.fs_stat('/')) os.remove(kept) end})\n"
    "kept = os.tmpname()",
};

static void destroys_whatever_is_under_way(void) {
  double begin = now();
  for (size_t i = 0; i < COUNT(left_behind); i++) {
    double start = now();
    tp_host *host = new_host();
    run(host, left_behind[i]);
    tp_host_destroy(host);
    if (now() - start > 1.5)
      fprintf(stderr, "destroying took %.1f s after: %s\n", now() - start, left_behind[i]);
    EXPECT(now() - start <= 1.5 || getenv("TASKPOOL_SLOW") != NULL);
  }
  printf("destroy: cases=%zu seconds=%.2f\n", COUNT(left_behind), now() - begin);
}

static void destroys_a_host_with_clients(void) {
  tp_error error;
  place at = new_place();
  tp_host *host = new_host();
  struct sockaddr_un_text {
    sa_family_t family;
    char path[100];
  } name = {.family = AF_UNIX};
  int clients[20];
  snprintf(name.path, sizeof name.path, "%s", at.socket);
  EXPECT_OK(tp_host_serve(host, NULL, at.address, NULL, &error));
  for (size_t i = 0; i < COUNT(clients); i++) {
    clients[i] = socket(AF_UNIX, SOCK_STREAM, 0);
    EXPECT(connect(clients[i], (struct sockaddr *)&name, sizeof name) == 0);
    EXPECT(write(clients[i], "until-closed\nnum-run", i % 2 ? 13 : 20) > 0);
  }
  run(host, "taskpool.sleep(0.02)"); /* their first command waits now */
  tp_host_destroy(host);
  for (size_t i = 0; i < COUNT(clients); i++)
    close(clients[i]);
  leave_place(&at);
}

/* ---- many hosts ---- */

/* A short life: a script, a server, some tasks. */
static void live_once(const char *address) {
  tp_error error;
  tp_host *host = new_host();
  EXPECT_OK(tp_host_serve(host, NULL, address, NULL, &error));
  run(host, "pool:map(work, {0, 0.001, 0}, {num_concurrent = 2})\n"
            "pool:apply(function() error 'no' end)\n"
            "assert(taskpool.await(uv.fs_stat, '/').type == 'directory')\n"
            "repeat taskpool.sleep(0.001) until done == 3\n"
            "pool:apply(work, {args = {3600}, num = 3})\n");
  tp_host_destroy(host);
}

#define ROUNDS 30

static void *live_often(void *context) {
  place at = new_place();
  (void)context;
  for (int i = 0; i < ROUNDS; i++)
    live_once(at.address);
  leave_place(&at);
  return NULL;
}

static void lives_in_several_threads(void) {
  pthread_t threads[2];
  for (size_t i = 0; i < COUNT(threads); i++)
    EXPECT(pthread_create(&threads[i], NULL, live_often, NULL) == 0);
  for (size_t i = 0; i < COUNT(threads); i++)
    pthread_join(threads[i], NULL);
  printf("embed: threads=%zu hosts=%d\n", COUNT(threads), ROUNDS * (int)COUNT(threads));
}

static int count_descriptors(void) {
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  EXPECT(directory != NULL);
  while (readdir(directory)) /* NOLINT(concurrency-mt-unsafe): the stream is ours */
    count++;
  closedir(directory);
  return count;
}

#define BATCHES 100
#define CYCLES 2000

/* What is left of a batch of hosts: bytes and descriptors. */
static long left_by_a_batch(const place *at) {
  int descriptors = count_descriptors();
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < CYCLES / BATCHES; i++)
    live_once(at->address);
  return (long)(mallinfo2().uordblks - before) + count_descriptors() - descriptors;
}

/* The heap keeps some freed memory in use for later, more and more at first; a leak is what every
 * batch leaves. Under a sanitizer the heap is another, and its own report of leaks counts. */
static void leaves_nothing_behind(void) {
  place at = new_place();
  live_once(at.address);
  long leak = left_by_a_batch(&at);
  for (int i = 1; i < BATCHES && leak > 0; i++) {
    long left = left_by_a_batch(&at);
    leak = left < leak ? left : leak;
  }
  leak = leak > 0 ? leak : 0;
  printf("embed: leak=%ld\n", leak);
  EXPECT(leak == 0);
  leave_place(&at);
}

/* ---- all of them ---- */

static const spec_case cases[] = {
    CASE(creates_hosts_with_and_without_options),
    CASE(names_codes_and_levels),
    CASE(refuses_arguments_that_cannot_be),
    CASE(preempts_where_all_signals_are_blocked),
    CASE(preempts_in_whichever_thread_runs_it),
    CASE(refuses_signals_that_cannot_be_used),
    CASE(puts_signal_handlers_back),
    CASE(shares_a_signal_that_two_hosts_were_told_to_use),
    CASE(lives_in_more_hosts_than_there_are_signals),
    CASE(runs_files_with_arguments),
    CASE(tells_what_is_wrong_with_a_file),
    CASE(runs_texts_one_after_the_other),
    CASE(cuts_a_message_that_is_too_long),
    CASE(runs_what_was_left_in_pools),
    CASE(says_that_nothing_can_wake_a_task),
    CASE(logs_records_of_which_further_lines_begin_with_blanks),
    CASE(logs_errors_of_luv_callbacks),
    CASE(writes_records_to_a_file),
    CASE(writes_all_fields_as_json),
    CASE(cuts_long_messages_in_json),
    CASE(serves_unix_sockets),
    CASE(serves_tcp_on_loopback),
    CASE(refuses_addresses),
    CASE(lets_sessions_use_what_is_exposed),
    CASE(finds_modules_beside_the_first_file_that_runs),
    CASE(tells_clients_why_they_failed),
    CASE(stops_for_another_thread),
    CASE(stops_for_a_signal_handler),
    CASE(stops_before_it_runs),
    CASE(destroys_whatever_is_under_way),
    CASE(destroys_a_host_with_clients),
    CASE(lives_in_several_threads),
    CASE(leaves_nothing_behind),
};

/* An argument picks the cases whose names it is a part of. */
int main(int argc, char **argv) {
  return run_cases("embed", cases, COUNT(cases), argc, argv);
}
