/* SPDX-License-Identifier: MIT
 *
 * Workers in C, calls from other threads, and loops of the embedder, in the public header.
 *
 * To add a case: a function and its line in `cases`. */
#define _GNU_SOURCE /* mallinfo2 */
#include "support/expect.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <malloc.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <taskpool.h>
#include <unistd.h>
#include <uv.h>

static tp_host *new_host(void) {
  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  EXPECT_OK(host != NULL);
  return host;
}

static tp_pool *new_pool(tp_host *host) {
  tp_error error;
  tp_pool *pool = tp_pool_create(host, NULL, &error);
  EXPECT_OK(pool != NULL);
  return pool;
}

/* What came of calls. */
typedef struct notes {
  int calls, errors;
  int64_t sum;
  tp_error error;
} notes;

static void on_done(void *context, const tp_error *error, const tp_value *results, size_t count) {
  notes *to = context;
  to->calls++;
  to->errors += error != NULL;
  if (error)
    to->error = *error;
  if (count > 0 && results[0].type == TP_INTEGER)
    to->sum += results[0].as.integer;
}

static void submit(tp_pool *pool, const char *function, int64_t argument, notes *told) {
  tp_error error;
  tp_value value = tp_integer(argument);
  EXPECT_OK(tp_pool_submit(pool, function, &value, 1, NULL, on_done, told, &error) != NULL);
}

static void run(tp_host *host) {
  tp_error error;
  EXPECT_OK(tp_host_run(host, &error));
}

static void run_text(tp_host *host, const char *text) {
  tp_error error;
  EXPECT_OK(tp_host_run_text(host, text, "=spec", &error));
}

/* ---- workers that have their results at once ---- */

/* Returns what it gets. */
static void echo(void *context, tp_work *work) {
  size_t count;
  const tp_value *args = tp_work_args(work, &count);
  EXPECT(context == NULL);
  tp_work_return(work, args, count);
}

static void refuse(void *context, tp_work *work) {
  tp_work_fail(work, TP_NOT_FOUND, "%s %d", (const char *)context, 42);
}

static void works_for_lua_and_c(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  EXPECT_OK(tp_host_register(host, "c.echo", echo, NULL, &error));
  EXPECT_OK(tp_host_register(host, "c.refuse", refuse, "nothing like", &error));
  EXPECT_ERROR(tp_host_register(host, "no name", echo, NULL, &error), TP_INVALID_ARGUMENT, "name");
  EXPECT_ERROR(tp_host_register(host, "c.none", NULL, NULL, &error), TP_INVALID_ARGUMENT, "worker");
  submit(pool, "c.echo", 7, &told);
  submit(pool, "c.refuse", 7, &told);
  run(host);
  EXPECT(told.sum == 7 && told.errors == 1 && told.error.code == TP_NOT_FOUND);
  EXPECT(strcmp(told.error.message, "nothing like 42") == 0);
  run_text(host, "local taskpool = require 'taskpool'\n"
                 "local pool = taskpool.TaskPool()\n"
                 "local deep = pool:submit('c.echo', { { list = { 1, 'two', { 3 } } } })\n"
                 "assert(deep.list[2] == 'two' and deep.list[3][1] == 3)\n"
                 "assert(select('#', pool:submit('c.echo', { 1, nil, 3, n = 3 })) == 3)\n"
                 "assert(pool:submit('c.echo', { ('x'):rep(100000) }) == ('x'):rep(100000))\n"
                 "assert(pool:submit('c.echo') == nil)\n"
                 "local ok, err = pcall(pool.submit, pool, 'c.refuse')\n"
                 "assert(not ok and err.code == 'NotFound' and err.message == 'nothing like 42')\n"
                 "ok, err = pcall(pool.submit, pool, 'c.echo', { print })\n"
                 "assert(not ok and tostring(err):find 'argument 1 holds a function', err)\n"
                 "assert(pool:map('c.echo', { 1 }) == 'map-echo-group-0')\n"
                 "pool:gather_and_close()\n");
  tp_host_destroy(host);
}

