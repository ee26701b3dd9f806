/* SPDX-License-Identifier: MIT
 *
 * Pools for C programs: each method of binding/method.c as a function of taskpool.h.
 *
 * To add a method: a function here, through lib/method.h, and its declaration. A spec tells which
 * is missing. */
#include "pool/pool.h"
#include "base/fail.h"
#include "binding/class.h"
#include "binding/handle.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "host/host.h"
#include "lib/convert.h"
#include "lib/method.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Its address is the registry key of the text that was returned last. */
static const char text_key;

/* ---- results ---- */

/* A tp_method_take: keeps the text on top. */
static void take_text(void *context, lua_State *L, int count) {
  (void)count;
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &text_key);
  *(const char **)context = lua_tostring(L, -1);
}

static const char *call_for_text(const tp_method_call *call, tp_error *error) {
  const char *text = NULL;
  return tp_method_call_now(call, take_text, &text, error) ? text : NULL;
}

/* A tp_method_take: reads the value on top. Raises where that is not possible. */
static void take_value(void *context, lua_State *L, int count) {
  tp_error error;
  tp_value **value = context;
  *value = tp_convert_read(L, lua_gettop(L), count > 0, "result", &error);
  if (!*value)
    tp_raise_error(L, &error);
}

static tp_value *call_for_value(const tp_method_call *call, tp_error *error) {
  tp_value *value = NULL;
  tp_method_call_now(call, take_value, &value, error);
  return value;
}

static bool call_for_nothing(const tp_method_call *call, tp_error *error) {
  return tp_method_call_now(call, NULL, NULL, error);
}

/* ---- lifetime ---- */

tp_host *tp_pool_host(const tp_pool *pool) {
  return pool ? tp_method_host(pool) : NULL;
}

const char *tp_pool_label(const tp_pool *pool) {
  return pool ? pool->label : "";
}

void tp_pool_options_init(tp_pool_options *options) {
  *options = (tp_pool_options){.struct_size = sizeof *options,
                               .size = TP_UNLIMITED,
                               .cancel_grace = TP_GRACE_DEFAULT,
                               .queue_limit = TP_UNLIMITED};
}

/* A pool that is made or found. */
typedef struct wanted {
  tp_host *host;
  const tp_pool_options *options; /* of the new pool, … */
  const char *label;              /* … or of the one to be found */
  tp_pool *pool;                  /* the result */
} wanted;

/* Keeps the pool whose handle is on top until tp_pool_release. The key is not that by which its
 * handle is pinned. */
static void hold(lua_State *L, wanted *of, tp_pool *pool) {
  lua_rawsetp(L, LUA_REGISTRYINDEX, &pool->label);
  of->pool = pool;
}

static void add_size(tp_method_call *call, const char *name, uint64_t size) {
  if (size != TP_UNLIMITED)
    tp_method_add_option(call, name, tp_method_to_size(size));
}

/* The options of a constructor in Lua. */
static tp_method_call list_options(const tp_pool_options *from) {
  tp_method_call call = {.end_callback = from->end_callback,
                         .cancel_callback = from->cancel_callback,
                         .context = from->context};
  tp_method_add_text(&call, "name", from->name);
  add_size(&call, "size", from->size);
  tp_method_add_option(&call, "cancel_grace", tp_number(from->cancel_grace));
  tp_method_add_value(&call, "retries", from->retries);
  tp_method_add_value(&call, "rate", from->rate);
  tp_method_add_text(&call, "executor", from->executor);
  if (from->threads)
    tp_method_add_option(&call, "threads", tp_integer(from->threads));
  tp_method_add_text(&call, "order", from->order);
  add_size(&call, "queue_limit", from->queue_limit);
  tp_method_add_value(&call, "autoscale", from->autoscale);
  tp_method_add_value(&call, "args", from->args);
  tp_method_add_value(&call, "kwargs", from->kwargs);
  return call;
}

/* Opens the classes of pools, if no script has done so. */
static void open_classes(lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "taskpool.core");
  lua_call(L, 1, 0);
}

