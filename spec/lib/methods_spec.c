/* SPDX-License-Identifier: MIT
 *
 * Values, pools and their methods in the public header. spec/lib/header_spec.lua compares the
 * header with the table of methods; here each function is called.
 *
 * To add a case: a function and its line in `cases`. */
#include "support/expect.h"
#include <math.h>
#include <taskpool.h>

static const char functions[] =
    "taskpool = require 'taskpool'\n"
    "local function add(a, b) return a + b end\n"
    "taskpool.expose('add', add)\n"
    "taskpool.expose('id', function(...) return ... end)\n"
    "taskpool.expose('fail', function(e) error(e, 0) end)\n"
    "taskpool.expose('sleep', function(s) taskpool.sleep(s) return 'slept' end)\n"
    "taskpool.expose('odd', function() return print end)\n"
    "taskpool.expose('three', function() local i = 0\n"
    "  return function() i = i + 1 return i <= 3 and i or nil end end)\n"
    "taskpool.expose('loop', function() while true do end end)\n";

/* A host with these functions, which interrupts what never waits. */
static tp_host *new_host(void) {
  tp_error error;
  tp_host_options options;
  tp_host_options_init(&options);
  options.preempt = true;
  tp_host *host = tp_host_create(&options, &error);
  EXPECT_OK(host != NULL);
  EXPECT_OK(tp_host_run_text(host, functions, "=functions", &error));
  return host;
}

static tp_pool *new_pool(tp_host *host, uint64_t size) {
  tp_error error;
  tp_pool_options options;
  tp_pool_options_init(&options);
  options.size = size;
  tp_pool *pool = tp_pool_create(host, &options, &error);
  EXPECT_OK(pool != NULL);
  return pool;
}

/* What callbacks were told. */
typedef struct notes {
  int calls;
  int errors;
  int64_t sum;    /* of integers among the first results */
  tp_error error; /* the last one */
  tp_value *copy; /* of the last first result */
  uint64_t task;  /* the last id */
} notes;

static void note(notes *to, const tp_error *error, const tp_value *results, size_t count) {
  to->calls++;
  if (error) {
    to->errors++;
    to->error = *error;
    EXPECT(count == 0);
    return;
  }
  if (count == 0)
    return;
  to->sum += results[0].type == TP_INTEGER ? results[0].as.integer : 0;
  tp_value_free(to->copy);
  to->copy = tp_value_copy(&results[0]);
}

static void on_done(void *context, const tp_error *error, const tp_value *results, size_t count) {
  note(context, error, results, count);
}

static void on_end(void *context, uint64_t task, const tp_error *error, const tp_value *results,
                   size_t count) {
  ((notes *)context)->task = task;
  note(context, error, results, count);
}

static void run(tp_host *host) {
  tp_error error;
  EXPECT_OK(tp_host_run(host, &error));
}

/* ---- values ---- */

static void parses_and_copies_values(void) {
  tp_error error;
  tp_value *value =
      tp_value_parse("{name = 'x', list = [1, 2.5, nil, true], deep = {a = {b = 'c'}}}", &error);
  EXPECT_OK(value != NULL);
  tp_value *copy = tp_value_copy(value);
  tp_value_free(value);
  EXPECT(copy && copy->type == TP_MAP && copy->count == 3);
  EXPECT(strcmp(tp_value_get(copy, "name")->as.string, "x") == 0);
  const tp_value *list = tp_value_get(copy, "list");
  EXPECT(list->type == TP_LIST && list->count == 4);
  EXPECT(tp_value_at(list, 0)->as.integer == 1 && tp_value_at(list, 1)->as.number == 2.5);
  EXPECT(tp_value_at(list, 2)->type == TP_NIL && tp_value_at(list, 3)->as.boolean);
  EXPECT(!tp_value_at(list, 4) && !tp_value_at(copy, 0) && !tp_value_get(list, "x"));
  EXPECT(!tp_value_get(copy, "nothing") && !tp_value_get(NULL, "x"));
  const tp_value *deep = tp_value_get(tp_value_get(copy, "deep"), "a");
  EXPECT(strcmp(tp_value_get(deep, "b")->as.string, "c") == 0);
  tp_value_free(copy);
  tp_value_free(NULL);
  EXPECT(!tp_value_copy(NULL));
  EXPECT_ERROR(tp_value_parse("[1, 2", &error) != NULL, TP_INVALID_ARGUMENT, "column");
  EXPECT_ERROR(tp_value_parse("1 2", &error) != NULL, TP_INVALID_ARGUMENT, "column 3");
  EXPECT_ERROR(tp_value_parse(NULL, &error) != NULL, TP_INVALID_ARGUMENT, "text");
}

