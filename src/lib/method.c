/* SPDX-License-Identifier: MIT
 *
 * A method of a pool, called from C; see method.h.
 *
 * The arguments are pushed as a Lua program would give them, and laid out by the method's record. A
 * method that waits runs in a coroutine of its own. */
#include "lib/method.h"
#include "base/fail.h"
#include "binding/arguments.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "binding/pool.h"
#include "binding/rows.h"
#include "exec/exec.h"
#include "exec/preempt.h"
#include "exec/run.h"
#include "lib/convert.h"
#include "lib/results.h"
#include "value/iterator.h"
#include "value/name.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

tp_host *tp_method_host(const tp_pool *pool) {
  return tp_state_host(tp_exec_state(tp_run_exec(pool)));
}

/* ---- options ---- */

void tp_method_add_option(tp_method_call *call, const char *name, tp_value value) {
  call->options[call->option_count++] = (tp_pair){tp_string(name), value};
}

tp_value tp_method_to_size(uint64_t size) {
  return size == TP_UNLIMITED ? tp_number(HUGE_VAL) : tp_integer((int64_t)size);
}

void tp_method_add_text(tp_method_call *call, const char *name, const char *text) {
  if (text)
    tp_method_add_option(call, name, tp_string(text));
}

void tp_method_add_value(tp_method_call *call, const char *name, const tp_value *value) {
  if (value)
    tp_method_add_option(call, name, *value);
}

void tp_call_options_init(tp_call_options *options) {
  *options = (tp_call_options){
      .size = sizeof *options, .num = 1, .num_concurrent = 1, .weight = TP_WEIGHT_DEFAULT};
}

bool tp_method_add_options(tp_method_call *call, const tp_call_options *options, tp_error *error) {
  tp_call_options copy;
  tp_call_options_init(&copy);
  if (!options)
    return true;
  if (options->size == 0 || options->size > sizeof copy)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "options: call tp_call_options_init before setting fields");
  memcpy(&copy, options, options->size);
  tp_method_add_text(call, "group_name", copy.group_name);
  tp_method_add_text(call, "executor", copy.executor);
  tp_method_add_value(call, "kwargs", copy.kwargs);
  tp_method_add_value(call, "retries", copy.retries);
  tp_method_add_value(call, "rate", copy.rate);
  if (copy.num != 1)
    tp_method_add_option(call, "num", tp_integer((int64_t)copy.num));
  if (copy.num_concurrent != 1)
    tp_method_add_option(call, "num_concurrent", tp_method_to_size(copy.num_concurrent));
  if (copy.timeout != 0)
    tp_method_add_option(call, "timeout", tp_number(copy.timeout));
  if (copy.weight != TP_WEIGHT_DEFAULT)
    tp_method_add_option(call, "weight", tp_number(copy.weight));
  call->end_callback = copy.end_callback;
  call->cancel_callback = copy.cancel_callback;
  call->context = copy.context;
  return true;
}

/* ---- callbacks ---- */

/* A callback of a call; in a userdata. */
typedef struct end_callback {
  tp_end_fn call;
  void *context;
} end_callback;

/* Lua: told of the end of a task: (id, ok, results or error). Upvalue: the end_callback. */
static int l_end(lua_State *L) {
  const end_callback *of = lua_touserdata(L, lua_upvalueindex(1));
  tp_results results = tp_results_read(L, lua_toboolean(L, 2), 3, lua_gettop(L) - 2);
  of->call(of->context, (uint64_t)lua_tointeger(L, 1), results.error, tp_results_values(&results),
           results.count);
  tp_results_clear(&results);
  return 0;
}

/* Sets a callback in the table of options on top. */
static void set_callback(lua_State *L, const char *name, tp_end_fn call, void *context) {
  if (!call)
    return;
  end_callback *of = lua_newuserdatauv(L, sizeof *of, 0);
  *of = (end_callback){call, context};
  lua_pushcclosure(L, l_end, 1);
  lua_setfield(L, -2, name);
}

/* ---- iterables ---- */

#define ITEMS_TYPE "taskpool.items"

