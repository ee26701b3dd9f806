/* SPDX-License-Identifier: MIT
 *
 * The classes of pools: constructors, and how a name becomes a method or a property. */
#include "binding/class.h"
#include "binding/arguments.h"
#include "binding/executor.h"
#include "binding/funcname.h"
#include "binding/handle.h"
#include "binding/kept.h"
#include "binding/load.h"
#include "binding/method.h"
#include "binding/policy.h"
#include "binding/rows.h"
#include "binding/slots.h"
#include "exec/bind.h"
#include "exec/retry.h"
#include "exec/run.h"
#include "host/host.h"
#include "value/raise.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

/* ---- constructors ---- */

/* The place of an option in its list, which is that of its slot above the table of options. One
 * without a name, which nothing sets, ends the list. */
#define AT(slot) [slot - TABLE - 1]

/* Options that both constructors take; `size` has two names, like the property. */
#define SIZE_OPTION                                                                                \
  { .name = "size", .type = TP_PARAM_SIZE }
#define POOL_SIZE_OPTION                                                                           \
  { .name = "pool_size", .type = TP_PARAM_SIZE }
#define NAME_OPTION                                                                                \
  { .name = "name", .type = TP_PARAM_NAME }
#define GRACE_OPTION                                                                               \
  { .name = "cancel_grace", .type = TP_PARAM_SECONDS }
#define RETRIES_OPTION                                                                             \
  { .name = "retries", .type = TP_PARAM_POLICY }
#define RATE_OPTION                                                                                \
  { .name = "rate", .type = TP_PARAM_POLICY }
#define KEEP_RESULTS_OPTION                                                                        \
  { .name = "keep_results", .type = TP_PARAM_SIZE }
#define EXECUTOR_OPTION                                                                            \
  { .name = "executor", .type = TP_PARAM_NAME }
#define THREADS_OPTION                                                                             \
  { .name = "threads", .type = TP_PARAM_COUNT }

/* Takes the option `pool_size`, in the slot after `size`, for `size` where that is not given. */
static void merge_sizes(lua_State *L, int size, const char *what) {
  if (lua_isnil(L, size + 1))
    return;
  if (!lua_isnil(L, size))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: 'size' and 'pool_size' mean the same; give one of them",
             what);
  lua_copy(L, size + 1, size);
}

static tp_order to_order(lua_State *L, int index) {
  if (lua_isnil(L, index))
    return TP_ORDER_FIFO;
  for (tp_order order = TP_ORDER_FIFO; order <= TP_ORDER_PRIORITY; order++)
    if (strcmp(lua_tostring(L, index), tp_pool_order_name(order)) == 0)
      return order;
  tp_raise(L, TP_INVALID_ARGUMENT, "TaskPool: 'order' must be fifo, lifo or priority, not '%s'",
           lua_tostring(L, index));
  return TP_ORDER_FIFO;
}

/* Seconds between two decisions of a pool that scales itself: the default, and the minimum. */
#define INTERVAL_DEFAULT 1.0
#define INTERVAL_MIN 0.001

/* The bounds that the table at `table` (or nil) gives, and the first size of a pool with them. */
static tp_bounds read_bounds(lua_State *L, int table, int size, uint64_t *first) {
  enum { MIN, MAX, INTERVAL, END };
  static const tp_param options[END + 1] = {
      [MIN] = {.name = "min", .type = TP_PARAM_COUNT},
      [MAX] = {.name = "max", .type = TP_PARAM_COUNT},
      [INTERVAL] = {.name = "interval", .type = TP_PARAM_SECONDS}};
  *first = tp_arguments_to_size(L, size);
  if (lua_isnil(L, table))
    return (tp_bounds){0};
  int slots = lua_gettop(L) + 1, min = slots + MIN, max = slots + MAX;
  tp_arguments_lay_out_options(L, table, "autoscale", options);
  tp_bounds bounds = {.min = lua_isnil(L, min) ? 1 : (uint64_t)lua_tointeger(L, min),
                      .max = (uint64_t)lua_tointeger(L, max),
                      .interval = luaL_optnumber(L, slots + INTERVAL, INTERVAL_DEFAULT)};
  if (bounds.max == 0 || bounds.max < bounds.min)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "autoscale: 'max' must be given, at least 1 and not below 'min'");
  if (bounds.interval < INTERVAL_MIN)
    tp_raise(L, TP_INVALID_ARGUMENT, "autoscale: 'interval' must be at least %g seconds",
             INTERVAL_MIN);
  if (lua_isnil(L, size))
    *first = bounds.min;
  if (*first < bounds.min || *first > bounds.max)
    tp_raise(L, TP_INVALID_ARGUMENT, "TaskPool: 'size' must be within the bounds of 'autoscale'");
  return bounds;
}