/* ---- workers that end later ---- */

/* Keeps a call. */
static void keep(void *context, tp_work *work) {
  *(tp_work **)context = work;
}

static void *finish_later(void *of) {
  tp_work *work = of;
  size_t count;
  int64_t argument = tp_work_args(work, &count)->as.integer;
  usleep(1000);
  if (argument % 2 == 0)
    tp_work_fail(work, TP_IO_ERROR, "even");
  else
    tp_work_return(work, &(tp_value){.type = TP_INTEGER, .as.integer = argument}, 1);
  return NULL;
}

/* Finishes each call in a thread of its own. */
static void hand_over(void *context, tp_work *work) {
  pthread_t thread;
  (void)context;
  EXPECT(pthread_create(&thread, NULL, finish_later, work) == 0);
  pthread_detach(thread);
}

static void ends_calls_from_other_threads(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  EXPECT_OK(tp_host_register(host, "hand_over", hand_over, NULL, &error));
  for (int i = 0; i < 100; i++)
    submit(pool, "hand_over", i, &told);
  run(host);
  EXPECT(told.calls == 100 && told.errors == 50 && told.sum == 2500);
  EXPECT(told.error.code == TP_IO_ERROR);
  tp_host_destroy(host);
}

static void ends_calls_later_in_its_own_thread(void) {
  tp_error error;
  notes told = {0};
  tp_work *work = NULL;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  EXPECT_OK(tp_host_register(host, "keep", keep, &work, &error));
  submit(pool, "keep", 1, &told);
  while (!work)
    EXPECT_OK(tp_host_run_once(host, 10, &error));
  EXPECT(told.calls == 0 && tp_host_is_busy(host) && !tp_work_is_cancelled(work));
  tp_value text = tp_string("results are copied");
  tp_work_return(work, &text, 1);
  run(host);
  EXPECT(told.calls == 1 && told.errors == 0);
  tp_host_destroy(host);
}

static void count_cancel(void *context, tp_work *work) {
  EXPECT(tp_work_is_cancelled(work));
  ++*(int *)context;
}

/* A call that is kept, and told of its cancel. */
typedef struct kept {
  tp_work *work;
  int cancels;
} kept;

static void keep_with_cancel(void *context, tp_work *work) {
  kept *to = context;
  to->work = work;
  tp_work_on_cancel(work, count_cancel, &to->cancels);
}

/* Runs a host until it has called the worker of a call. */
static void run_until_kept(tp_host *host, const kept *of) {
  tp_error error;
  while (!of->work)
    EXPECT_OK(tp_host_run_once(host, 10, &error));
}

/* A host with a pool, in which a call is kept. */
static tp_pool *keep_a_call(kept *of, notes *told) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  EXPECT_OK(tp_host_register(host, "keep", keep_with_cancel, of, &error));
  submit(pool, "keep", 1, told);
  run_until_kept(host, of);
  return pool;
}

static void tells_workers_of_cancels(void) {
  tp_error error;
  notes told = {0};
  kept of = {0};
  tp_pool *pool = keep_a_call(&of, &told);
  tp_host *host = tp_pool_host(pool);
  EXPECT_OK(tp_pool_cancel_all(pool, "enough", -1, &error));
  run(host); /* the task ends, whatever becomes of its call */
  EXPECT(told.errors == 1 && told.error.code == TP_CANCELLED && of.cancels == 1);
  tp_work_return(of.work, NULL, 0);
  of = (kept){0};
  tp_call_options options;
  tp_call_options_init(&options);
  options.timeout = 0.01;
  EXPECT_OK(tp_pool_submit(pool, "keep", NULL, 0, &options, on_done, &told, &error) != NULL);
  run(host);
  EXPECT(told.error.code == TP_TIMED_OUT && of.cancels == 1);
  tp_host_destroy(host);
  tp_work_return(of.work, NULL, 0); /* also when the host is gone */
}

static const char names[] =
    "local taskpool = require 'taskpool'\n"
    "taskpool.expose('shielded', function(name) taskpool.shield(1000, taskpool.find(name)) end)\n";

