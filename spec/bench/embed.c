/* SPDX-License-Identifier: MIT
 *
 * Ours: what the library costs a C program.
 *
 *   embed COUNT     prints, a number a line: microseconds and KiB of a host with a pool, of a
 * further pool; microseconds of a submit with its result from C, the same from Lua by name, of a
 * task of a worker in C, of the same worker in Lua */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <taskpool.h>
#include <time.h>
#include <unistd.h>

/* Calls that are under way at a time. */
enum { WINDOW = 100 };

static const char functions[] =
    "taskpool = require 'taskpool'\n"
    "taskpool.expose('lua_echo', function(...) return ... end)\n"
    "pool = taskpool.TaskPool()\n"
    "function submit(count)\n"
    "  for _ = 1, count // 100 do\n"
    "    local futures = {}\n"
    "    for i = 1, 100 do futures[i] = pool:submit_nowait('lua_echo', { i }) end\n"
    "    for i = 1, 100 do futures[i]:await() end\n"
    "  end\n"
    "end\n"
    "function map(name, count)\n"
    "  local i = 0\n"
    "  local function step() i = i + 1 return i <= count and i or nil end\n"
    "  pool:wait(pool:map(name, step, { num_concurrent = 100 }))\n"
    "  pool:flush()\n"
    "end\n";

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* Resident memory of this process, KiB. */
static double resident(void) {
  char text[100] = "", *second;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file && !fgets(text, sizeof text, file))
    *text = '\0';
  if (file)
    fclose(file);
  second = strchr(text, ' ');
  return second ? (double)(strtol(second, NULL, 10) * sysconf(_SC_PAGESIZE)) / 1024 : 0;
}

static void check(bool ok, const tp_error *error) {
  if (ok)
    return;
  fprintf(stderr, "%s: %s\n", error ? tp_code_name(error->code) : "wrong",
          error ? error->message : "not what was sent");
  exit(1); /* NOLINT(concurrency-mt-unsafe): there are no other threads */
}

/* What it costs to make hosts with a pool, and further pools. */
static void measure_making(int count) {
  tp_error error;
  tp_host **hosts = calloc((size_t)count, sizeof *hosts);
  double since = now(), before = resident();
  for (int i = 0; i < count; i++) {
    hosts[i] = tp_host_create(NULL, &error);
    check(hosts[i] && tp_pool_create(hosts[i], NULL, &error), &error);
  }
  printf("%f\n%f\n", (now() - since) / count, (resident() - before) / count);
  since = now();
  before = resident();
  for (int i = 0; i < count * 100; i++)
    check(tp_pool_create(hosts[0], NULL, &error) != NULL, &error);
  printf("%f\n%f\n", (now() - since) / count / 100, (resident() - before) / count / 100);
  for (int i = 0; i < count; i++)
    tp_host_destroy(hosts[i]);
  free(hosts);
}

/* Calls to be submitted. */
typedef struct load {
  tp_pool *pool;
  long left; /* to be submitted */
} load;

static void on_done(void *context, const tp_error *error, const tp_value *results, size_t count);

static void submit_next(load *of) {
  tp_error error;
  tp_value argument = tp_integer(of->left);
  if (of->left-- > 0)
    check(tp_pool_submit(of->pool, "lua_echo", &argument, 1, NULL, on_done, of, &error) != NULL,
          &error);
}

static void on_done(void *context, const tp_error *error, const tp_value *results, size_t count) {
  check(!error && count == 1 && results[0].type == TP_INTEGER, error);
  submit_next(context);
}

static double measure_submits(tp_host *host, tp_pool *pool, long count) {
  tp_error error;
  load of = {pool, count};
  double since = now();
  for (int i = 0; i < WINDOW; i++)
    submit_next(&of);
  check(tp_host_run(host, &error), &error);
  return (now() - since) / (double)count;
}

/* Runs a call of a function of `functions`, which makes `count` calls. */
static void measure_text(tp_host *host, const char *format, long count) {
  char text[100];
  tp_error error;
  snprintf(text, sizeof text, format, count);
  double since = now();
  check(tp_host_run_text(host, text, "=bench", &error), &error);
  printf("%f\n", (now() - since) / (double)count);
}

static void echo(void *context, tp_work *work) {
  size_t count;
  const tp_value *args = tp_work_args(work, &count);
  (void)context;
  tp_work_return(work, args, count);
}

int main(int argc, char **argv) {
  long count = argc > 1 ? strtol(argv[1], NULL, 10) : 100000;
  tp_error error;
  measure_making(20);
  tp_host_options options;
  tp_host_options_init(&options);
  options.preempt = true;
  tp_host *host = tp_host_create(&options, &error);
  check(host && tp_host_run_text(host, functions, "=functions", &error), &error);
  check(tp_host_register(host, "c_echo", echo, NULL, &error), &error);
  tp_pool *pool = tp_pool_create(host, NULL, &error);
  check(pool != NULL, &error);
  measure_submits(host, pool, count / 10); /* warms up */
  printf("%f\n", measure_submits(host, pool, count));
  measure_text(host, "submit(%ld)", count);
  measure_text(host, "map('c_echo', %ld)", count * 3);
  measure_text(host, "map('lua_echo', %ld)", count * 3);
  tp_host_destroy(host);
  return 0;
}