/* Lua: the next element. Upvalue: the tp_items. */
static int l_next(lua_State *L) {
  const tp_items *items = lua_touserdata(L, lua_upvalueindex(1));
  tp_value element = tp_nil();
  if (!items->next(items->context, &element))
    element = tp_nil();
  else if (element.type == TP_NIL)
    return tp_raise(L, TP_INVALID_ARGUMENT, "an element must not be nil, which ends an iterator");
  tp_convert_push(L, &element);
  return 1;
}

/* Lua: the end of an iterator. Stack: the tp_items. */
static int l_close(lua_State *L) {
  tp_items *items = lua_touserdata(L, 1);
  void (*close)(void *context) = items->close;
  items->close = NULL;
  if (close)
    close(items->context);
  return 0;
}

/* Pushes an iterator over what `next` gives. */
static void push_iterator(lua_State *L, const tp_items *items) {
  tp_items *copy = lua_newuserdatauv(L, sizeof *copy, 0);
  *copy = *items;
  if (luaL_newmetatable(L, ITEMS_TYPE)) {
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, l_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_next, 1);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  lua_pushnil(L);
  lua_insert(L, -2);
  tp_iterator_push(L);
}

/* Pushes what is called `name`: a list, or an iterator that a function makes. */
static void push_named(lua_State *L, const char *name) {
  tp_error error;
  if (!tp_name_push(L, name, &error))
    tp_raise_error(L, &error);
  if (!lua_isfunction(L, -1))
    return;
  lua_pushnil(L);
  tp_iterator_push_made(L);
}

static void push_items(lua_State *L, const tp_items *items) {
  if (items->next)
    push_iterator(L, items);
  else if (items->name)
    push_named(L, items->name);
  else
    tp_convert_push(L, items->list);
}

/* ---- a call ---- */

void tp_method_push_options(lua_State *L, const tp_method_call *call) {
  lua_createtable(L, 0, (int)call->option_count);
  for (size_t i = 0; i < call->option_count; i++) {
    tp_convert_push(L, &call->options[i].key);
    tp_convert_push(L, &call->options[i].value);
    lua_rawset(L, -3);
  }
  set_callback(L, "end_callback", call->end_callback, call->context);
  set_callback(L, "cancel_callback", call->cancel_callback, call->context);
}

/* Pushes the pool and what a Lua program would give; returns how many values. */
static int push_arguments(lua_State *L, const tp_method_call *call) {
  int top = lua_gettop(L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  tp_handle_push(L, call->pool);
  for (size_t i = 0; i < call->count; i++)
    tp_convert_push(L, &call->arguments[i]);
  if (call->items)
    push_items(L, call->items);
  for (size_t i = 0; call->rest && i < call->rest->count; i++) {
    luaL_checkstack(L, 8, NULL);
    tp_convert_push(L, &call->rest->as.items[i]);
  }
  if (call->option_count || call->end_callback || call->cancel_callback)
    tp_method_push_options(L, call);
  return lua_gettop(L) - top;
}

/* The record of the method. Raises InvalidArgument where the pool has none of that name. */
static const tp_method *find(lua_State *L, const tp_method_call *call) {
  const tp_method *method = tp_method_find(call->name, call->pool->kind);
  if (!method)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s has no method '%s'", call->pool->label, call->name);
  return method;
}

/* Replaces the stack by the arguments, laid out in their slots. */
static const tp_method *lay_out(lua_State *L, const tp_method_call *call) {
  const tp_method *method = find(L, call);
  lua_settop(L, 0);
  push_arguments(L, call);
  tp_arguments_lay_out(L, method);
  return method;
}

bool tp_method_protect(tp_host *host, lua_CFunction function, void *argument, tp_error *error) {
  lua_State *L = host->L;
  if (host->closing)
    return tp_fail(error, TP_NOT_AVAILABLE, "the host is being closed");
  if (!lua_checkstack(L, LUA_MINSTACK))
    return tp_fail(error, TP_NO_MEMORY, "no memory for a call");
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, argument);
  bool ok = tp_preempt_call_outside(host->exec, L, 1, 0, 0) == LUA_OK;
  tp_host_note_work(host);
  if (ok)
    return true;
  tp_convert_error(L, -1, error);
  lua_pop(L, 1);
  return false;
}