/* A task that is killed while it is shielded is not resumed before its end. */
static void tells_workers_of_kills_in_shields(void) {
  tp_error error;
  kept of = {0};
  tp_host *host = new_host();
  EXPECT_OK(tp_host_register(host, "keep", keep_with_cancel, &of, &error));
  EXPECT_OK(tp_host_run_text(host, names, "=names", &error));
  run_text(host, "local taskpool = require 'taskpool'\n"
                 "pool = taskpool.TaskPool { name = 'kills', cancel_grace = 0.01 }\n");
  tp_pool *pool = tp_pool_find(host, "TaskPool-kills", &error);
  EXPECT_OK(pool != NULL);
  EXPECT_OK(tp_pool_apply(pool, "shielded", (tp_value[]){tp_string("keep")}, 1, NULL, &error) !=
            NULL);
  run_until_kept(host, &of);
  EXPECT_OK(tp_pool_cancel_all(pool, NULL, -1, &error));
  run(host);
  EXPECT(of.cancels == 1);
  tp_work_return(of.work, NULL, 0);
  tp_host_destroy(host);
}

static void leaves_calls_that_are_never_finished_in_time(void) {
  notes told = {0};
  kept of = {0};
  tp_host_destroy(tp_pool_host(keep_a_call(&of, &told)));
  EXPECT(told.errors == 1 && of.cancels == 1);
  tp_work_fail(of.work, TP_IO_ERROR, "too late");
}

/* ---- calls from other threads ---- */

typedef struct post_box {
  tp_host *host;
  int calls, late, last;
  bool in_order;
} post_box;

typedef struct numbered {
  post_box *box;
  int number;
} numbered;

static void on_post(void *context, tp_host *host) {
  numbered of = *(numbered *)context;
  free(context);
  of.box->calls++;
  of.box->late += host == NULL;
  of.box->in_order = of.box->in_order && of.number > of.box->last;
  of.box->last = of.number;
}

static void *post_many(void *context) {
  post_box *box = context;
  for (int i = 1; i <= 1000; i++) {
    numbered *of = malloc(sizeof *of);
    *of = (numbered){box, i};
    EXPECT(tp_host_post(box->host, on_post, of, NULL));
  }
  return NULL;
}

static void posts_calls_from_another_thread(void) {
  tp_error error;
  pthread_t thread;
  post_box box = {.host = new_host(), .in_order = true};
  EXPECT(pthread_create(&thread, NULL, post_many, &box) == 0);
  while (box.calls < 1000)
    EXPECT_OK(tp_host_run_once(box.host, 10, &error));
  EXPECT(pthread_join(thread, NULL) == 0);
  EXPECT(box.in_order && box.late == 0);
  box = (post_box){.host = box.host, .in_order = true};
  post_many(&box);
  tp_host_destroy(box.host);
  EXPECT(box.calls == 1000 && box.late == 1000 && box.in_order);
  EXPECT_ERROR(tp_host_post(NULL, on_post, NULL, &error), TP_INVALID_ARGUMENT, "host");
}

/* ---- loops ---- */

static const char sleeper[] = "local taskpool = require 'taskpool'\n"
                              "taskpool.expose('nap', function(ms) taskpool.sleep(ms / 1000) "
                              "return ms end)\n";

static void runs_by_a_foreign_loop(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  run_text(host, sleeper);
  for (int i = 0; i < 20; i++)
    submit(pool, "nap", i, &told);
  struct pollfd events = {.fd = tp_host_fd(host), .events = POLLIN};
  int rounds = 0;
  while (tp_host_is_busy(host)) {
    poll(&events, 1, tp_host_timeout(host));
    EXPECT_OK(tp_host_run_once(host, 0, &error));
    rounds++;
  }
  EXPECT(told.calls == 20 && told.sum == 190 && rounds < 2000);
  EXPECT(tp_host_timeout(host) == -1 && tp_host_timeout(NULL) == -1 && tp_host_fd(NULL) == -1);
  EXPECT_OK(tp_host_run_once(host, 0, &error));
  tp_host_destroy(host);
}

