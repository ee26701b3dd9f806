/* SPDX-License-Identifier: MIT
 *
 * What a thread does with an errand: the function is called in a coroutine of the thread's host,
 * and what it returns or raises is packed for home. */
#include "thread/set.h"
#include "value/error.h"
#include "value/name.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

/* Of a traceback that crosses, at most. */
#define TRACEBACK_MAX 8192

/* ---- the end of a call ---- */

/* Replaces the error value on top by something that can be packed: what it says. [1] is its
 * traceback, which begins with that. */
static void simplify(lua_State *L) {
  const char *text = lua_tostring(L, 1);
  const char *end = strstr(text, "\nstack traceback:");
  lua_pop(L, 1);
  lua_pushlstring(L, text, end ? (size_t)(end - text) : strlen(text));
}

/* Lua: packs an error. Stack: the errand, the error value. */
static int l_pack_error(lua_State *L) {
  tp_errand *errand = lua_touserdata(L, 1);
  const tp_thread *thread = errand->thread;
  errand->is_final = tp_retry_is_refused(L);
  tp_retry_unwrap(L);
  tp_exec_push_traceback(thread->host->exec, L);
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  lua_pushlstring(L, text, length < TRACEBACK_MAX ? length : TRACEBACK_MAX);
  lua_pushfstring(L, "\n\t(in thread %d of %s)", (int)thread->number, thread->set->label);
  lua_concat(L, 2);
  lua_replace(L, 1);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  errand->bytes.length = 0;
  if (tp_pack(&errand->bytes, L, 2, 2, "error", "from a thread", NULL))
    return 0;
  lua_pop(L, 1);
  simplify(L);
  lua_pushvalue(L, 1);
  tp_pack(&errand->bytes, L, 2, 2, "error", "from a thread", NULL);
  return 0;
}

/* The call has failed with the error value on top. */
static void fail(tp_errand *errand, lua_State *L) {
  errand->came = TP_RETURN_ERROR;
  errand->bytes.length = 0;
  if (!lua_checkstack(L, 8))
    return;
  lua_pushvalue(L, -1);
  lua_pushcfunction(L, l_pack_error);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, errand);
  lua_insert(L, -2);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK)
    lua_pop(L, 1);
}

/* Lua: makes an error table of a refusal. Stack: the tp_error. */
static int l_wrap(lua_State *L) {
  const tp_error *error = lua_touserdata(L, 1);
  lua_pushstring(L, error->message);
  tp_error_wrap(L, error->code);
  return 1;
}

/* Packs the results, which are the `count` values on top. */
static void succeed(tp_errand *errand, lua_State *L, int count) {
  tp_error error;
  errand->came = TP_RETURN_RESULTS;
  errand->bytes.length = 0;
  if (tp_pack(&errand->bytes, L, lua_gettop(L) - count + 1, count, "result", "from a thread",
              &error))
    return;
  errand->came = TP_RETURN_ERROR;
  if (!lua_checkstack(L, 2))
    return;
  lua_pushcfunction(L, l_wrap);
  lua_pushlightuserdata(L, &error);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    fail(errand, L);
}

/* It is to go home. */
static void end(tp_thread *thread, tp_errand *errand) {
  uint64_t now = uv_hrtime();
  errand->spent = now - thread->mark;
  thread->mark = now;
  errand->coro = NULL;
  TAILQ_REMOVE(&thread->taken, errand, link);
  TAILQ_INSERT_TAIL(&thread->done, errand, link);
}

/* A tp_coro_done. */
static void errand_done(void *context, lua_State *L, bool ok, int count) {
  tp_errand *errand = context;
  tp_thread *thread = errand->thread;
  if (ok)
    succeed(errand, L, count);
  else if (tp_exec_is_cancel(thread->host->exec, L, -1))
    errand->came = TP_RETURN_CANCELLED;
  else
    fail(errand, L);
  end(thread, errand);
}

void tp_work_lose(tp_errand *errand) {
  errand->came = TP_RETURN_LOST;
  errand->coro = NULL;
}

/* ---- the start of a call ---- */

/* Pushes the function, out of the same file as at home. */
static void push_named(lua_State *L, const tp_remote *function) {
  tp_error error;
  const char *name = function->name;
  bool found = function->module ? tp_name_push_in(L, function->module, name, &error)
                                : tp_name_push(L, name, &error);
  if (!found)
    tp_raise_error(L, &error);
  if (!lua_isfunction(L, -1))
    tp_raise(L, TP_INVALID_ARGUMENT, "'%s' is %s in this thread, not a function", name,
             luaL_typename(L, -1));
}