/* Options of both kinds of pools for the starts and ends of their tasks. */
typedef struct defaults {
  double grace;   /* seconds that a cancelled task has */
  tp_retry retry; /* of calls that set none */
  tp_rate rate;   /* of the starts */
  uint64_t kept;  /* how many records it keeps */
} defaults;

/* Reads the options GRACE, RETRIES, RATE and KEEP_RESULTS, in the slots from `index` on. */
static defaults read_defaults(lua_State *L, int index, const char *what) {
  const tp_retry none = {.n = TP_RETRIES_DEFAULT};
  return (defaults){.grace = luaL_optnumber(L, index, TP_GRACE_DEFAULT),
                    .retry = tp_policy_retries(L, index + 1, what, &none),
                    .rate = tp_policy_rate(L, index + 2, what),
                    .kept = lua_isnil(L, index + 3) ? TP_RECORDS_MAX
                                                    : tp_arguments_to_size(L, index + 3)};
}

static void set_defaults(tp_pool *pool, const defaults *to) {
  tp_run *run = pool->owner;
  run->grace = to->grace;
  run->retry = to->retry;
  pool->records.most = to->kept;
  tp_pool_set_rate(pool, &to->rate);
}

int l_task_pool_new(lua_State *L) {
  enum {
    TABLE = 1,
    SIZE,
    POOL_SIZE,
    NAME,
    GRACE,
    RETRIES,
    RATE,
    KEEP_RESULTS,
    ORDER,
    QUEUE_LIMIT,
    AUTOSCALE,
    EXECUTOR,
    THREADS,
    TOP = THREADS
  };
  static const tp_param options[TOP - TABLE + 1] = {
      AT(SIZE) = SIZE_OPTION,
      AT(POOL_SIZE) = POOL_SIZE_OPTION,
      AT(NAME) = NAME_OPTION,
      AT(GRACE) = GRACE_OPTION,
      AT(RETRIES) = RETRIES_OPTION,
      AT(RATE) = RATE_OPTION,
      AT(KEEP_RESULTS) = KEEP_RESULTS_OPTION,
      AT(ORDER) = {.name = "order", .type = TP_PARAM_NAME},
      AT(QUEUE_LIMIT) = {.name = "queue_limit", .type = TP_PARAM_SIZE},
      AT(AUTOSCALE) = {.name = "autoscale", .type = TP_PARAM_TABLE},
      AT(EXECUTOR) = EXECUTOR_OPTION,
      AT(THREADS) = THREADS_OPTION};
  uint64_t size;
  lua_settop(L, TABLE);
  tp_arguments_lay_out_options(L, TABLE, "TaskPool", options);
  merge_sizes(L, SIZE, "TaskPool");
  tp_order order = to_order(L, ORDER);
  defaults given = read_defaults(L, GRACE, "TaskPool");
  tp_bounds bounds = read_bounds(L, AUTOSCALE, SIZE, &size);
  bool has_threads = tp_executor_is_asked(L, "TaskPool", EXECUTOR);
  lua_settop(L, TOP);
  tp_load_check(L, "no pool can be made");
  tp_pool *pool = tp_handle_create(L, TP_ON_TASK_POOL, lua_tostring(L, NAME), size);
  set_defaults(pool, &given);
  pool->order = order;
  pool->queue_limit = tp_arguments_to_size(L, QUEUE_LIMIT);
  if (bounds.max)
    tp_run_set_bounds(pool, &bounds);
  if (has_threads)
    tp_executor_equip(L, pool, THREADS);
  return 1;
}