/* Submits `id` with one value and returns what comes back. */
static tp_value *send(tp_host *host, const tp_value *value) {
  tp_error error;
  notes told = {0};
  tp_pool *pool = new_pool(host, 2);
  EXPECT_OK(tp_pool_submit(pool, "id", value, 1, NULL, on_done, &told, &error) != NULL);
  run(host);
  tp_pool_release(pool);
  EXPECT(told.calls == 1 && told.errors == 0);
  return told.copy;
}

static void sends_values_there_and_back(void) {
  tp_host *host = new_host();
  const tp_value items[] = {tp_nil(),
                            tp_boolean(true),
                            tp_integer(INT64_MIN),
                            tp_number(-0.5),
                            tp_string_of("a\0b", 3),
                            tp_list(NULL, 0),
                            tp_number(HUGE_VAL),
                            tp_string("")};
  const tp_pair pairs[] = {{tp_string("k"), tp_list(items, 8)},
                           {tp_integer(7), tp_string("seven")}};
  tp_value map = tp_map(pairs, 2);
  tp_value *back = send(host, &map);
  EXPECT(back->type == TP_MAP && back->count == 2);
  const tp_value *list = tp_value_get(back, "k");
  EXPECT(list && list->count == 8);
  EXPECT(tp_value_at(list, 0)->type == TP_NIL && tp_value_at(list, 1)->as.boolean);
  EXPECT(tp_value_at(list, 2)->as.integer == INT64_MIN);
  EXPECT(tp_value_at(list, 4)->count == 3 &&
         memcmp(tp_value_at(list, 4)->as.string, "a\0b", 4) == 0);
  EXPECT(tp_value_at(list, 6)->as.number == HUGE_VAL && tp_value_at(list, 7)->count == 0);
  tp_value_free(back);
  tp_host_destroy(host);
}

static void refuses_values_that_cannot_be(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 2);
  tp_value deep[40];
  deep[0] = tp_integer(1);
  for (int i = 1; i < 40; i++)
    deep[i] = tp_list(&deep[i - 1], 1);
  EXPECT_ERROR(tp_pool_submit(pool, "id", &deep[39], 1, NULL, NULL, NULL, &error) != NULL,
               TP_INVALID_ARGUMENT, "deeper than 32");
  const tp_pair pair = {tp_nil(), tp_nil()};
  tp_value map = tp_map(&pair, 1), odd = {.type = (tp_type)99};
  EXPECT_ERROR(tp_pool_submit(pool, "id", &map, 1, NULL, NULL, NULL, &error) != NULL,
               TP_INVALID_ARGUMENT, "nil");
  EXPECT_ERROR(tp_pool_submit(pool, "id", &odd, 1, NULL, NULL, NULL, &error) != NULL,
               TP_INVALID_ARGUMENT, "type 99");
  EXPECT_OK(tp_pool_submit(pool, "odd", NULL, 0, NULL, on_done, &told, &error) != NULL);
  run(host);
  EXPECT(told.errors == 1 && strstr(told.error.message, "result 1 holds a function"));
  tp_host_destroy(host);
}

/* ---- making pools ---- */