/* A program with a loop of its own. */
typedef struct program {
  uv_loop_t loop;
  uv_timer_t timer;
  tp_host *host;
  tp_pool *pool;
  notes told;
  int ticks;
} program;

static void on_tick(uv_timer_t *timer) {
  program *of = timer->data;
  if (++of->ticks < 5)
    submit(of->pool, "nap", 1, &of->told);
  if (of->ticks == 5)
    uv_timer_stop(timer);
}

static tp_host *new_host_on(uv_loop_t *loop) {
  tp_error error;
  tp_host_options options;
  tp_host_options_init(&options);
  options.loop = loop;
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  return host;
}

static void runs_on_the_loop_of_a_program(void) {
  program of = {.ticks = 0};
  uv_loop_init(&of.loop);
  of.host = new_host_on(&of.loop);
  of.pool = new_pool(of.host);
  run_text(of.host, sleeper);
  submit(of.pool, "nap", 10, &of.told);
  uv_timer_init(&of.loop, &of.timer);
  of.timer.data = &of;
  uv_timer_start(&of.timer, on_tick, 3, 3);
  EXPECT(uv_run(&of.loop, UV_RUN_DEFAULT) == 0); /* ends when both have nothing left to do */
  EXPECT(of.told.calls == 5 && of.told.sum == 14);
  submit(of.pool, "nap", 1, &of.told); /* from outside of the loop */
  EXPECT(uv_run(&of.loop, UV_RUN_DEFAULT) == 0);
  EXPECT(of.told.calls == 6);
  uv_close((uv_handle_t *)&of.timer, NULL);
  tp_host_destroy(of.host);
  uv_run(&of.loop, UV_RUN_DEFAULT);
  EXPECT(uv_loop_close(&of.loop) == 0);
}

static void end_host(uv_timer_t *timer) {
  program *of = timer->data;
  tp_host_stop(of->host);
}

/* Nothing but a control server, or what a script has left, keeps the program's loop running. */
static void keeps_the_loop_of_a_program_alive(void) {
  tp_error error;
  program of = {.ticks = 0};
  char directory[] = "/tmp/taskpool-work-XXXXXX", address[80];
  EXPECT(mkdtemp(directory) != NULL);
  snprintf(address, sizeof address, "unix:%s/socket", directory);
  uv_loop_init(&of.loop);
  of.host = new_host_on(&of.loop);
  EXPECT(uv_run(&of.loop, UV_RUN_DEFAULT) == 0);
  run_text(of.host, "local taskpool = require 'taskpool'\n"
                    "left = taskpool.TaskPool { name = 'left' }\n"
                    "left:apply(taskpool.sleep, { args = { 0.01 } })\n");
  EXPECT(uv_run(&of.loop, UV_RUN_DEFAULT) == 0);
  EXPECT(tp_pool_num_ok(tp_pool_find(of.host, "TaskPool-left", &error)) == 1);
  EXPECT_OK(tp_host_serve(of.host, NULL, address, NULL, &error));
  EXPECT(uv_run(&of.loop, UV_RUN_NOWAIT) != 0);
  uv_timer_init(&of.loop, &of.timer);
  of.timer.data = &of;
  uv_timer_start(&of.timer, end_host, 10, 0);
  EXPECT(uv_run(&of.loop, UV_RUN_DEFAULT) == 0);
  uv_close((uv_handle_t *)&of.timer, NULL);
  tp_host_destroy(of.host);
  uv_run(&of.loop, UV_RUN_DEFAULT);
  EXPECT(uv_loop_close(&of.loop) == 0);
  EXPECT(rmdir(directory) == 0);
}

