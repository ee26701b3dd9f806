/* SPDX-License-Identifier: MIT
 *
 * The functions of taskpool.core; see core.h. Each checks its arguments, calls the part that does
 * the work, and pushes the results. */
#include "binding/core.h"
#include "binding/arguments.h"
#include "binding/await.h"
#include "binding/class.h"
#include "binding/context.h"
#include "binding/executor.h"
#include "binding/follow.h"
#include "binding/future.h"
#include "binding/guard.h"
#include "binding/load.h"
#include "binding/profiling.h"
#include "binding/run.h"
#include "binding/self.h"
#include "exec/exec.h"
#include "exec/park.h"
#include "exec/preempt.h"
#include "exec/retry.h"
#include "exec/timer.h"
#include "exec/wait.h"
#include "value/error.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdint.h>
#include <string.h>

static tp_exec *exec_of(lua_State *L) {
  return tp_context_host(L)->exec;
}

/* ---- waiting ---- */

static double check_seconds(lua_State *L, int index) {
  int is_number;
  double seconds = lua_tonumberx(L, index, &is_number);
  if (!is_number || lua_type(L, index) != LUA_TNUMBER || seconds != seconds)
    tp_raise(L, TP_INVALID_ARGUMENT, "sleep: seconds must be a number, not %s",
             luaL_typename(L, index));
  return seconds;
}

static int l_core_sleep(lua_State *L) {
  return tp_wait_sleep(exec_of(L), L, check_seconds(L, 1));
}

static int l_core_yield(lua_State *L) {
  return tp_wait_sleep(exec_of(L), L, 0);
}

static int l_core_now(lua_State *L) {
  lua_pushnumber(L, tp_timer_seconds(exec_of(L)));
  return 1;
}

static int l_core_in_task(lua_State *L) {
  lua_pushboolean(L, tp_exec_current(exec_of(L)) != NULL);
  return 1;
}

static int l_core_checkpoint(lua_State *L) {
  tp_wait_check(exec_of(L), L);
  return 0;
}

static int l_core_waiter(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tp_wait_id(exec_of(L), L));
  return 1;
}

static int after_park(lua_State *L, int status, lua_KContext context) {
  (void)status;
  return tp_wait_values((tp_exec *)context, L, 0);
}

/* Lua: park(what): what it waits for, if that is a future, or a table of futures of which it needs
 * all. */
static int l_core_park(lua_State *L) {
  lua_settop(L, 1);
  if (lua_isuserdata(L, 1))
    tp_future_prepare_wait(L, 1);
  if (lua_istable(L, 1))
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1))
      tp_future_prepare_wait(L, -1);
  lua_settop(L, 0);
  return tp_wait_park(exec_of(L), L, after_park, (lua_KContext)exec_of(L));
}

static int l_core_wake(lua_State *L) {
  int is_integer;
  lua_Integer id = lua_tointegerx(L, 1, &is_integer);
  if (!is_integer)
    return tp_raise(L, TP_INVALID_ARGUMENT, "wake: expected an id from waiter(), not %s",
                    luaL_typename(L, 1));
  bool woken = tp_park_wake(exec_of(L), (tp_wake_id)id, L, lua_gettop(L) - 1);
  lua_pushboolean(L, woken);
  return 1;
}

/* Lua: start(fn, …). */
static int l_core_start(lua_State *L) {
  if (!lua_isfunction(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT, "start: expected a function, not %s",
                    luaL_typename(L, 1));
  tp_future_start(L, lua_gettop(L) - 1, tp_load_job_name(L, "a job"), 0);
  return 1;
}

/* ---- errors and the log ---- */

/* Lua: no_retry(err). */
static int l_core_no_retry(lua_State *L) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  tp_retry_refuse(L);
  return 1;
}

static const char *check_string(lua_State *L, int index, const char *what) {
  if (lua_type(L, index) != LUA_TSTRING)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s must be a string, not %s", what, luaL_typename(L, index));
  return lua_tostring(L, index);
}

/* Lua: error(code, message): an error table; a code of the caller's own is allowed. */
static int l_core_error(lua_State *L) {
  check_string(L, 1, "error: code");
  check_string(L, 2, "error: message");
  lua_settop(L, 2);
  tp_error_wrap(L, TP_SCRIPT_ERROR);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, "code");
  return 1;
}