static void makes_finds_and_releases_pools(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool_options options;
  tp_pool_options_init(&options);
  options.name = "jobs";
  options.size = 5;
  options.queue_limit = 10;
  options.order = "priority";
  tp_pool *pool = tp_pool_create(host, &options, &error);
  EXPECT_OK(pool != NULL);
  EXPECT(strcmp(tp_pool_label(pool), "TaskPool-jobs") == 0 && tp_pool_host(pool) == host);
  EXPECT(tp_pool_size(pool) == 5 && tp_pool_queue_limit(pool) == 10);
  EXPECT(strcmp(tp_pool_order(pool), "priority") == 0);
  EXPECT(tp_pool_find(host, "TaskPool-jobs", &error) == pool);
  EXPECT_ERROR(tp_pool_find(host, "TaskPool-x", &error) != NULL, TP_NOT_FOUND, "'TaskPool-x'");
  tp_pool_release(pool);
  tp_pool_release(NULL);
  EXPECT_OK(tp_host_run_text(host, "mine = taskpool.TaskPool { name = 'lua' }", "=x", &error));
  pool = tp_pool_find(host, "TaskPool-lua", &error);
  EXPECT(pool && tp_pool_size(pool) == TP_UNLIMITED);
  tp_host_destroy(host);
}

static void refuses_options_that_cannot_be(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool_options options = {.name = "jobs"}; /* not initialized */
  EXPECT_ERROR(tp_pool_create(host, &options, &error) != NULL, TP_INVALID_ARGUMENT, "_init");
  tp_pool_options_init(&options);
  options.order = "none";
  EXPECT_ERROR(tp_pool_create(host, &options, &error) != NULL, TP_INVALID_ARGUMENT, "order");
  EXPECT_ERROR(tp_pool_create(NULL, NULL, &error) != NULL, TP_INVALID_ARGUMENT, "host");
  tp_pool_options_init(&options);
  options.function = "nothing.here";
  EXPECT_ERROR(tp_pool_create(host, &options, &error) != NULL, TP_NOT_FOUND, "nothing");
  tp_pool *pool = new_pool(host, 1);
  tp_call_options call = {.num = 3};
  EXPECT_ERROR(tp_pool_apply(pool, "id", NULL, 0, &call, &error) != NULL, TP_INVALID_ARGUMENT,
               "_init");
  tp_call_options_init(&call);
  call.num_concurrent = 3;
  EXPECT_ERROR(tp_pool_apply(pool, "id", NULL, 0, &call, &error) != NULL, TP_INVALID_ARGUMENT,
               "num_concurrent");
  EXPECT_ERROR(tp_pool_apply(pool, NULL, NULL, 0, NULL, &error) != NULL, TP_INVALID_ARGUMENT,
               "function");
  EXPECT_ERROR(tp_pool_apply(NULL, "id", NULL, 0, NULL, &error) != NULL, TP_INVALID_ARGUMENT,
               "pool");
  EXPECT_ERROR(tp_pool_start(pool, 1, &error) != NULL, TP_INVALID_ARGUMENT,
               "has no method 'start'");
  EXPECT(!tp_pool_lock(NULL, NULL) && tp_pool_num_running(NULL) == 0 && !tp_pool_is_closed(NULL));
  tp_host_destroy(host);
}

static void makes_pools_of_threads_and_of_one_function(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool_options options;
  tp_pool_options_init(&options);
  options.executor = "thread";
  options.threads = 1;
  tp_pool *pool = tp_pool_create(host, &options, &error);
  EXPECT_OK(pool != NULL);
  tp_value text = tp_string("x");
  EXPECT_OK(tp_pool_submit(pool, "string.rep", (tp_value[]){text, tp_integer(3)}, 2, NULL, on_done,
                           &told, &error) != NULL);
  EXPECT_OK(tp_pool_gather_and_close(pool, false, NULL, NULL, &error));
  run(host);
  EXPECT(told.calls == 1 && strcmp(told.copy->as.string, "xxx") == 0);
  tp_value_free(told.copy);
  tp_value args = tp_list((tp_value[]){tp_integer(1), tp_integer(2)}, 2);
  tp_pool_options_init(&options);
  options.function = "add";
  options.args = &args;
  options.end_callback = on_end;
  options.context = &told;
  told = (notes){0};
  pool = tp_pool_create(host, &options, &error);
  EXPECT_OK(pool != NULL);
  EXPECT(strcmp(tp_pool_func_name(pool, &error), "add") == 0);
  EXPECT(strncmp(tp_pool_label(pool), "SimpleTaskPool-", 15) == 0);
  EXPECT(strcmp(tp_pool_start(pool, 3, &error), "start-group-0") == 0);
  run(host);
  EXPECT(tp_pool_num_ok(pool) == 3 && told.calls == 3 && told.sum == 9);
  tp_value_free(told.copy);
  tp_host_destroy(host);
}

