/* SPDX-License-Identifier: MIT
 *
 * The table of pool methods; see method.h. */
#include "binding/method.h"
#include "base/distance.h"
#include "binding/close.h"
#include "binding/kept.h"
#include "binding/pool.h"
#include "binding/slots.h"
#include "binding/status.h"
#include "binding/stop.h"
#include "binding/task.h"
#include "binding/tasks.h"
#include "binding/wait.h"

#include <string.h>

/* The place of a parameter in its record, which is that of its slot on the stack. */
#define AT(slot) [TP_SLOT_##slot - TP_SLOT_FIRST]

/* Parameters that several methods share. */

#define FUNC                                                                                       \
  {                                                                                                \
    .name = "func", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_FUNCTION, .value = "FUNC",         \
    .help = "the worker function, such as package.module.function"                                 \
  }

#define GROUP_NAME                                                                                 \
  {                                                                                                \
    .name = "group_name", .letter = 'g', .kind = TP_PARAM_OPTION, .type = TP_PARAM_NAME,           \
    .value = "NAME",                                                                               \
    .help = "name of the new group (default: made of method, function and an index)"               \
  }

#define END_CALLBACK                                                                               \
  {                                                                                                \
    .name = "end_callback", .letter = 'e', .kind = TP_PARAM_OPTION, .type = TP_PARAM_FUNCTION,     \
    .value = "FUNC", .help = "called when a task has ended: (id, ok, results or error)"            \
  }

#define CANCEL_CALLBACK                                                                            \
  {                                                                                                \
    .name = "cancel_callback", .letter = 'c', .kind = TP_PARAM_OPTION, .type = TP_PARAM_FUNCTION,  \
    .value = "FUNC",                                                                               \
    .help = "called when a task was cancelled, before the end callback: (id, false, error)"        \
  }

#define NUM_CONCURRENT                                                                             \
  {                                                                                                \
    .name = "num_concurrent", .letter = 'n', .kind = TP_PARAM_OPTION, .type = TP_PARAM_SIZE,       \
    .value = "NUM", .fallback = TP_DEFAULT_TEXT(TP_NUM_CONCURRENT_DEFAULT),                        \
    .help = "how many tasks of the group may run at a time; inf: the pool's size"                  \
  }

#define MESSAGE                                                                                    \
  {                                                                                                \
    .name = "msg", .letter = 'm', .kind = TP_PARAM_OPTION, .type = TP_PARAM_NAME, .value = "MSG",  \
    .help = "text of the error that is raised in the tasks"                                        \
  }

#define TIMEOUT                                                                                    \
  {                                                                                                \
    .name = "timeout", .letter = 't', .kind = TP_PARAM_OPTION, .type = TP_PARAM_SECONDS,           \
    .value = "SECONDS", .help = "cancel a task that runs longer, with TimedOut (default: never)"   \
  }

#define RETRIES                                                                                    \
  {                                                                                                \
    .name = "retries", .kind = TP_PARAM_OPTION, .type = TP_PARAM_POLICY, .value = "RETRIES",       \
    .help = "how often a task that fails is tried again, such as 3 or "                            \
            "{n=3,backoff=SECONDS,jitter=0.1} (default: the pool's, " TP_DEFAULT_TEXT(             \
                TP_RETRIES_DEFAULT) ")"                                                            \
  }

#define RATE                                                                                       \
  {                                                                                                \
    .name = "rate", .kind = TP_PARAM_OPTION, .type = TP_PARAM_POLICY, .value = "RATE",             \
    .help = "how many tasks of the group may start in a second, such as 10 or "                    \
            "{n=10,per=SECONDS,burst=1} (default: any number)"                                     \
  }

#define RESULTS                                                                                    \
  {                                                                                                \
    .name = "results", .kind = TP_PARAM_OPTION, .type = TP_PARAM_NAME, .value = "WHICH",           \
    .help = "whose results are kept: none, errors (of tasks that fail) or all (default: errors)"   \
  }

#define GRACE                                                                                      \
  {                                                                                                \
    .name = "grace", .kind = TP_PARAM_OPTION, .type = TP_PARAM_SECONDS, .value = "SECONDS",        \
    .help = "how long a cancelled task has before it is killed (default: the "                     \
            "pool's, " TP_DEFAULT_TEXT(TP_GRACE_DEFAULT) ")"                                       \
  }