static int after_first(lua_State *L, int status, lua_KContext context) {
  (void)status, (void)context;
  return lua_gettop(L);
}

/* Lua: the first call of a function in this thread, which looks it up. Upvalues: the thread, the
 * tp_remote. */
static int l_first(lua_State *L) {
  const tp_thread *thread = lua_touserdata(L, lua_upvalueindex(1));
  const tp_remote *function = lua_touserdata(L, lua_upvalueindex(2));
  push_named(L, function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, thread->functions);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, function->index);
  lua_pop(L, 1);
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_first);
  return after_first(L, LUA_OK, 0);
}

static void push_function(lua_State *L, tp_thread *thread, tp_remote *function) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, thread->functions);
  if (lua_rawgeti(L, -1, function->index) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushlightuserdata(L, thread);
    lua_pushlightuserdata(L, function);
    lua_pushcclosure(L, l_first, 2);
  }
  lua_remove(L, -2);
}

/* Takes the next errand of a list. */
static tp_errand *take_first(tp_thread *thread, tp_errand_list *errands) {
  tp_errand *errand = TAILQ_FIRST(errands);
  TAILQ_REMOVE(errands, errand, link);
  TAILQ_INSERT_TAIL(&thread->taken, errand, link);
  return errand;
}

/* Lua: starts all errands of a list. Stack: the thread, the list. */
static int l_start(lua_State *L) {
  tp_thread *thread = lua_touserdata(L, 1);
  tp_errand_list *errands = lua_touserdata(L, 2);
  while (!TAILQ_EMPTY(errands)) {
    tp_errand *errand = take_first(thread, errands);
    push_function(L, thread, errand->function);
    int count = tp_unpack(L, errand->bytes.data, errand->bytes.length);
    errand->coro =
        tp_exec_start(thread->host->exec, L, count, errand->function->name, errand_done, errand);
    tp_exec_set_tries(errand->coro, errand->tries);
  }
  return 0;
}

void tp_work_start(tp_thread *thread, tp_errand_list *errands) {
  lua_State *L = thread->host->L;
  while (!TAILQ_EMPTY(errands)) {
    tp_errand *last = TAILQ_LAST(&thread->taken, tp_errand_list);
    lua_pushcfunction(L, l_start);
    lua_pushlightuserdata(L, thread);
    lua_pushlightuserdata(L, errands);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
      return;
    tp_errand *errand = TAILQ_LAST(&thread->taken, tp_errand_list); /* what could not be started */
    if (errand == last) /* not even the first one was tried */
      errand = take_first(thread, errands);
    fail(errand, L);
    lua_pop(L, 1);
    end(thread, errand);
  }
}

/* ---- new text of a module ---- */

/* Forgets which functions the names are. */
static void forget_functions(lua_State *L, const tp_thread *thread) {
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, thread->functions);
}

/* Lua: a module that is not loaded here yet will be loaded as it is then. Stack: the thread, the
 * module's name. */
static int l_reload(lua_State *L) {
  const tp_thread *thread = lua_touserdata(L, 1);
  tp_error error;
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool is_loaded = lua_getfield(L, -1, lua_tostring(L, 2)) != LUA_TNIL;
  if (is_loaded && !tp_name_reload(L, &thread->host->names, lua_tostring(L, 2), &error))
    return tp_raise_error(L, &error);
  forget_functions(L, thread);
  return 0;
}

/* Lua: starts a reload, ahead of all that is queued. What is started from now on must not find the
 * old functions. Stack: the thread, the module's name. */
static int l_start_reload(lua_State *L) {
  const tp_thread *thread = lua_touserdata(L, 1);
  lua_pushcfunction(L, l_reload);
  lua_pushlightuserdata(L, lua_touserdata(L, 1));
  lua_pushstring(L, lua_touserdata(L, 2));
  forget_functions(L, thread);
  tp_exec_start_urgent(thread->host->exec, L, 2, "a reload", NULL, NULL);
  return 0;
}

void tp_work_reload(tp_thread *thread, const char *module) {
  lua_State *L = thread->host->L;
  lua_pushcfunction(L, l_start_reload);
  lua_pushlightuserdata(L, thread);
  lua_pushlightuserdata(L, (void *)module);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK)
    return;
  tp_log_write(&thread->host->log, TP_LOG_ERROR, "no memory to reload '%s'", module);
  lua_pop(L, 1);
}