/* ---- adding work ---- */

static void applies_with_arguments_and_callbacks(void) {
  tp_error error;
  notes ended = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 2);
  tp_call_options options;
  tp_call_options_init(&options);
  options.num = 4;
  options.group_name = "sums";
  options.end_callback = on_end;
  options.context = &ended;
  tp_value args[] = {tp_integer(40), tp_integer(2)};
  const char *group = tp_pool_apply(pool, "add", args, 2, &options, &error);
  EXPECT_OK(group != NULL);
  EXPECT(strcmp(group, "sums") == 0);
  EXPECT_ERROR(tp_pool_apply(pool, "add", args, 2, &options, &error) != NULL,
               TP_TASK_GROUP_ALREADY_EXISTS, "sums");
  run(host);
  EXPECT(ended.calls == 4 && ended.sum == 168 && ended.task == 3);
  tp_value_free(ended.copy);
  const tp_pair named[] = {{tp_string("a"), tp_integer(1)}, {tp_string("b"), tp_integer(2)}};
  tp_value kwargs = tp_map(named, 2);
  tp_call_options_init(&options);
  options.kwargs = &kwargs;
  ended = (notes){0};
  EXPECT_OK(tp_pool_submit(pool, "add", NULL, 0, &options, on_done, &ended, &error) != NULL);
  run(host);
  EXPECT(ended.sum == 3);
  tp_value_free(ended.copy);
  tp_host_destroy(host);
}

/* An iterator over 0 … 9. */
typedef struct counter {
  int next, closed;
} counter;

static bool count_up(void *context, tp_value *element) {
  counter *of = context;
  *element = tp_integer(of->next);
  return of->next++ < 10;
}

static void count_close(void *context) {
  ((counter *)context)->closed++;
}

static void maps_lists_and_iterators(void) {
  tp_error error;
  notes ended = {0};
  counter from = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 3);
  tp_call_options options;
  tp_call_options_init(&options);
  options.num_concurrent = TP_UNLIMITED;
  options.end_callback = on_end;
  options.context = &ended;
  tp_items counted = {.next = count_up, .close = count_close, .context = &from};
  EXPECT_OK(tp_pool_map(pool, "id", &counted, &options, &error) != NULL);
  run(host);
  EXPECT(ended.sum == 45 && ended.calls == 10 && from.closed == 1);
  tp_value *list = tp_value_parse("[[1, 2], [3, 4]]", &error);
  EXPECT_OK(tp_pool_starmap(pool, "add", &(tp_items){.list = list}, &options, &error) != NULL);
  tp_value_free(list);
  list = tp_value_parse("[{a = 5, b = 6}]", &error);
  EXPECT_OK(tp_pool_doublestarmap(pool, "add", &(tp_items){.list = list}, &options, &error) !=
            NULL);
  tp_value_free(list);
  EXPECT_OK(tp_pool_map(pool, "id", &(tp_items){.name = "three"}, &options, &error) != NULL);
  run(host);
  EXPECT(ended.sum == 45 + 10 + 11 + 6);
  from = (counter){0};
  options.num_concurrent = 1;
  EXPECT_OK(tp_pool_map(pool, "loop", &counted, &options, &error) != NULL);
  EXPECT_OK(tp_host_run_once(host, 0, &error));
  tp_pool_cancel_all(pool, "enough", 1, &error);
  run(host);
  EXPECT(from.closed == 1 && from.next < 10); /* also when the rest is cancelled */
  EXPECT(ended.error.code == TP_CANCELLED && strstr(ended.error.message, "enough"));
  tp_value_free(ended.copy);
  tp_host_destroy(host);
}