#define KWARGS                                                                                     \
  {                                                                                                \
    .name = "kwargs", .letter = 'k', .kind = TP_PARAM_OPTION, .type = TP_PARAM_TABLE,              \
    .value = "KWARGS", .help = "arguments by parameter name"                                       \
  }

#define WEIGHT                                                                                     \
  {                                                                                                \
    .name = "weight", .letter = 'w', .kind = TP_PARAM_OPTION, .type = TP_PARAM_NUMBER,             \
    .value = "WEIGHT", .fallback = TP_DEFAULT_TEXT(TP_WEIGHT_DEFAULT),                             \
    .help = "a smaller weight starts sooner, in a pool with the order priority"                    \
  }

/* The parameters of map, starmap and doublestarmap. */
#define MAP(text)                                                                                  \
  AT(MAP_FUNC) = FUNC, AT(MAP_ITERABLE) = ITERABLE(text), AT(MAP_NUM_CONCURRENT) = NUM_CONCURRENT, \
  AT(MAP_GROUP_NAME) = GROUP_NAME, AT(MAP_END_CALLBACK) = END_CALLBACK,                            \
  AT(MAP_CANCEL_CALLBACK) = CANCEL_CALLBACK, AT(MAP_TIMEOUT) = TIMEOUT, AT(MAP_WEIGHT) = WEIGHT,   \
  AT(MAP_RETRIES) = RETRIES, AT(MAP_RATE) = RATE, AT(MAP_RESULTS) = RESULTS

/* The parameters of submit and submit_nowait. */
#define SUBMIT                                                                                     \
  AT(SUBMIT_FUNC) = FUNC, AT(SUBMIT_ARGS) = ARGS(TP_PARAM_TRAILING), AT(SUBMIT_KWARGS) = KWARGS,   \
  AT(SUBMIT_WEIGHT) = WEIGHT, AT(SUBMIT_TIMEOUT) = TIMEOUT, AT(SUBMIT_RETRIES) = RETRIES,          \
  AT(SUBMIT_EXECUTOR) = {.name = "executor",                                                       \
                         .letter = 'x',                                                            \
                         .kind = TP_PARAM_OPTION,                                                  \
                         .type = TP_PARAM_NAME,                                                    \
                         .value = "EXECUTOR",                                                      \
                         .choices = "coroutine thread",                                            \
                         .help = "what runs it, coroutine or thread (default: the pool's)"},       \
  AT(SUBMIT_RESULTS) = RESULTS,                                                                    \
  AT(SUBMIT_GROUP_NAME) = {                                                                        \
      .name = "group_name",                                                                        \
      .letter = 'g',                                                                               \
      .kind = TP_PARAM_OPTION,                                                                     \
      .type = TP_PARAM_NAME,                                                                       \
      .value = "NAME",                                                                             \
      .help = "a name by which it can be cancelled until it ends (default: none)"}

#define LIMIT                                                                                      \
  {                                                                                                \
    .name = "limit", .letter = 'l', .kind = TP_PARAM_OPTION, .type = TP_PARAM_SIZE, .value = "N",  \
    .fallback = TP_DEFAULT_TEXT(TP_LIMIT_DEFAULT), .help = "how many rows to show at most, or inf" \
  }

#define RETURN_EXCEPTIONS                                                                          \
  {                                                                                                \
    .name = "return_exceptions", .letter = 'r', .kind = TP_PARAM_OPTION, .type = TP_PARAM_FLAG,    \
    .fallback = "false", .help = "do not raise the errors of tasks"                                \
  }

#define ARGS(how)                                                                                  \
  {                                                                                                \
    .name = "args", .letter = 'a', .kind = how, .type = TP_PARAM_LIST, .value = "ARGS",            \
    .help = "list of positional arguments"                                                         \
  }

#define ITERABLE(text)                                                                             \
  {                                                                                                \
    .name = "iterable", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_ITERABLE, .value = "ITERABLE", \
    .help = text                                                                                   \
  }