/* Lua: makes a pool. Stack: the wanted. */
static int l_create(lua_State *L) {
  wanted *of = lua_touserdata(L, 1);
  open_classes(L);
  const tp_pool_options *from = of->options;
  tp_method_call call = list_options(from);
  lua_pushcfunction(L, from->function ? l_simple_task_pool_new : l_task_pool_new);
  if (from->function)
    lua_pushstring(L, from->function);
  tp_method_push_options(L, &call);
  lua_call(L, from->function ? 2 : 1, 1);
  tp_pool *pool = tp_handle_check(L, -1);
  hold(L, of, pool);
  return 0;
}

tp_pool *tp_pool_create(tp_host *host, const tp_pool_options *options, tp_error *error) {
  tp_pool_options copy;
  wanted of = {.host = host, .options = &copy};
  if (!tp_fail_unless_given(host, "host", error))
    return NULL;
  tp_pool_options_init(&copy);
  if (options && (options->struct_size == 0 || options->struct_size > sizeof copy)) {
    tp_fail(error, TP_INVALID_ARGUMENT, "options: call tp_pool_options_init before setting fields");
    return NULL;
  }
  if (options)
    memcpy(&copy, options, options->struct_size);
  return tp_method_protect(host, l_create, &of, error) ? of.pool : NULL;
}

/* Lua: finds a pool. Stack: the wanted. */
static int l_find(lua_State *L) {
  wanted *of = lua_touserdata(L, 1);
  tp_pool *pool;
  TAILQ_FOREACH (pool, &of->host->pools, host_link) {
    if (strcmp(pool->label, of->label) != 0)
      continue;
    tp_handle_push(L, pool);
    if (lua_isnil(L, -1)) /* it is being collected */
      break;
    hold(L, of, pool);
    return 0;
  }
  return tp_raise(L, TP_NOT_FOUND, "no pool prints as '%s'", of->label);
}

tp_pool *tp_pool_find(tp_host *host, const char *label, tp_error *error) {
  wanted of = {.host = host, .label = label};
  if (!tp_fail_unless_given(host, "host", error) || !tp_fail_unless_given(label, "label", error))
    return NULL;
  return tp_method_protect(host, l_find, &of, error) ? of.pool : NULL;
}

void tp_pool_release(tp_pool *pool) {
  if (!pool)
    return;
  lua_State *L = tp_pool_host(pool)->L;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &pool->label); /* a key that is there needs no memory */
}

/* ---- adding work ---- */

/* Begins a call of a function by its name. */
static tp_method_call call_of(tp_pool *pool, const char *method, const char *function) {
  tp_method_call call = {.pool = pool, .name = method, .count = 1};
  call.arguments[0] = tp_string(function);
  return call;
}

const char *tp_pool_apply(tp_pool *pool, const char *function, const tp_value *args, size_t count,
                          const tp_call_options *options, tp_error *error) {
  if (!tp_fail_unless_given(function, "function", error))
    return NULL;
  tp_method_call call = call_of(pool, "apply", function);
  if (count)
    tp_method_add_option(&call, "args", tp_list(args, count));
  return tp_method_add_options(&call, options, error) ? call_for_text(&call, error) : NULL;
}

static const char *map(tp_pool *pool, const char *method, const char *function,
                       const tp_items *items, const tp_call_options *options, tp_error *error) {
  if (!tp_fail_unless_given(function, "function", error) ||
      !tp_fail_unless_given(items, "items", error))
    return NULL;
  tp_method_call call = call_of(pool, method, function);
  call.items = items;
  return tp_method_add_options(&call, options, error) ? call_for_text(&call, error) : NULL;
}

const char *tp_pool_map(tp_pool *pool, const char *function, const tp_items *items,
                        const tp_call_options *options, tp_error *error) {
  return map(pool, "map", function, items, options, error);
}

const char *tp_pool_starmap(tp_pool *pool, const char *function, const tp_items *items,
                            const tp_call_options *options, tp_error *error) {
  return map(pool, "starmap", function, items, options, error);
}