/* ---- futures ---- */

static void submits_and_tells_of_errors(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 2);
  tp_value text = tp_string("my text");
  EXPECT_OK(tp_pool_submit(pool, "fail", &text, 1, NULL, on_done, &told, &error) != NULL);
  run(host);
  EXPECT(told.errors == 1 && told.error.code == TP_SCRIPT_ERROR);
  EXPECT(strcmp(told.error.message, "my text") == 0);
  EXPECT(tp_host_check_failures(host, &error));
  EXPECT_ERROR(tp_pool_submit(pool, "nothing.at_all", NULL, 0, NULL, NULL, NULL, &error) != NULL,
               TP_NOT_FOUND, "nothing");
  tp_value wrong = tp_string("two");
  EXPECT_OK(tp_pool_submit(pool, "sleep", &wrong, 1, NULL, on_done, &told, &error) != NULL);
  run(host);
  EXPECT(told.error.code == TP_INVALID_ARGUMENT);
  tp_host_destroy(host);
}

static void cancels_and_weighs_futures(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 1);
  tp_value hour = tp_integer(3600);
  tp_future *first = tp_pool_submit(pool, "sleep", &hour, 1, NULL, on_done, &told, &error);
  tp_future *second = tp_pool_submit(pool, "sleep", &hour, 1, NULL, on_done, &told, &error);
  EXPECT_OK(first && second);
  EXPECT_OK(tp_host_run_once(host, 0, &error));
  EXPECT_OK(tp_host_run_once(host, 0, &error));
  EXPECT(!tp_future_set_weight(first, 1) && tp_future_set_weight(second, 1));
  tp_future_cancel(second, "not this one");
  tp_future_cancel(first, NULL);
  run(host);
  EXPECT(told.errors == 2 && told.error.code == TP_CANCELLED);
  tp_future_cancel(NULL, NULL);
  EXPECT(!tp_future_set_weight(NULL, 1));
  tp_host_destroy(host);
}

static void queues_or_refuses_what_finds_no_place(void) {
  tp_error error;
  notes told = {0};
  tp_host *host = new_host();
  tp_pool_options options;
  tp_pool_options_init(&options);
  options.size = 1;
  options.queue_limit = 1;
  tp_pool *pool = tp_pool_create(host, &options, &error);
  tp_value none = tp_integer(0);
  for (int i = 0; i < 2; i++)
    EXPECT_OK(tp_pool_submit_nowait(pool, "sleep", &none, 1, NULL, on_done, &told, &error) != NULL);
  EXPECT_ERROR(tp_pool_submit_nowait(pool, "sleep", &none, 1, NULL, on_done, &told, &error) != NULL,
               TP_NOT_AVAILABLE, "full");
  EXPECT_OK(tp_pool_submit(pool, "sleep", &none, 1, NULL, on_done, &told, &error) != NULL);
  run(host);
  EXPECT(told.calls == 3 && told.errors == 0);
  tp_value_free(told.copy);
  tp_host_destroy(host);
}

/* ---- waiting and looking ---- */