#define NUM_OF(text)                                                                               \
  { .name = "num", .kind = TP_PARAM_REQUIRED, .type = TP_PARAM_COUNT, .value = "NUM", .help = text }

#define PROPERTY(property_name, on_pools, what, text)                                              \
  {                                                                                                \
    .name = #property_name, .on = on_pools, .property = true, .role = TP_ROLE_READ,                \
    .result = TP_RESULT_##what, .summary = text, .call = l_pool_##property_name                    \
  }

/* The limit of the pool; it has two names, because people try both. */
#define SIZE(size_name, text)                                                                      \
  {                                                                                                \
    .name = size_name, .on = TP_ON_ALL, .property = true, .role = TP_ROLE_OPERATE,                 \
    .params = {{.name = "size",                                                                    \
                .kind = TP_PARAM_OPTIONAL,                                                         \
                .type = TP_PARAM_SIZE,                                                             \
                .value = "SIZE",                                                                   \
                .help = "the new limit, or inf; without it the limit is shown"}},                  \
    .result = TP_RESULT_SIZE, .summary = text, .call = l_pool_size                                 \
  }

const tp_method tp_methods[] = {
    {.name = "apply",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(APPLY_FUNC) = FUNC, AT(APPLY_ARGS) = ARGS(TP_PARAM_OPTION),
                AT(APPLY_KWARGS) = KWARGS,
                AT(APPLY_NUM) = {.name = "num",
                                 .letter = 'n',
                                 .kind = TP_PARAM_OPTION,
                                 .type = TP_PARAM_COUNT,
                                 .value = "NUM",
                                 .fallback = TP_DEFAULT_TEXT(TP_NUM_DEFAULT),
                                 .help = "how many tasks"},
                AT(APPLY_GROUP_NAME) = GROUP_NAME, AT(APPLY_END_CALLBACK) = END_CALLBACK,
                AT(APPLY_CANCEL_CALLBACK) = CANCEL_CALLBACK, AT(APPLY_TIMEOUT) = TIMEOUT,
                AT(APPLY_WEIGHT) = WEIGHT, AT(APPLY_RETRIES) = RETRIES, AT(APPLY_RATE) = RATE,
                AT(APPLY_RESULTS) = RESULTS},
     .summary = "Call a function with the same arguments in one or more tasks.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_apply},
    {.name = "map",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {MAP("its elements are the arguments, one task each")},
     .summary = "Call a function once for each element, in tasks of one group.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_map},
    {.name = "starmap",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {MAP("its elements are lists of arguments, one task each")},
     .summary = "Like map, each element a list of positional arguments.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_starmap},
    {.name = "doublestarmap",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {MAP("its elements are tables of arguments by name, one task each")},
     .summary = "Like map, each element a table of arguments by parameter name.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_doublestarmap},
    {.name = "submit",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {SUBMIT, AT(SUBMIT_NOWAIT) =
                            {.name = "nowait",
                             .kind = TP_PARAM_OPTION,
                             .type = TP_PARAM_FLAG,
                             .fallback = "false",
                             .help = "do not wait for the results, nor for a place in the queue"}},
     .summary = "Queue one call, wait for it and show its results.",
     .result = TP_RESULT_ANY,
     .call = l_pool_submit},
    {.name = "submit_nowait",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {SUBMIT},
     .summary = "Queue one call and do not wait for it; shows the name of its group.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_submit_nowait},
    {.name = "set_weight",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(SET_WEIGHT_GROUP_NAME) = {.name = "group_name",
                                             .kind = TP_PARAM_REQUIRED,
                                             .type = TP_PARAM_NAME,
                                             .value = "NAME",
                                             .of = TP_PARAM_OF_GROUP,
                                             .help =
                                                 "a group, or a submitted call that has a name"},
                AT(SET_WEIGHT_WEIGHT) = {.name = "weight",
                                         .kind = TP_PARAM_REQUIRED,
                                         .type = TP_PARAM_NUMBER,
                                         .value = "WEIGHT",
                                         .help = "a smaller weight starts sooner"}},
     .summary = "Change the weight of a group, for its tasks that have not started.",
     .call = l_pool_set_weight},
    {.name = "set_concurrency",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(SET_CONCURRENCY_GROUP_NAME) = {.name = "group_name",
                                                  .kind = TP_PARAM_REQUIRED,
                                                  .type = TP_PARAM_NAME,
                                                  .value = "NAME",
                                                  .of = TP_PARAM_OF_GROUP,
                                                  .help = "a group"},
                AT(SET_CONCURRENCY_NUM) = {.name = "num_concurrent",
                                           .kind = TP_PARAM_REQUIRED,
                                           .type = TP_PARAM_SIZE,
                                           .value = "NUM",
                                           .help = "how many tasks of it may run at a time; inf: "
                                                   "the pool's size"}},
     .summary = "Change how many tasks of a group may run at a time.",
     .call = l_pool_set_concurrency},
    {.name = "start",
     .on = TP_ON_SIMPLE_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {NUM_OF("how many tasks to start")},
     .summary = "Start more tasks of the pool's function in a new group.",
     .result = TP_RESULT_GROUP,
     .call = l_pool_start},
    {.name = "stop",
     .on = TP_ON_SIMPLE_POOL,
     .role = TP_ROLE_OPERATE,
     .is_list = true,
     .params = {NUM_OF("how many tasks to cancel")},
     .summary = "Cancel the newest running tasks.",
     .call = l_pool_stop},
    {.name = "stop_all",
     .on = TP_ON_SIMPLE_POOL,
     .role = TP_ROLE_OPERATE,
     .is_list = true,
     .summary = "Cancel all running tasks.",
     .call = l_pool_stop_all},
    PROPERTY(func_name, TP_ON_SIMPLE_POOL, TEXT, "Name of the function that the pool's tasks run."),
    SIZE("pool_size", "Get or set the number of tasks that may run at a time."),
    SIZE("size", "The same as pool-size."),
    {.name = "scale",
     .on = TP_ON_TASK_POOL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(SCALE_BY) = {.name = "by",
                                .kind = TP_PARAM_REQUIRED,
                                .type = TP_PARAM_INTEGER,
                                .value = "N",
                                .help = "how many places to add, or to remove if it is negative"},
                AT(SCALE_HARD) =
                    {.name = "hard",
                     .kind = TP_PARAM_OPTION,
                     .type = TP_PARAM_FLAG,
                     .fallback = "false",
                     .help = "cancel the newest tasks above the new size; default: they go on"}},
     .summary = "Change the size by a number of places; shows the new size.",
     .result = TP_RESULT_SIZE,
     .call = l_pool_scale},
    {.name = "lock",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .summary = "Refuse new work; groups that exist go on.",
     .call = l_pool_lock},
    {.name = "unlock",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .summary = "Take new work again.",
     .call = l_pool_unlock},
    {.name = "pause",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {{.name = "toggle",
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_FLAG,
                 .fallback = "false",
                 .help = "resume a pool that is paused"}},
     .summary = "Take no new work for now; shows whether the pool is paused.",
     .result = TP_RESULT_BOOLEAN,
     .call = l_pool_pause},
    {.name = "resume",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .summary = "Take new work again; shows whether the pool is paused.",
     .result = TP_RESULT_BOOLEAN,
     .call = l_pool_resume},
    PROPERTY(paused, TP_ON_ALL, BOOLEAN, "Whether the pool takes no new work for now."),
    PROPERTY(order, TP_ON_TASK_POOL, TEXT,
             "Which of the waiting groups is next: fifo, lifo or priority."),
    PROPERTY(queue_limit, TP_ON_TASK_POOL, SIZE, "How many submitted calls may wait."),
    PROPERTY(is_locked, TP_ON_ALL, BOOLEAN, "Whether the pool refuses new work."),
    PROPERTY(is_closed, TP_ON_ALL, BOOLEAN, "Whether the pool was gathered and closed."),
    PROPERTY(num_running, TP_ON_ALL, COUNT, "Number of tasks running."),
    PROPERTY(num_cancelled, TP_ON_ALL, COUNT,
             "Number of cancelled tasks whose cleanup has not finished."),
    PROPERTY(num_ended, TP_ON_ALL, COUNT, "Number of tasks ended since the last flush."),
    PROPERTY(num_ok, TP_ON_ALL, COUNT, "Number of tasks that have ended well, ever."),
    PROPERTY(num_failed, TP_ON_ALL, COUNT, "Number of tasks that were ended by an error, ever."),
    PROPERTY(num_cancelled_total, TP_ON_ALL, COUNT,
             "Number of tasks that were ended by a cancel, ever."),
    PROPERTY(num_timed_out, TP_ON_ALL, COUNT,
             "Number of tasks that were ended by their time limit, ever."),
    PROPERTY(num_retried, TP_ON_ALL, COUNT, "Number of times that a task was tried again."),
    PROPERTY(num_waiting, TP_ON_ALL, COUNT, "Number of tasks accepted but not started."),
    PROPERTY(is_full, TP_ON_ALL, BOOLEAN, "Whether as many tasks run as the pool's size allows."),
    {.name = "get_group_ids",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {{.name = "group_name",
                 .kind = TP_PARAM_REST,
                 .type = TP_PARAM_NAME,
                 .value = "NAME",
                 .of = TP_PARAM_OF_GROUP,
                 .help = "a group"}},
     .summary = "Ids of all tasks started in the groups and not flushed.",
     .call = l_pool_get_group_ids},
    {.name = "cancel",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .is_list = true,
     .params = {AT(CANCEL_MSG) = MESSAGE, AT(CANCEL_GRACE) = GRACE,
                AT(CANCEL_GROUP) = {.name = "group",
                                    .letter = 'G',
                                    .kind = TP_PARAM_OPTION,
                                    .type = TP_PARAM_NAME,
                                    .value = "NAME",
                                    .of = TP_PARAM_OF_GROUP,
                                    .help = "in place of TARGET: running tasks of this group"},
                AT(CANCEL_STATE) = {.name = "state",
                                    .letter = 's',
                                    .kind = TP_PARAM_OPTION,
                                    .type = TP_PARAM_NAME,
                                    .value = "STATE",
                                    .choices = "running waiting busy",
                                    .help = "the same, those in this state: running, of these "
                                            "waiting (for something) or busy (default: running)"},
                AT(CANCEL_FUNCTION_NAME) = {.name = "function_name",
                                            .letter = 'F',
                                            .kind = TP_PARAM_OPTION,
                                            .type = TP_PARAM_FUNCTION,
                                            .value = "FUNC",
                                            .help = "the same, those that call this function"},
                AT(CANCEL_OLDER) = {.name = "older",
                                    .letter = 'o',
                                    .kind = TP_PARAM_OPTION,
                                    .type = TP_PARAM_SECONDS,
                                    .value = "SECONDS",
                                    .help = "the same, those that started so long ago"},
                AT(CANCEL_DRY_RUN) = {.name = "dry_run",
                                      .letter = 'n',
                                      .kind = TP_PARAM_OPTION,
                                      .type = TP_PARAM_FLAG,
                                      .fallback = "false",
                                      .help = "the same; only show the ids"},
                AT(CANCEL_TARGET) = {.name = "target",
                                     .kind = TP_PARAM_ANY,
                                     .type = TP_PARAM_TARGET,
                                     .value = "TARGET",
                                     .help = "a running task by its id, or a group by its name"}},
     .summary =
         "Cancel tasks and groups, none if one cannot be cancelled; or tasks by what they are.",
     .result = TP_RESULT_ANY, /* ids, if tasks were asked for by what they are */
     .call = l_pool_cancel},
    {.name = "cancel_group",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(CANCEL_GROUP_NAME) = {.name = "group_name",
                                         .kind = TP_PARAM_REQUIRED,
                                         .type = TP_PARAM_NAME,
                                         .value = "NAME",
                                         .of = TP_PARAM_OF_GROUP,
                                         .help = "a group"},
                AT(CANCEL_GROUP_MSG) = MESSAGE, AT(CANCEL_GROUP_GRACE) = GRACE},
     .summary = "Cancel a group; tasks that have not started never start.",
     .call = l_pool_cancel_group},
    {.name = "cancel_all",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {AT(CANCEL_ALL_MSG) = MESSAGE, AT(CANCEL_ALL_GRACE) = GRACE},
     .summary = "Cancel every group.",
     .call = l_pool_cancel_all},
    {.name = "flush",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {RETURN_EXCEPTIONS},
     .summary = "Wait for callbacks of ended tasks, then forget those tasks.",
     .result = TP_RESULT_ANY,
     .call = l_pool_flush},
    {.name = "gather_and_close",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {RETURN_EXCEPTIONS},
     .summary = "Lock the pool, wait for all its work, close it.",
     .result = TP_RESULT_ANY,
     .call = l_pool_gather_and_close},
    {.name = "until_closed",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .summary = "Wait until the pool is closed.",
     .result = TP_RESULT_BOOLEAN,
     .call = l_pool_until_closed},
    {.name = "wait",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {AT(WAIT_TIMEOUT) = {.name = "timeout",
                                    .letter = 't',
                                    .kind = TP_PARAM_OPTION,
                                    .type = TP_PARAM_SECONDS,
                                    .value = "SECONDS",
                                    .help = "fail with TimedOut after this time (default: never)"},
                AT(WAIT_RETURN_EXCEPTIONS) = RETURN_EXCEPTIONS,
                AT(WAIT_TARGET) = {.name = "target",
                                   .kind = TP_PARAM_REST,
                                   .type = TP_PARAM_TARGET,
                                   .value = "TARGET",
                                   .help = "a group by its name, or a task by its id"}},
     .summary = "Wait until groups and tasks have ended; fail if any task failed.",
     .result = TP_RESULT_ANY,
     .call = l_pool_wait},
    {.name = "status",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .summary = "Show the pool's size, counts, order and bounds, and how its host is.",
     .fields = tp_status_fields,
     .call = l_pool_status},
    {.name = "groups",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {AT(GROUPS_ALL) = {.name = "all",
                                  .letter = 'a',
                                  .kind = TP_PARAM_OPTION,
                                  .type = TP_PARAM_FLAG,
                                  .fallback = "false",
                                  .help = "also those that have ended and were not flushed"},
                AT(GROUPS_LIMIT) = LIMIT},
     .summary = "List the groups: how far each is, and what holds it back.",
     .fields = tp_status_group_fields,
     .call = l_pool_groups},
    {.name = "tasks",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {AT(TASKS_GROUP) = {.name = "group",
                                   .letter = 'g',
                                   .kind = TP_PARAM_OPTION,
                                   .type = TP_PARAM_NAME,
                                   .value = "NAME",
                                   .of = TP_PARAM_OF_GROUP,
                                   .help = "only tasks of this group (default: any)"},
                AT(TASKS_STATE) = {.name = "state",
                                   .letter = 's',
                                   .kind = TP_PARAM_OPTION,
                                   .type = TP_PARAM_NAME,
                                   .value = "STATE",
                                   .choices = "running cancelled ended",
                                   .help = "waiting (not started), running, ended (its callback "
                                           "runs), or of those that "
                                           "have ended: ok, failed, cancelled, timed-out"},
                AT(TASKS_SORT) = {.name = "sort",
                                  .kind = TP_PARAM_OPTION,
                                  .type = TP_PARAM_NAME,
                                  .value = "BY",
                                  .help = "first the highest age or busy, or the lowest id or "
                                          "group (default: as they "
                                          "started, or ended)"},
                AT(TASKS_LIMIT) = LIMIT},
     .summary = "List the tasks that have started and are not done, or have ended in some way.",
     .fields = tp_tasks_fields,
     .call = l_pool_tasks},
    {.name = "results",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {AT(RESULTS_GROUP_NAME) = {.name = "group_name",
                                          .kind = TP_PARAM_REQUIRED,
                                          .type = TP_PARAM_NAME,
                                          .value = "NAME",
                                          .help = "a group, or a submitted call that has a name"},
                AT(RESULTS_ORDERED) = {.name = "ordered",
                                       .letter = 'o',
                                       .kind = TP_PARAM_OPTION,
                                       .type = TP_PARAM_FLAG,
                                       .fallback = "false",
                                       .help =
                                           "in the order of the group's tasks, not as they end"},
                AT(RESULTS_FOLLOW) = {.name = "follow",
                                      .letter = 'f',
                                      .kind = TP_PARAM_OPTION,
                                      .type = TP_PARAM_FLAG,
                                      .fallback = "false",
                                      .help = "go on until the group has ended, a line for each"},
                AT(RESULTS_LIMIT) =
                    {.name = "limit",
                     .letter = 'l',
                     .kind = TP_PARAM_OPTION,
                     .type = TP_PARAM_SIZE,
                     .value = "N",
                     .help = "how many to show at most, or inf (default: " TP_DEFAULT_TEXT(
                         TP_LIMIT_DEFAULT) "; with --follow: inf)"}},
     .summary = "Show what the tasks of a group have returned or raised, as far as it is kept.",
     .fields = tp_kept_fields,
     .call = l_pool_results},
    {.name = "traceback",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {{.name = "task_id",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_ID,
                 .value = "ID",
                 .help = "a task that has not ended, or has failed"}},
     .summary = "Show where a task is: its calls, the innermost first.",
     .result = TP_RESULT_TEXT,
     .call = l_pool_traceback},
    {.name = "task",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {{.name = "target",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_TARGET,
                 .value = "TARGET",
                 .help = "id of a task that was not flushed, or name of its group"}},
     .summary =
         "Show a task: its group, its state, its times, its error, and the outcome of its cancel.",
     .fields = tp_task_fields,
     .call = l_pool_task},
    {.name = NULL},
};