static tp_log_level check_level(lua_State *L, int index) {
  int level = tp_log_level_of(check_string(L, index, "log: level"));
  if (level < 0)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "log: level must be debug, info, warning, error or none, not '%s'",
             lua_tostring(L, index));
  return (tp_log_level)level;
}

/* Replaces the string on top by one that no zero byte cuts. */
static const char *escape_zero_bytes(lua_State *L) {
  luaL_Buffer escaped;
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  if (strlen(text) == length)
    return text;
  luaL_buffinitsize(L, &escaped, length);
  for (size_t i = 0; i < length; i++) {
    if (text[i])
      luaL_addchar(&escaped, text[i]);
    else
      luaL_addstring(&escaped, "\\0");
  }
  luaL_pushresult(&escaped);
  return lua_tostring(L, -1);
}

static int l_core_log(lua_State *L) {
  tp_log_level level = check_level(L, 1);
  if (lua_type(L, 2) != LUA_TSTRING)
    return tp_raise(L, TP_INVALID_ARGUMENT, "log: message must be a string, not %s",
                    luaL_typename(L, 2));
  lua_settop(L, 2);
  const tp_host *host = tp_context_host(L);
  tp_log_record about = tp_log_about(NULL, NULL, tp_exec_current_task(host->exec));
  tp_log_write_about(&host->log, level, &about, "%s", escape_zero_bytes(L));
  return 0;
}

static int l_core_log_level(lua_State *L) {
  tp_host *host = tp_context_host(L);
  if (!lua_isnoneornil(L, 1))
    tp_host_set_log_level(host, check_level(L, 1));
  lua_pushstring(L, tp_log_level_name(host->log.level));
  return 1;
}

/* Pushes the table of a record. */
static void push_record(lua_State *L, const tp_log_record *record) {
  const struct {
    const char *key, *value;
  } texts[] = {
      {"level", tp_log_level_name(record->level)},
      {"pool", record->pool},
      {"group", record->group},
      {"error", record->error},
      {"message", record->message},
  };
  lua_createtable(L, 0, 8);
  lua_pushnumber(L, record->time);
  lua_setfield(L, -2, "time");
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    lua_pushstring(L, texts[i].value); /* NULL: nil */
    lua_setfield(L, -2, texts[i].key);
  }
  if (record->task >= 0) {
    lua_pushinteger(L, record->task);
    lua_setfield(L, -2, "task");
  }
  if (record->thread > 0) {
    lua_pushinteger(L, record->thread);
    lua_setfield(L, -2, "thread");
  }
}

/* Lua: calls the handler. Stack: the handler, the record. */
static int l_hand_over(lua_State *L) {
  const tp_log_record *record = lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushstring(L, tp_log_level_name(record->level));
  lua_pushstring(L, record->message);
  push_record(L, record);
  lua_call(L, 3, 0);
  return 0;
}

/* Hands a record to Lua. The context is a Lua thread of its own, with the handler at [1]. An error
 * in the handler is dropped, because there is no log for it. The handler has one second, which does
 * not count for the running task. */
static void log_to_lua(void *context, const tp_log_record *record) {
  lua_State *L = context;
  tp_exec *exec = tp_state_host(L)->exec;
  if (!lua_checkstack(L, 4))
    return;
  lua_pushcfunction(L, l_hand_over);
  lua_pushvalue(L, 1);
  lua_pushlightuserdata(L, (void *)(uintptr_t)record); /* it is not written to */
  tp_preempt_scope before = tp_preempt_enter_outside(exec, L);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK)
    lua_pop(L, 1);
  tp_preempt_leave_outside(exec, before);
}