static void waits_flushes_and_closes(void) {
  tp_error error;
  notes waited = {0}, flushed = {0}, closed = {0}, gathered = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, TP_UNLIMITED);
  tp_value text = tp_string("no");
  tp_value group = tp_string(tp_pool_apply(pool, "fail", &text, 1, NULL, &error));
  tp_value *targets = tp_value_copy(&(tp_value){.type = TP_LIST, .count = 1, .as.items = &group});
  EXPECT_OK(tp_pool_wait(pool, targets, 0, false, on_done, &waited, &error));
  EXPECT_OK(tp_pool_until_closed(pool, on_done, &closed, &error));
  while (waited.calls == 0)
    EXPECT_OK(tp_host_run_once(host, 10, &error));
  EXPECT(waited.errors == 1 && strstr(waited.error.message, "no"));
  tp_value_free(targets);
  EXPECT_OK(tp_pool_flush(pool, true, on_done, &flushed, &error));
  EXPECT_OK(tp_pool_gather_and_close(pool, true, on_done, &gathered, &error));
  run(host);
  EXPECT(flushed.calls == 1 && gathered.calls == 1 && closed.calls == 1 && closed.errors == 0);
  EXPECT(closed.copy->type == TP_BOOLEAN && closed.copy->as.boolean);
  tp_value_free(closed.copy);
  EXPECT(tp_pool_is_closed(pool));
  EXPECT_ERROR(tp_pool_apply(pool, "id", NULL, 0, NULL, &error) != NULL, TP_POOL_IS_CLOSED,
               "closed");
  pool = new_pool(host, 1);
  tp_value hour = tp_integer(3600);
  group = tp_string(tp_pool_apply(pool, "sleep", &hour, 1, NULL, &error));
  tp_value list = tp_list(&group, 1);
  EXPECT_OK(tp_pool_wait(pool, &list, 0.01, false, on_done, &waited, &error));
  while (waited.calls == 1)
    EXPECT_OK(tp_host_run_once(host, 10, &error));
  EXPECT(waited.error.code == TP_TIMED_OUT);
  EXPECT_ERROR(tp_pool_wait(pool, NULL, 0, false, NULL, NULL, &error), TP_INVALID_ARGUMENT,
               "targets");
  tp_host_destroy(host);
}

static void shows_what_a_pool_does(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 2);
  tp_value hour = tp_integer(3600);
  tp_call_options options;
  tp_call_options_init(&options);
  options.num = 3;
  options.group_name = "sleepers";
  EXPECT_OK(tp_pool_apply(pool, "sleep", &hour, 1, &options, &error) != NULL);
  EXPECT_OK(tp_host_run_once(host, 0, &error) && tp_host_run_once(host, 0, &error));
  EXPECT(tp_pool_num_running(pool) == 2 && tp_pool_num_waiting(pool) == 1 && tp_pool_is_full(pool));
  tp_value *status = tp_pool_status(pool, &error);
  EXPECT_OK(status != NULL);
  EXPECT(tp_value_get(status, "running")->as.integer == 2);
  tp_value *groups = tp_pool_groups(pool, true, TP_UNLIMITED, &error);
  EXPECT(groups && groups->count == 1);
  EXPECT(strcmp(tp_value_get(tp_value_at(groups, 0), "group")->as.string, "sleepers") == 0);
  tp_value *tasks = tp_pool_tasks(pool, "sleepers", "running", 1, &error);
  EXPECT(tasks && tasks->type == TP_LIST && tasks->count == 1);
  tp_value *task = tp_pool_task(pool, 1, &error);
  EXPECT(task && strcmp(tp_value_get(task, "group")->as.string, "sleepers") == 0);
  tp_value *ids = tp_pool_get_group_ids(pool, "sleepers", &error);
  EXPECT(ids && ids->type == TP_LIST && ids->count == 2);
  EXPECT(strstr(tp_pool_traceback(pool, 0, &error), "functions:") != NULL);
  EXPECT_ERROR(tp_pool_traceback(pool, 99, &error) != NULL, TP_TASK_NOT_FOUND, "99");
  EXPECT_ERROR(tp_pool_task(pool, 99, &error) != NULL, TP_TASK_NOT_FOUND, "99");
  EXPECT_ERROR(tp_pool_get_group_ids(pool, "x", &error) != NULL, TP_TASK_GROUP_NOT_FOUND, "x");
  tp_value *all[] = {status, groups, tasks, task, ids};
  for (size_t i = 0; i < COUNT(all); i++)
    tp_value_free(all[i]);
  tp_host_destroy(host);
}