bool tp_method_is_option(const tp_param *param) {
  return param->kind == TP_PARAM_OPTION || param->kind == TP_PARAM_TRAILING;
}

const char *tp_method_type_name(tp_param_type type) {
  static const char *const names[TP_PARAM_TYPES] = {
      [TP_PARAM_FUNCTION] = "function", [TP_PARAM_ITERABLE] = "iterable",
      [TP_PARAM_LIST] = "list",         [TP_PARAM_TABLE] = "table",
      [TP_PARAM_INTEGER] = "integer",   [TP_PARAM_COUNT] = "count",
      [TP_PARAM_SIZE] = "size",         [TP_PARAM_NUMBER] = "number",
      [TP_PARAM_SECONDS] = "seconds",   [TP_PARAM_ID] = "id",
      [TP_PARAM_NAME] = "name",         [TP_PARAM_POLICY] = "policy",
      [TP_PARAM_TARGET] = "target",     [TP_PARAM_FLAG] = "flag",
      [TP_PARAM_LINE] = "line",
  };
  return names[type];
}

const char *tp_method_kind_name(tp_param_kind kind) {
  static const char *const names[] = {
      [TP_PARAM_REQUIRED] = "required", [TP_PARAM_OPTIONAL] = "optional",
      [TP_PARAM_REST] = "rest",         [TP_PARAM_ANY] = "any",
      [TP_PARAM_TRAILING] = "trailing", [TP_PARAM_OPTION] = "option",
  };
  return names[kind];
}

