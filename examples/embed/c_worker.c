/* SPDX-License-Identifier: MIT
 *
 * C functions as tasks: Lua code and control sessions call them by their names.
 *
 *     embed-c_worker [SOCKET]     then: taskpool control unix SOCKET map sums.add "[1,2,3]"
 *                                 and:  taskpool control unix SOCKET submit sums.slow_add -a
 * "[20,22]"
 *
 * Without SOCKET it maps both functions itself, prints what they return, and ends. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <taskpool.h>
#include <time.h>

/* The sum of the integers among the arguments. */
static tp_value sum_of(const tp_work *work) {
  size_t count;
  const tp_value *args = tp_work_args(work, &count);
  int64_t sum = 0;
  for (size_t i = 0; i < count; i++)
    sum += args[i].type == TP_INTEGER ? args[i].as.integer : 0;
  return tp_integer(sum);
}

/* A worker that has its result at once. */
static void add(void *context, tp_work *work) {
  (void)context;
  tp_value sum = sum_of(work);
  tp_work_return(work, &sum, 1);
}

static void *add_slowly(void *of) {
  tp_work *work = of;
  nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
  tp_value sum = sum_of(work);
  tp_work_return(work, &sum, 1);
  return NULL;
}

/* A worker whose result comes later, from a thread of its own. Its task waits meanwhile. */
static void slow_add(void *context, tp_work *work) {
  (void)context;
  pthread_t thread;
  if (pthread_create(&thread, NULL, add_slowly, work) == 0)
    pthread_detach(thread);
  else
    tp_work_fail(work, TP_NOT_AVAILABLE, "no thread for the sum");
}

static void on_end(void *context, uint64_t task, const tp_error *error, const tp_value *results,
                   size_t count) {
  (void)context;
  if (error)
    printf("task %llu: %s\n", (unsigned long long)task, error->message);
  else if (count > 0)
    printf("task %llu: %lld\n", (unsigned long long)task, (long long)results[0].as.integer);
}

/* Maps both functions over a list. */
static bool map_both(tp_pool *pool, tp_error *error) {
  tp_call_options options;
  tp_call_options_init(&options);
  options.num_concurrent = 3;
  options.end_callback = on_end;
  tp_value *numbers = tp_value_parse("[[1, 2], [30, 12], [5, 5, 5]]", error);
  tp_items items = {.list = numbers};
  bool ok = numbers && tp_pool_starmap(pool, "sums.add", &items, &options, error) &&
            tp_pool_starmap(pool, "sums.slow_add", &items, &options, error);
  tp_value_free(numbers);
  return ok;
}

int main(int argc, char **argv) {
  char address[256];
  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  tp_pool *pool = host ? tp_pool_create(host, NULL, &error) : NULL;
  bool ok = pool && tp_host_register(host, "sums.add", add, NULL, &error) &&
            tp_host_register(host, "sums.slow_add", slow_add, NULL, &error);
  snprintf(address, sizeof address, "unix:%s", argc > 1 ? argv[1] : "");
  ok = ok &&
       (argc > 1 ? tp_host_serve(host, NULL, address, NULL, &error) : map_both(pool, &error)) &&
       tp_host_run(host, &error);
  tp_host_destroy(host);
  if (!ok)
    fprintf(stderr, "%s: %s\n", tp_code_name(error.code), error.message);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