/* Keeps what tasks call in the handle on top: the values at these indexes. */
static void keep_values(lua_State *L, const int indexes[TP_HANDLE_NAME + 1]) {
  for (int i = TP_HANDLE_FUNCTION; i <= TP_HANDLE_NAME; i++) {
    lua_pushvalue(L, indexes[i]);
    lua_setiuservalue(L, -2, i);
  }
}

int l_simple_task_pool_new(lua_State *L) {
  static const char *const what = "SimpleTaskPool";
  static const tp_param function = {.name = "func", .type = TP_PARAM_FUNCTION};
  enum {
    FUNC = 1,
    TABLE,
    ARGS,
    KWARGS,
    END_CALLBACK,
    CANCEL_CALLBACK,
    SIZE,
    POOL_SIZE,
    NAME,
    GRACE,
    RETRIES,
    RATE,
    KEEP_RESULTS,
    RESULTS,
    EXECUTOR,
    THREADS,
    BOUND
  };
  static const tp_param options[BOUND - TABLE] = {
      AT(ARGS) = {.name = "args", .type = TP_PARAM_LIST},
      AT(KWARGS) = {.name = "kwargs", .type = TP_PARAM_TABLE},
      AT(END_CALLBACK) = {.name = "end_callback", .type = TP_PARAM_FUNCTION},
      AT(CANCEL_CALLBACK) = {.name = "cancel_callback", .type = TP_PARAM_FUNCTION},
      AT(SIZE) = SIZE_OPTION,
      AT(POOL_SIZE) = POOL_SIZE_OPTION,
      AT(NAME) = NAME_OPTION,
      AT(GRACE) = GRACE_OPTION,
      AT(RETRIES) = RETRIES_OPTION,
      AT(RATE) = RATE_OPTION,
      AT(KEEP_RESULTS) = KEEP_RESULTS_OPTION,
      AT(RESULTS) = {.name = "results", .type = TP_PARAM_NAME},
      AT(EXECUTOR) = EXECUTOR_OPTION,
      AT(THREADS) = THREADS_OPTION};
  lua_settop(L, TABLE);
  tp_arguments_check(L, FUNC, what, &function);
  tp_arguments_lay_out_options(L, TABLE, what, options);
  merge_sizes(L, SIZE, what);
  bool has_threads = tp_executor_is_asked(L, what, EXECUTOR);
  tp_bind_arguments(L, FUNC, ARGS, KWARGS);
  tp_funcname_push(L, FUNC);
  defaults given = read_defaults(L, GRACE, what);
  tp_keep results = tp_kept_read(L, RESULTS, what);
  tp_load_check(L, "no pool can be made");
  tp_pool *pool =
      tp_handle_create(L, TP_ON_SIMPLE_POOL, lua_tostring(L, NAME), tp_arguments_to_size(L, SIZE));
  set_defaults(pool, &given);
  ((tp_run *)pool->owner)->results = results;
  const int values[] = {[TP_HANDLE_FUNCTION] = FUNC,
                        [TP_HANDLE_ARGUMENTS] = BOUND,
                        [TP_HANDLE_END_CALLBACK] = END_CALLBACK,
                        [TP_HANDLE_CANCEL_CALLBACK] = CANCEL_CALLBACK,
                        [TP_HANDLE_NAME] = BOUND + 1};
  keep_values(L, values);
  if (has_threads)
    tp_executor_equip(L, pool, THREADS);
  return 1;
}

/* ---- the classes ---- */

/* Lua: calls a method with its arguments laid out. Upvalue: the record. */
static int l_call(lua_State *L) {
  const tp_method *method = lua_touserdata(L, lua_upvalueindex(1));
  const tp_pool *pool = tp_handle_check(L, 1);
  if (!(method->on & pool->kind))
    return tp_raise(L, TP_INVALID_ARGUMENT, "%s has no method '%s'", pool->label, method->name);
  tp_arguments_lay_out(L, method);
  int count = method->call(L);
  return method->is_list && count == 1 ? tp_rows_return(L) : count;
}