const char *tp_method_result_name(const tp_method *method) {
  static const char *const names[] = {
      [TP_RESULT_ANY] = "any",     [TP_RESULT_TEXT] = "text",     [TP_RESULT_GROUP] = "group",
      [TP_RESULT_COUNT] = "count", [TP_RESULT_SIZE] = "size",     [TP_RESULT_BOOLEAN] = "boolean",
      [TP_RESULT_ROWS] = "rows",   [TP_RESULT_STREAM] = "stream",
  };
  if (method->result != TP_RESULT_DEFAULT)
    return names[method->result];
  if (method->fields)
    return method->is_list ? "rows" : "table";
  return method->is_list ? "ids" : "nothing";
}

const tp_method *tp_method_find(const char *name, int on) {
  for (const tp_method *method = tp_methods; method->name; method++)
    if ((method->on & on) && strcmp(method->name, name) == 0)
      return method;
  return NULL;
}

void tp_method_find_closest(tp_closest *closest, const tp_method *methods, int on) {
  size_t limit = closest->method ? closest->distance : closest->length / 3 + 2;
  for (const tp_method *method = methods; method->name; method++) {
    size_t distance = tp_distance(method->name, closest->text, closest->length);
    if ((method->on & on) && distance < limit) {
      closest->method = method;
      closest->distance = limit = distance;
    }
  }
}