const char *tp_pool_doublestarmap(tp_pool *pool, const char *function, const tp_items *items,
                                  const tp_call_options *options, tp_error *error) {
  return map(pool, "doublestarmap", function, items, options, error);
}

const char *tp_pool_start(tp_pool *pool, uint64_t num, tp_error *error) {
  return call_for_text(
      &(tp_method_call){
          .pool = pool, .name = "start", .arguments = {tp_integer((int64_t)num)}, .count = 1},
      error);
}

/* Makes a call of `function` with positional arguments. False: InvalidArgument. */
static bool make_submit(tp_method_call *call, const char *function, const tp_value *args,
                        size_t count, const tp_call_options *options, tp_error *error) {
  if (!tp_fail_unless_given(function, "function", error))
    return false;
  call->arguments[0] = tp_string(function);
  call->arguments[1] = tp_list(args, count);
  call->count = 2;
  return tp_method_add_options(call, options, error);
}

tp_future *tp_pool_submit(tp_pool *pool, const char *function, const tp_value *args, size_t count,
                          const tp_call_options *options, tp_done_fn done, void *context,
                          tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "submit_nowait"}; /* this function does not wait */
  return make_submit(&call, function, args, count, options, error)
             ? tp_method_submit(&call, true, done, context, error)
             : NULL;
}

tp_future *tp_pool_submit_nowait(tp_pool *pool, const char *function, const tp_value *args,
                                 size_t count, const tp_call_options *options, tp_done_fn done,
                                 void *context, tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "submit_nowait"};
  return make_submit(&call, function, args, count, options, error)
             ? tp_method_submit(&call, false, done, context, error)
             : NULL;
}

/* ---- cancelling ---- */

static void add_reason(tp_method_call *call, const char *message, double grace) {
  if (message)
    tp_method_add_option(call, "msg", tp_string(message));
  if (grace >= 0)
    tp_method_add_option(call, "grace", tp_number(grace));
}

bool tp_pool_cancel(tp_pool *pool, const uint64_t *tasks, size_t count, const char *message,
                    double grace, tp_error *error) {
  tp_value *ids = calloc(count + 1, sizeof *ids);
  if (!ids)
    return tp_fail(error, TP_NO_MEMORY, "no memory to cancel");
  for (size_t i = 0; i < count; i++)
    ids[i] = tp_integer((int64_t)tasks[i]);
  tp_value list = tp_list(ids, count);
  tp_method_call call = {.pool = pool, .name = "cancel", .rest = &list};
  add_reason(&call, message, grace);
  bool ok = call_for_nothing(&call, error);
  free(ids);
  return ok;
}

bool tp_pool_cancel_group(tp_pool *pool, const char *group, const char *message, double grace,
                          tp_error *error) {
  if (!tp_fail_unless_given(group, "group", error))
    return false;
  tp_method_call call = {
      .pool = pool, .name = "cancel_group", .arguments = {tp_string(group)}, .count = 1};
  add_reason(&call, message, grace);
  return call_for_nothing(&call, error);
}

bool tp_pool_cancel_all(tp_pool *pool, const char *message, double grace, tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "cancel_all"};
  add_reason(&call, message, grace);
  return call_for_nothing(&call, error);
}

static bool stop(const tp_method_call *call, tp_value **stopped, tp_error *error) {
  if (!stopped)
    return call_for_nothing(call, error);
  *stopped = call_for_value(call, error);
  return *stopped != NULL;
}

bool tp_pool_stop(tp_pool *pool, uint64_t num, tp_value **stopped, tp_error *error) {
  return stop(
      &(tp_method_call){
          .pool = pool, .name = "stop", .arguments = {tp_integer((int64_t)num)}, .count = 1},
      stopped, error);
}

bool tp_pool_stop_all(tp_pool *pool, tp_value **stopped, tp_error *error) {
  return stop(&(tp_method_call){.pool = pool, .name = "stop_all"}, stopped, error);
}