static int l_core_log_handler(lua_State *L) {
  tp_host *host = tp_context_host(L);
  lua_settop(L, 1);
  if (lua_isnil(L, 1)) {
    host->log.write = host->default_log.write;
    host->log.context = host->default_log.context;
    return 0;
  }
  if (!lua_isfunction(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT, "log: handler must be a function, not %s",
                    luaL_typename(L, 1));
  lua_State *thread = lua_newthread(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &host->log);
  lua_xmove(L, thread, 1);
  host->log.write = log_to_lua;
  host->log.context = thread;
  return 0;
}

/* ---- the host ---- */

/* Lua: expose(pattern), expose(name, function). */
static int l_core_expose(lua_State *L) {
  static const tp_param name = {.name = "name", .type = TP_PARAM_NAME};
  tp_error error;
  tp_exposure *names = &tp_context_host(L)->names;
  bool is_function = lua_gettop(L) > 1;
  tp_load_check(L, "nothing can be exposed");
  tp_arguments_check(L, 1, "expose", &name);
  const char *pattern = lua_tostring(L, 1);
  if (is_function && !lua_isfunction(L, 2))
    return tp_raise(L, TP_INVALID_ARGUMENT, "expose: '%s' must be a function, not %s", pattern,
                    luaL_typename(L, 2));
  bool ok = is_function ? tp_name_expose(L, names, pattern, 2, &error)
                        : tp_name_check_pattern(L, names, pattern, &error) &&
                              tp_exposure_add(names, pattern, &error);
  return ok ? 0 : tp_raise_error(L, &error);
}

/* Lua: ready(). */
static int l_core_ready(lua_State *L) {
  tp_context_host(L)->is_ready = true;
  return 0;
}

/* Lua: find(name): the function that a name stands for. */
static int l_core_find(lua_State *L) {
  static const tp_param function = {.name = "name", .type = TP_PARAM_FUNCTION};
  lua_settop(L, 1);
  check_string(L, 1, "find: name");
  tp_arguments_check(L, 1, "find", &function);
  return 1;
}

static int l_core_virtual_clock(lua_State *L) {
  tp_timer_set_virtual(exec_of(L), lua_toboolean(L, 1));
  return 0;
}

/* Lua: preempt(on). */
static int l_core_preempt(lua_State *L) {
  tp_error error;
  if (!tp_exec_set_preempt(exec_of(L), lua_toboolean(L, 1), 0, &error))
    return tp_raise_error(L, &error);
  return 0;
}

/* Lua: dropped_results(). */
static int l_core_dropped_results(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)tp_context_host(L)->dropped_results);
  return 1;
}

/* Lua: library(prefix): chunk names that begin with it are our own. */
static int l_core_library(lua_State *L) {
  tp_exec_set_library(exec_of(L), check_string(L, 1, "library: prefix"));
  return 0;
}

/* Lua: force_preemption(instructions), for tests. */
static int l_core_force_preemption(lua_State *L) {
  tp_exec_force_preemption(exec_of(L), (int)luaL_checkinteger(L, 1));
  return 0;
}

void tp_core_open(lua_State *L, tp_host *host) {
  static const luaL_Reg functions[] = {
      {"TaskPool", l_task_pool_new},
      {"SimpleTaskPool", l_simple_task_pool_new},
      {"on_scope_end", l_core_on_scope_end},
      {"run", l_core_run},
      {"sleep", l_core_sleep},
      {"yield", l_core_yield},
      {"now", l_core_now},
      {"await", l_core_await},
      {"catch_cancel", l_core_catch_cancel},
      {"shield", l_core_shield},
      {"checkpoint", l_core_checkpoint},
      {"blocking", l_core_blocking},
      {"reload", l_core_reload},
      {"waiter", l_core_waiter},
      {"park", l_core_park},
      {"wake", l_core_wake},
      {"start", l_core_start},
      {"on_end", l_core_on_end},
      {"share_pool", l_core_share_pool},
      {"cancel", l_core_cancel},
      {"in_task", l_core_in_task},
      {"task", l_core_task},
      {"tries", l_core_tries},
      {"no_retry", l_core_no_retry},
      {"error", l_core_error},
      {"log", l_core_log},
      {"log_level", l_core_log_level},
      {"log_handler", l_core_log_handler},
      {"expose", l_core_expose},
      {"events", l_core_events},
      {"profile", l_core_profile},
      {"ready", l_core_ready},
      {"find", l_core_find},
      {"virtual_clock", l_core_virtual_clock},
      {"library", l_core_library},
      {"preempt", l_core_preempt},
      {"dropped_results", l_core_dropped_results},
      {"force_preemption", l_core_force_preemption},
      {NULL, NULL},
  };
  tp_class_open(L);
  tp_future_open(L);
  luaL_newlibtable(L, functions);
  lua_pushlightuserdata(L, host);
  luaL_setfuncs(L, functions, 1);
  lua_pushstring(L, tp_version());
  lua_setfield(L, -2, "version");
}