static void lives_in_the_state_of_a_program(void) {
  tp_error error;
  notes told = {0};
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  for (int i = 0; i < 2; i++) {
    tp_host_options options;
    tp_host_options_init(&options);
    options.lua_state = L;
    tp_host *host = tp_host_create(&options, &error);
    EXPECT_OK(host != NULL);
    EXPECT(tp_host_lua_state(host) == L && tp_host_loop(host) != NULL);
    tp_pool *pool = new_pool(host);
    run_text(host, sleeper);
    submit(pool, "nap", 1, &told);
    run(host);
    EXPECT(luaL_dostring(L, "global = (global or 0) + 1; return global") == LUA_OK);
    EXPECT(lua_tointeger(L, -1) == i + 1);
    lua_settop(L, 0);
    tp_host_destroy(host);
  }
  EXPECT(told.calls == 2);
  lua_close(L);
}

/* Bytes of a state. */
static void *count_bytes(void *context, void *block, size_t old_size, size_t new_size) {
  size_t *used = context;
  *used += new_size - (block ? old_size : 0);
  if (new_size > 0)
    return realloc(block, new_size);
  free(block);
  return NULL;
}

static void allocates_as_it_is_told(void) {
  tp_error error;
  size_t used = 0;
  tp_host_options options;
  tp_host_options_init(&options);
  options.allocate = count_bytes;
  options.allocate_context = &used;
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  EXPECT(used > 10000);
  tp_host_destroy(host);
  EXPECT(used == 0);
}

/* ---- the end ---- */

static void drains_with_a_deadline(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  run_text(host, sleeper);
  submit(pool, "nap", 10, &told);
  EXPECT_OK(tp_host_drain(host, 60, &error));
  EXPECT(told.sum == 10 && tp_pool_is_locked(pool));
  EXPECT_OK(tp_pool_unlock(pool, &error));
  submit(pool, "nap", 3600000, &told);
  EXPECT_ERROR(tp_host_drain(host, 0.01, &error), TP_TIMED_OUT, "cancelled");
  EXPECT(told.errors == 1 && told.error.code == TP_CANCELLED && !tp_host_is_busy(host));
  tp_host_destroy(host);
}

static void run_inside(void *context, const tp_error *error, const tp_value *results,
                       size_t count) {
  tp_error refusal = {0}, *into = &refusal;
  (void)error, (void)results, (void)count;
  EXPECT(!tp_host_run(context, into) && into->code == TP_INVALID_ARGUMENT);
  EXPECT(!tp_host_run_once(context, 0, into) && into->code == TP_INVALID_ARGUMENT);
  EXPECT(!tp_host_drain(context, 0, into) && into->code == TP_INVALID_ARGUMENT);
}

static void refuses_to_run_inside_itself(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  run_text(host, sleeper);
  tp_value none = tp_integer(0);
  EXPECT_OK(tp_pool_submit(pool, "nap", &none, 1, NULL, run_inside, host, &error) != NULL);
  run(host);
  tp_host_destroy(host);
}

static void destroy(void *context, const tp_error *error, const tp_value *results, size_t count) {
  (void)error, (void)results, (void)count;
  tp_host_destroy(context);
}

/* A host that is destroyed when its first task ends, while another one sleeps. */
static tp_host *new_doomed_host(uv_loop_t *loop, notes *told) {
  tp_error error;
  tp_value none = tp_integer(0);
  tp_host *host = loop ? new_host_on(loop) : new_host();
  tp_pool *pool = new_pool(host);
  run_text(host, sleeper);
  submit(pool, "nap", 3600000, told);
  EXPECT_OK(tp_pool_submit(pool, "nap", &none, 1, NULL, destroy, host, &error) != NULL);
  return host;
}

static void may_be_destroyed_in_a_callback(void) {
  tp_error error;
  notes told = {0};
  EXPECT_ERROR(tp_host_run(new_doomed_host(NULL, &told), &error), TP_CANCELLED, "callback");
  EXPECT_ERROR(tp_host_drain(new_doomed_host(NULL, &told), 10, &error), TP_CANCELLED, "callback");
  EXPECT_ERROR(tp_host_run_text(new_doomed_host(NULL, &told), "require 'taskpool'.sleep(3600)",
                                "=spec", &error),
               TP_CANCELLED, "callback");
  tp_host *host = new_doomed_host(NULL, &told);
  while (tp_host_run_once(host, 1, &error))
    ;
  EXPECT(error.code == TP_CANCELLED);
  uv_loop_t loop;
  uv_loop_init(&loop);
  new_doomed_host(&loop, &told);
  EXPECT(uv_run(&loop, UV_RUN_DEFAULT) == 0 && uv_loop_close(&loop) == 0);
  EXPECT(told.errors == 5 && told.error.code == TP_CANCELLED);
}