/* ---- waiting ---- */

static bool wait(tp_method_call *call, bool return_exceptions, tp_done_fn done, void *context,
                 tp_error *error) {
  if (return_exceptions)
    tp_method_add_option(call, "return_exceptions", tp_boolean(true));
  return tp_method_start(call, done, context, error);
}

bool tp_pool_wait(tp_pool *pool, const tp_value *targets, double timeout, bool return_exceptions,
                  tp_done_fn done, void *context, tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "wait", .rest = targets};
  if (!tp_fail_unless_given(targets, "targets", error))
    return false;
  if (targets->type != TP_LIST)
    return tp_fail(error, TP_INVALID_ARGUMENT, "targets must be a list");
  if (timeout > 0)
    tp_method_add_option(&call, "timeout", tp_number(timeout));
  return wait(&call, return_exceptions, done, context, error);
}

bool tp_pool_flush(tp_pool *pool, bool return_exceptions, tp_done_fn done, void *context,
                   tp_error *error) {
  return wait(&(tp_method_call){.pool = pool, .name = "flush"}, return_exceptions, done, context,
              error);
}

bool tp_pool_gather_and_close(tp_pool *pool, bool return_exceptions, tp_done_fn done, void *context,
                              tp_error *error) {
  return wait(&(tp_method_call){.pool = pool, .name = "gather_and_close"}, return_exceptions, done,
              context, error);
}

bool tp_pool_until_closed(tp_pool *pool, tp_done_fn done, void *context, tp_error *error) {
  return wait(&(tp_method_call){.pool = pool, .name = "until_closed"}, false, done, context, error);
}

/* ---- looking ---- */

tp_value *tp_pool_status(tp_pool *pool, tp_error *error) {
  return call_for_value(&(tp_method_call){.pool = pool, .name = "status"}, error);
}

tp_value *tp_pool_groups(tp_pool *pool, bool all, uint64_t limit, tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "groups"};
  tp_method_add_option(&call, "all", tp_boolean(all));
  tp_method_add_option(&call, "limit", tp_method_to_size(limit));
  return call_for_value(&call, error);
}

tp_value *tp_pool_tasks(tp_pool *pool, const char *group, const char *state, uint64_t limit,
                        tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "tasks"};
  if (group)
    tp_method_add_option(&call, "group", tp_string(group));
  if (state)
    tp_method_add_option(&call, "state", tp_string(state));
  tp_method_add_option(&call, "limit", tp_method_to_size(limit));
  return call_for_value(&call, error);
}

/* A call with the id of a task. */
static tp_method_call call_with_id(tp_pool *pool, const char *method, uint64_t task) {
  return (tp_method_call){
      .pool = pool, .name = method, .arguments = {tp_integer((int64_t)task)}, .count = 1};
}

tp_value *tp_pool_task(tp_pool *pool, uint64_t task, tp_error *error) {
  tp_method_call call = call_with_id(pool, "task", task);
  return call_for_value(&call, error);
}

tp_value *tp_pool_get_group_ids(tp_pool *pool, const char *group, tp_error *error) {
  if (!tp_fail_unless_given(group, "group", error))
    return NULL;
  return call_for_value(
      &(tp_method_call){
          .pool = pool, .name = "get_group_ids", .arguments = {tp_string(group)}, .count = 1},
      error);
}

const char *tp_pool_traceback(tp_pool *pool, uint64_t task, tp_error *error) {
  tp_method_call call = call_with_id(pool, "traceback", task);
  return call_for_text(&call, error);
}

const char *tp_pool_func_name(tp_pool *pool, tp_error *error) {
  return call_for_text(&(tp_method_call){.pool = pool, .name = "func_name"}, error);
}

/* ---- counts and state ---- */

uint64_t tp_pool_num_running(const tp_pool *pool) {
  return pool ? pool->running : 0;
}

uint64_t tp_pool_num_waiting(const tp_pool *pool) {
  return pool ? tp_pool_waiting(pool) : 0;
}