/* What is made of a method's results. */
typedef struct immediate {
  const tp_method_call *call;
  tp_method_take take;
  void *context;
} immediate;

/* Lua: calls a method that does not wait. Stack: the immediate. */
static int l_call_now(lua_State *L) {
  const immediate *of = lua_touserdata(L, 1);
  const tp_method *method = lay_out(L, of->call);
  int count = method->call(L);
  if (method->is_list && count == 1)
    count = tp_rows_collect(L);
  if (of->take)
    of->take(of->context, L, count);
  return 0;
}

static bool is_pool(const tp_method_call *call, tp_error *error) {
  return tp_fail_unless_given(call->pool, "pool", error);
}

bool tp_method_call_now(const tp_method_call *call, tp_method_take take, void *context,
                        tp_error *error) {
  return is_pool(call, error) && tp_method_protect(tp_method_host(call->pool), l_call_now,
                                                   &(immediate){call, take, context}, error);
}

/* ---- waiting ---- */

/* Who is told of the end of a call. */
typedef struct listener {
  tp_done_fn done;
  void *context;
} listener;

/* A tp_coro_done and a tp_future_fn, whose context is the listener; it is freed. */
static void tell(void *context, lua_State *L, bool ok, int count) {
  listener of = *(listener *)context;
  free(context);
  tp_results results = tp_results_read(L, ok, lua_gettop(L) - count + 1, count);
  of.done(of.context, results.error, tp_results_values(&results), results.count);
  tp_results_clear(&results);
}

/* A call that ends later. */
typedef struct later {
  const tp_method_call *call;
  listener *listener; /* from malloc; NULL: nobody is told */
  bool waits;         /* see tp_method_submit */
  tp_future *future;  /* what it returns */
} later;

/* Lua: starts a method that waits. Stack: the later. */
static int l_start(lua_State *L) {
  const later *of = lua_touserdata(L, 1);
  const tp_method *method = find(L, of->call);
  lua_settop(L, 0);
  tp_handle_push(L, of->call->pool);
  lua_getfield(L, 1, method->name);
  int count = push_arguments(L, of->call);
  tp_exec_start(tp_state_host(L)->exec, L, count, "a wait of C code", of->listener ? tell : NULL,
                of->listener);
  return 0;
}

/* Lua: submits a call. Stack: the later. */
static int l_submit(lua_State *L) {
  later *of = lua_touserdata(L, 1);
  lay_out(L, of->call);
  tp_pool_push_submitted(L, of->waits);
  of->future = lua_touserdata(L, -1);
  if (of->listener)
    tp_future_listen(L, tell, of->listener);
  return 0;
}

/* Calls `function` with the later; its listener is freed if that fails. */
static bool begin(lua_CFunction function, later *of, tp_error *error) {
  bool ok = tp_method_protect(tp_method_host(of->call->pool), function, of, error);
  if (!ok)
    free(of->listener);
  return ok;
}

/* A listener, if somebody is to be told. False: NoMemory. */
static bool make_listener(listener **made, tp_done_fn done, void *context, tp_error *error) {
  *made = done ? malloc(sizeof **made) : NULL;
  if (done && !*made)
    return tp_fail(error, TP_NO_MEMORY, "no memory for a call");
  if (done)
    **made = (listener){done, context};
  return true;
}

bool tp_method_start(const tp_method_call *call, tp_done_fn done, void *context, tp_error *error) {
  later of = {.call = call};
  if (!is_pool(call, error) || !make_listener(&of.listener, done, context, error))
    return false;
  return begin(l_start, &of, error); /* NOLINT(clang-analyzer-unix.Malloc): `tell` frees it */
}

tp_future *tp_method_submit(const tp_method_call *call, bool waits, tp_done_fn done, void *context,
                            tp_error *error) {
  later of = {.call = call, .waits = waits};
  if (!is_pool(call, error) || !make_listener(&of.listener, done, context, error))
    return NULL;
  bool ok = begin(l_submit, &of, error);
  return ok ? of.future : NULL; /* NOLINT(clang-analyzer-unix.Malloc): as above */
}