static void cancels_tasks_and_groups(void) {
  tp_error error;
  notes ended = {0}, cancelled = {0};
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, TP_UNLIMITED);
  tp_value hour = tp_integer(3600);
  tp_call_options options;
  tp_call_options_init(&options);
  options.num = 10;
  options.end_callback = on_end;
  options.context = &ended;
  EXPECT_OK(tp_pool_apply(pool, "sleep", &hour, 1, &options, &error) != NULL);
  tp_call_options_init(&options);
  options.cancel_callback = on_end;
  options.context = &cancelled;
  options.group_name = "other";
  EXPECT_OK(tp_pool_apply(pool, "sleep", &hour, 1, &options, &error) != NULL);
  EXPECT_OK(tp_host_run_once(host, 0, &error) && tp_host_run_once(host, 0, &error));
  EXPECT_OK(tp_pool_cancel(pool, (uint64_t[]){0, 2}, 2, "two", -1, &error));
  EXPECT_ERROR(tp_pool_cancel(pool, (uint64_t[]){77}, 1, NULL, -1, &error), TP_TASK_NOT_FOUND,
               "77");
  EXPECT_OK(tp_pool_cancel_group(pool, "other", "that one", 1, &error));
  EXPECT_OK(tp_pool_cancel_all(pool, NULL, -1, &error));
  run(host);
  EXPECT(ended.calls == 10 && ended.errors == 10 && cancelled.calls == 1);
  EXPECT(strstr(cancelled.error.message, "that one"));
  EXPECT(tp_pool_num_cancelled_total(pool) == 11 && tp_pool_num_running(pool) == 0);
  tp_host_destroy(host);
}

static void stops_the_newest_tasks(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_value hour = tp_integer(3600), args = tp_list(&hour, 1), *stopped;
  tp_pool_options options;
  tp_pool_options_init(&options);
  options.function = "sleep";
  options.args = &args;
  tp_pool *pool = tp_pool_create(host, &options, &error);
  EXPECT_OK(pool && tp_pool_start(pool, 5, &error));
  EXPECT_OK(tp_host_run_once(host, 0, &error) && tp_host_run_once(host, 0, &error));
  EXPECT_OK(tp_pool_stop(pool, 3, &stopped, &error));
  EXPECT(stopped->count == 3 && tp_value_at(stopped, 0)->as.integer == 4);
  tp_value_free(stopped);
  EXPECT_OK(tp_pool_stop_all(pool, NULL, &error));
  run(host);
  EXPECT(tp_pool_num_cancelled_total(pool) == 5);
  tp_host_destroy(host);
}

static void changes_a_pool(void) {
  tp_error error;
  tp_host *host = new_host();
  tp_pool *pool = new_pool(host, 2);
  EXPECT_OK(tp_pool_lock(pool, &error));
  EXPECT(tp_pool_is_locked(pool));
  EXPECT_ERROR(tp_pool_apply(pool, "id", NULL, 0, NULL, &error) != NULL, TP_POOL_IS_LOCKED,
               "locked");
  EXPECT_OK(tp_pool_unlock(pool, &error) && tp_pool_pause(pool, &error));
  EXPECT(!tp_pool_is_locked(pool) && tp_pool_paused(pool));
  EXPECT_OK(tp_pool_resume(pool, &error));
  EXPECT(!tp_pool_paused(pool));
  EXPECT_OK(tp_pool_set_size(pool, 7, &error) && tp_pool_scale(pool, -3, false, &error));
  EXPECT(tp_pool_size(pool) == 4 && tp_pool_pool_size(pool) == 4);
  EXPECT_OK(tp_pool_set_size(pool, TP_UNLIMITED, &error));
  EXPECT(tp_pool_size(pool) == TP_UNLIMITED);
  tp_value none = tp_integer(0);
  tp_call_options options;
  tp_call_options_init(&options);
  options.group_name = "light";
  EXPECT_OK(tp_pool_apply(pool, "sleep", &none, 1, &options, &error) != NULL);
  EXPECT_OK(tp_pool_set_weight(pool, "light", 0.5, &error));
  EXPECT_ERROR(tp_pool_set_weight(pool, "x", 1, &error), TP_TASK_GROUP_NOT_FOUND, "x");
  EXPECT_OK(tp_pool_set_concurrency(pool, "light", 2, &error) &&
            tp_pool_set_concurrency(pool, "light", TP_UNLIMITED, &error));
  EXPECT_ERROR(tp_pool_set_concurrency(pool, "x", 1, &error), TP_TASK_GROUP_NOT_FOUND, "x");
  EXPECT_ERROR(tp_pool_set_concurrency(pool, "light", 0, &error), TP_INVALID_ARGUMENT,
               "at least 1");
  run(host);
  EXPECT(tp_pool_num_ended(pool) + tp_pool_num_ok(pool) >= 1 && tp_pool_num_failed(pool) == 0);
  EXPECT(tp_pool_num_timed_out(pool) == 0 && tp_pool_num_retried(pool) == 0 &&
         tp_pool_num_cancelled(pool) == 0);
  tp_host_destroy(host);
}