/* Raises that the pool at [1] has nothing of the name at [2]. */
static int refuse_name(lua_State *L) {
  const tp_pool *pool = tp_handle_check(L, 1);
  if (lua_type(L, 2) != LUA_TSTRING)
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "%s has methods and properties; its keys are their names, not a %s",
                    pool->label, luaL_typename(L, 2));
  tp_closest closest = {.text = lua_tostring(L, 2), .length = lua_rawlen(L, 2)};
  const tp_method *elsewhere = tp_method_find(closest.text, TP_ON_ALL);
  if (elsewhere)
    return tp_raise(L, TP_INVALID_ARGUMENT, "%s has no '%s'; a %s has it", pool->label,
                    closest.text, tp_handle_class(elsewhere->on));
  tp_method_find_closest(&closest, tp_methods, pool->kind);
  if (!closest.method)
    return tp_raise(L, TP_INVALID_ARGUMENT, "%s has no method or property '%.100s'", pool->label,
                    closest.text);
  return tp_raise(L, TP_INVALID_ARGUMENT,
                  "%s has no method or property '%.100s'; did you mean '%s'?", pool->label,
                  closest.text, closest.method->name);
}

/* Lua: pool.name. Upvalue: the table of methods (functions) and properties (records). */
static int l_index(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  int type = lua_rawget(L, lua_upvalueindex(1));
  if (type == LUA_TNIL)
    return refuse_name(L);
  if (type != LUA_TLIGHTUSERDATA)
    return 1;
  const tp_method *method = lua_touserdata(L, -1);
  lua_settop(L, 1);
  lua_pushnil(L);
  return method->call(L);
}

/* Lua: pool.name = value. Upvalue: as above. */
static int l_newindex(lua_State *L) {
  lua_settop(L, 3);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
    return refuse_name(L);
  const tp_method *method = lua_touserdata(L, -1);
  if (!method || !method->params[0].kind)
    return tp_raise(L, TP_INVALID_ARGUMENT, "'%s' of %s cannot be set", lua_tostring(L, 2),
                    tp_handle_check(L, 1)->label);
  lua_pop(L, 1);
  lua_remove(L, 2);
  tp_arguments_check(L, 2, method->name, &method->params[0]);
  return method->call(L);
}

/* Pushes the table name -> method or record for pools of that kind. */
static void push_members(lua_State *L, int kind) {
  lua_newtable(L);
  for (const tp_method *method = tp_methods; method->name; method++) {
    if (!(method->on & kind))
      continue;
    lua_pushlightuserdata(L, (void *)method);
    if (!method->property)
      lua_pushcclosure(L, l_call, 1);
    lua_setfield(L, -2, method->name);
  }
}

static void open_class(lua_State *L, int kind) {
  luaL_newmetatable(L, tp_handle_class(kind));
  tp_handle_open(L);
  push_members(L, kind);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_index, 1);
  lua_setfield(L, -3, "__index");
  lua_pushcclosure(L, l_newindex, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, tp_handle_class(kind));
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

/* Lua: on_scope_end(function): it is called as function(pool, error) at the end of the scope of a
 * <close> variable. */
int l_core_on_scope_end(lua_State *L) {
  static const int kinds[] = {TP_ON_TASK_POOL, TP_ON_SIMPLE_POOL};
  luaL_checktype(L, 1, LUA_TFUNCTION);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    luaL_getmetatable(L, tp_handle_class(kinds[i]));
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "__close");
  }
  return 0;
}

/* Lua: the text of a set. */
static int l_set_tostring(lua_State *L) {
  tp_text_push(L, 1);
  return 1;
}

void tp_class_open(lua_State *L) {
  open_class(L, TP_ON_TASK_POOL);
  open_class(L, TP_ON_SIMPLE_POOL);
  luaL_newmetatable(L, TP_SET_TYPE);
  lua_pushcfunction(L, l_set_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pop(L, 1);
}