/* ---- a good citizen ---- */

/* Runs a child while the host is preempting, and returns its exit code. */
static void run_child(void *context, tp_work *work) {
  (void)context;
  sigset_t before, inside;
  sigprocmask(SIG_SETMASK, NULL, &before);
  pid_t child = fork();
  if (child == 0) {
    sigprocmask(SIG_SETMASK, NULL, &inside);
    for (int number = 1; number < SIGRTMAX; number++)
      if (sigismember(&inside, number) != sigismember(&before, number))
        _exit(1);
    usleep(50000); /* the preempting signal of the parent does not come here */
    execl("/bin/sh", "sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; exit 7",
          NULL);
    _exit(2);
  }
  int status;
  while (waitpid(child, &status, 0) < 0)
    ;
  tp_value code = tp_integer(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  tp_work_return(work, &code, 1);
}

static void leaves_children_alone(void) {
  tp_error error;
  notes told = {0};
  tp_host_options options;
  tp_host_options_init(&options);
  options.preempt = true;
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  tp_pool *pool = new_pool(host);
  EXPECT_OK(tp_host_register(host, "child", run_child, NULL, &error));
  submit(pool, "child", 0, &told);
  run(host);
  EXPECT(told.sum == 7);
  tp_host_destroy(host);
}

/* Uses most of the header once. */
static void live_once(void) {
  tp_error error;
  notes told = {0};
  tp_work *open = NULL;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host);
  tp_value text = tp_string("a text");
  run_text(host, sleeper);
  EXPECT_OK(tp_host_register(host, "keep", keep, &open, &error));
  EXPECT_OK(tp_host_register(host, "c.echo", echo, NULL, &error));
  EXPECT_OK(tp_pool_submit(pool, "c.echo", &text, 1, NULL, on_done, &told, &error) != NULL);
  submit(pool, "nap", 1, &told);
  submit(pool, "keep", 1, &told);
  while (told.calls < 2)
    EXPECT_OK(tp_host_run_once(host, 10, &error));
  tp_value_free(tp_pool_status(pool, &error));
  tp_host_destroy(host);
  EXPECT(told.calls == 3);
  tp_work_return(open, &text, 1);
}

static long live_often(int times) {
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < times; i++)
    live_once();
  return (long)(mallinfo2().uordblks - before);
}

/* A leak is what every batch leaves; see embed_spec.c. */
static void leaves_nothing_behind(void) {
  live_once();
  long leak = live_often(20);
  for (int i = 1; i < 100 && leak > 0; i++) {
    long left = live_often(20);
    leak = left < leak ? left : leak;
  }
  printf("work: leak=%ld\n", leak > 0 ? leak : 0);
  EXPECT(leak <= 0);
}

static const spec_case cases[] = {
    CASE(works_for_lua_and_c),
    CASE(ends_calls_from_other_threads),
    CASE(ends_calls_later_in_its_own_thread),
    CASE(tells_workers_of_cancels),
    CASE(tells_workers_of_kills_in_shields),
    CASE(leaves_calls_that_are_never_finished_in_time),
    CASE(posts_calls_from_another_thread),
    CASE(runs_by_a_foreign_loop),
    CASE(runs_on_the_loop_of_a_program),
    CASE(keeps_the_loop_of_a_program_alive),
    CASE(lives_in_the_state_of_a_program),
    CASE(allocates_as_it_is_told),
    CASE(drains_with_a_deadline),
    CASE(refuses_to_run_inside_itself),
    CASE(may_be_destroyed_in_a_callback),
    CASE(leaves_children_alone),
    CASE(leaves_nothing_behind),
};

int main(int argc, char **argv) {
  return run_cases("work", cases, COUNT(cases), argc, argv);
}