uint64_t tp_pool_num_cancelled(const tp_pool *pool) {
  return pool ? pool->cancelled : 0;
}

uint64_t tp_pool_num_ended(const tp_pool *pool) {
  return pool ? pool->ended : 0;
}

uint64_t tp_pool_num_ok(const tp_pool *pool) {
  return pool ? tp_pool_ok(pool) : 0;
}

uint64_t tp_pool_num_failed(const tp_pool *pool) {
  return pool ? pool->ends.failed : 0;
}

uint64_t tp_pool_num_cancelled_total(const tp_pool *pool) {
  return pool ? pool->ends.cancelled : 0;
}

uint64_t tp_pool_num_timed_out(const tp_pool *pool) {
  return pool ? pool->ends.timed_out : 0;
}

uint64_t tp_pool_num_retried(const tp_pool *pool) {
  return pool ? pool->retried : 0;
}

uint64_t tp_pool_size(const tp_pool *pool) {
  return pool ? pool->size : 0;
}

uint64_t tp_pool_pool_size(const tp_pool *pool) {
  return tp_pool_size(pool);
}

uint64_t tp_pool_queue_limit(const tp_pool *pool) {
  return pool ? pool->queue_limit : 0;
}

const char *tp_pool_order(const tp_pool *pool) {
  return pool ? tp_pool_order_name(pool->order) : "";
}

bool tp_pool_is_full(const tp_pool *pool) {
  return pool && tp_pool_is_at_limit(pool);
}

bool tp_pool_is_locked(const tp_pool *pool) {
  return pool && pool->locked;
}

bool tp_pool_is_closed(const tp_pool *pool) {
  return pool && pool->closed;
}

bool tp_pool_paused(const tp_pool *pool) {
  return pool && pool->paused;
}

/* ---- changing ---- */

bool tp_pool_set_size(tp_pool *pool, uint64_t size, tp_error *error) {
  return call_for_nothing(
      &(tp_method_call){
          .pool = pool, .name = "size", .arguments = {tp_method_to_size(size)}, .count = 1},
      error);
}

bool tp_pool_scale(tp_pool *pool, int64_t by, bool hard, tp_error *error) {
  tp_method_call call = {.pool = pool, .name = "scale", .arguments = {tp_integer(by)}, .count = 1};
  if (hard)
    tp_method_add_option(&call, "hard", tp_boolean(true));
  return call_for_nothing(&call, error);
}

bool tp_pool_set_weight(tp_pool *pool, const char *group, double weight, tp_error *error) {
  if (!tp_fail_unless_given(group, "group", error))
    return false;
  return call_for_nothing(&(tp_method_call){.pool = pool,
                                            .name = "set_weight",
                                            .arguments = {tp_string(group), tp_number(weight)},
                                            .count = 2},
                          error);
}

bool tp_pool_set_concurrency(tp_pool *pool, const char *group, uint64_t num_concurrent,
                             tp_error *error) {
  if (!tp_fail_unless_given(group, "group", error))
    return false;
  tp_value limit = tp_method_to_size(num_concurrent);
  return call_for_nothing(&(tp_method_call){.pool = pool,
                                            .name = "set_concurrency",
                                            .arguments = {tp_string(group), limit},
                                            .count = 2},
                          error);
}

bool tp_pool_lock(tp_pool *pool, tp_error *error) {
  return call_for_nothing(&(tp_method_call){.pool = pool, .name = "lock"}, error);
}

bool tp_pool_unlock(tp_pool *pool, tp_error *error) {
  return call_for_nothing(&(tp_method_call){.pool = pool, .name = "unlock"}, error);
}

bool tp_pool_pause(tp_pool *pool, tp_error *error) {
  return call_for_nothing(&(tp_method_call){.pool = pool, .name = "pause"}, error);
}

bool tp_pool_resume(tp_pool *pool, tp_error *error) {
  return call_for_nothing(&(tp_method_call){.pool = pool, .name = "resume"}, error);
}