/* Events, one after the other: "started TaskPool-0 sums 3;". */
static void write_event(void *context, const tp_event_record *record) {
  char *text = context;
  EXPECT(record->size == sizeof *record && record->time > 1e9);
  snprintf(text + strlen(text), 2000 - strlen(text), "%s %s %s %lld %s;", record->event,
           record->pool, record->group ? record->group : "-", record->task,
           record->detail ? "why" : "");
}

static void tells_of_events(void) {
  tp_error error;
  char text[2000] = "";
  tp_host *host = new_host();
  tp_host_on_event(NULL, write_event, text);
  tp_host_on_event(host, write_event, text);
  tp_pool *pool = new_pool(host, 2);
  tp_value hour = tp_integer(3600);
  tp_call_options options;
  tp_call_options_init(&options);
  options.group_name = "naps";
  EXPECT_OK(tp_pool_apply(pool, "sleep", &hour, 1, &options, &error) != NULL);
  EXPECT_OK(tp_host_run_once(host, 0, &error) && tp_host_run_once(host, 0, &error));
  EXPECT_OK(tp_pool_cancel_all(pool, NULL, -1, &error));
  EXPECT_OK(tp_pool_gather_and_close(pool, true, NULL, NULL, &error));
  run(host);
  static const char *const wanted[] = {
      "started TaskPool-0 naps 0 ;", "cancelling TaskPool-0 naps 0", "cancelled TaskPool-0 naps 0",
      "ended TaskPool-0 naps 0",     "finished TaskPool-0 naps -1",  "locked TaskPool-0 - -1",
      "closed TaskPool-0 - -1"};
  for (size_t i = 0; i < COUNT(wanted); i++) {
    if (!strstr(text, wanted[i]))
      fprintf(stderr, "%s is not in %s\n", wanted[i], text);
    EXPECT(strstr(text, wanted[i]) != NULL);
  }
  tp_host_on_event(host, NULL, NULL);
  text[0] = '\0';
  new_pool(host, 1);
  run(host);
  EXPECT(text[0] == '\0');
  tp_host_destroy(host);
}

static const spec_case cases[] = {
    CASE(parses_and_copies_values),
    CASE(sends_values_there_and_back),
    CASE(refuses_values_that_cannot_be),
    CASE(makes_finds_and_releases_pools),
    CASE(refuses_options_that_cannot_be),
    CASE(makes_pools_of_threads_and_of_one_function),
    CASE(applies_with_arguments_and_callbacks),
    CASE(maps_lists_and_iterators),
    CASE(submits_and_tells_of_errors),
    CASE(cancels_and_weighs_futures),
    CASE(queues_or_refuses_what_finds_no_place),
    CASE(waits_flushes_and_closes),
    CASE(shows_what_a_pool_does),
    CASE(cancels_tasks_and_groups),
    CASE(stops_the_newest_tasks),
    CASE(changes_a_pool),
    CASE(tells_of_events),
};

int main(int argc, char **argv) {
  return run_cases("methods", cases, COUNT(cases), argc, argv);
}
