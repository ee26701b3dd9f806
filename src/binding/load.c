/* SPDX-License-Identifier: MIT
 *
 * Modules that are loaded for a control session; see load.h.
 *
 * Each load is a job with a future. Those that are going on are in a table module -> future, from
 * which they vanish with the future. */
#include "binding/load.h"
#include "binding/arguments.h"
#include "binding/future.h"
#include "exec/exec.h"
#include "value/lost.h"
#include "value/raise.h"
#include "value/registry.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

/* Seconds that a module has to load. */
#define LIMIT 5

/* The name of the jobs, which are known by its address. */
static const char job_name[] = "a module that is loaded for a control session";

/* Its address is the registry key of the table module -> future of the loads that are going on. */
static const char loads_key;

/* ---- what runs ---- */

/* Whether what runs is a module that is being loaded for a session, or a job which it started. */
static bool is_running(lua_State *L) {
  return tp_exec_current_job(tp_state_host(L)->exec) == job_name;
}

void tp_load_check(lua_State *L, const char *what) {
  if (is_running(L))
    tp_raise(L, TP_DENIED,
             "%s while a module is loaded for a control session; the host's script may do that, "
             "or a function that is called later",
             what);
}

const char *tp_load_job_name(lua_State *L, const char *other) {
  return is_running(L) ? job_name : other;
}

/* ---- the job ---- */

/* The chunk has returned or raised. Stack: the module, then as tp_module_end expects it. */
static int after_chunk(lua_State *L, int status, lua_KContext context) {
  tp_error error;
  const tp_module *module = lua_touserdata(L, 1);
  (void)context;
  bool ok = status == LUA_OK || status == LUA_YIELD;
  lua_pushvalue(L, 2); /* the old module */
  lua_insert(L, 2);
  if (!tp_module_end(L, module, ok, &error))
    return tp_raise_error(L, &error);
  tp_module_push(L, module->name);
  tp_lost_push(L, 2, -1);
  return 1;
}

/* Lua: the body of the job; returns what tp_lost_push says. Stack: the module. */
static int l_job(lua_State *L) {
  const tp_module *module = lua_touserdata(L, 1);
  if (!tp_module_begin(L, module))
    return after_chunk(L, LUA_ERRSYNTAX, 0);
  return after_chunk(L, lua_pcallk(L, 2, 1, 0, 0, after_chunk), 0);
}

/* ---- the loads that are going on ---- */

tp_module *tp_load_push_module(lua_State *L) {
  return lua_newuserdatauv(L, sizeof(tp_module), 0);
}

int l_load(lua_State *L) {
  const tp_module *module = lua_touserdata(L, 1);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  tp_registry_push_table(L, &loads_key, "v");
  if (lua_getfield(L, -1, module->name) == LUA_TNIL || tp_future_is_done(L, -1)) {
    lua_pop(L, 1);
    lua_pushcfunction(L, l_job);
    lua_pushvalue(L, 1);
    tp_future_start(L, 1, job_name, LIMIT);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, module->name);
  }
  lua_replace(L, 1);
  return tp_future_await(L, HUGE_VAL, false);
}

/* ---- new text of a module ---- */

int l_core_reload(lua_State *L) {
  static const tp_param module = {.name = "module", .type = TP_PARAM_NAME};
  tp_host *host = tp_state_host(L);
  tp_error error;
  tp_arguments_check(L, 1, "reload", &module);
  lua_settop(L, 1);
  if (!tp_module_push(L, lua_tostring(L, 1)))
    lua_pushnil(L);
  if (!tp_name_reload(L, &host->names, lua_tostring(L, 1), &error))
    return tp_raise_error(L, &error);
  tp_host_reload(host, lua_tostring(L, 1));
  tp_module_push(L, lua_tostring(L, 1));
  tp_lost_push(L, 2, 3);
  return 2;
}
