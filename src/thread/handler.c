/* SPDX-License-Identifier: MIT
 *
 * What a thread does with requests; see handler.h.
 *
 * The function is called in a coroutine of the thread's host, and what it returns or raises is
 * packed for the owner. */
#include "thread/handler.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "value/error.h"
#include "value/name.h"
#include "value/raise.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

/* Bytes of a traceback that are sent, at most. */
#define TRACEBACK_MAX 8192

/* ---- the end of a call ---- */

/* Replaces the error value on top, which cannot be packed, by its message. [1] is its traceback,
 * which begins with the message. */
static void simplify(lua_State *L) {
  const char *text = lua_tostring(L, 1);
  const char *end = strstr(text, "\nstack traceback:");
  lua_pop(L, 1);
  lua_pushlstring(L, text, end ? (size_t)(end - text) : strlen(text));
}

/* Lua: packs an error. Stack: the request, the error value. */
static int l_pack_error(lua_State *L) {
  tp_request *request = lua_touserdata(L, 1);
  const tp_thread *thread = request->thread;
  request->is_final = tp_retry_is_refused(L);
  tp_retry_unwrap(L);
  tp_report_push_traceback(thread->host->exec, L);
  size_t length;
  const char *text = lua_tolstring(L, -1, &length);
  lua_pushlstring(L, text, length < TRACEBACK_MAX ? length : TRACEBACK_MAX);
  lua_pushfstring(L, "\n\t(in thread %d of %s)", (int)thread->number, thread->set->label);
  lua_concat(L, 2);
  lua_replace(L, 1);
  lua_settop(L, 2);
  lua_pushvalue(L, 1);
  request->bytes.length = 0;
  if (tp_pack(&request->bytes, L, 2, 2, "error", "from a thread", NULL))
    return 0;
  lua_pop(L, 1);
  simplify(L);
  lua_pushvalue(L, 1);
  tp_pack(&request->bytes, L, 2, 2, "error", "from a thread", NULL);
  return 0;
}

/* The call has failed with the error value on top. */
static void fail(tp_request *request, lua_State *L) {
  request->ending = TP_RETURN_ERROR;
  request->bytes.length = 0;
  if (!lua_checkstack(L, 8))
    return;
  lua_pushvalue(L, -1);
  lua_pushcfunction(L, l_pack_error);
  lua_insert(L, -2);
  lua_pushlightuserdata(L, request);
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
static void succeed(tp_request *request, lua_State *L, int count) {
  tp_error error;
  request->ending = TP_RETURN_RESULTS;
  request->bytes.length = 0;
  if (tp_pack(&request->bytes, L, lua_gettop(L) - count + 1, count, "result", "from a thread",
              &error))
    return;
  request->ending = TP_RETURN_ERROR;
  if (!lua_checkstack(L, 2))
    return;
  lua_pushcfunction(L, l_wrap);
  lua_pushlightuserdata(L, &error);
  if (lua_pcall(L, 1, 1, 0) == LUA_OK)
    fail(request, L);
}

/* Puts a request among those to be sent to the owner. */
static void end(tp_thread *thread, tp_request *request) {
  uint64_t now = uv_hrtime();
  request->spent = now - thread->mark;
  thread->mark = now;
  request->coro = NULL;
  TAILQ_REMOVE(&thread->taken, request, link);
  tp_request_push(&thread->done, request);
}

/* A tp_coro_done. */
static void request_done(void *context, lua_State *L, bool ok, int count) {
  tp_request *request = context;
  tp_thread *thread = request->thread;
  if (ok)
    succeed(request, L, count);
  else if (tp_exec_cancel_is_error(thread->host->exec, L, -1))
    request->ending = TP_RETURN_CANCELLED;
  else
    fail(request, L);
  end(thread, request);
}

const tp_request *tp_handler_current(const tp_exec *exec) {
  return tp_exec_current_context(exec, request_done);
}

/* ---- the start of a call ---- */

/* Pushes the function, out of the file that the owner found it in. */
static void push_named(lua_State *L, const tp_function *function) {
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
 * tp_function. */
static int l_first(lua_State *L) {
  const tp_thread *thread = lua_touserdata(L, lua_upvalueindex(1));
  const tp_function *function = lua_touserdata(L, lua_upvalueindex(2));
  push_named(L, function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, thread->functions);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, function->index);
  lua_pop(L, 1);
  lua_insert(L, 1);
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_first);
  return after_first(L, LUA_OK, 0);
}

static void push_function(lua_State *L, tp_thread *thread, tp_function *function) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, thread->functions);
  if (lua_rawgeti(L, -1, function->index) == LUA_TNIL) {
    lua_pop(L, 1);
    lua_pushlightuserdata(L, thread);
    lua_pushlightuserdata(L, function);
    lua_pushcclosure(L, l_first, 2);
  }
  lua_remove(L, -2);
}

/* Takes the next request of a list. */
static tp_request *take_first(tp_thread *thread, tp_request_list *requests) {
  tp_request *request = TAILQ_FIRST(requests);
  TAILQ_REMOVE(requests, request, link);
  TAILQ_INSERT_TAIL(&thread->taken, request, link);
  return request;
}

/* Lua: starts all requests of a list. Stack: the thread, the list. */
static int l_start(lua_State *L) {
  tp_thread *thread = lua_touserdata(L, 1);
  tp_request_list *requests = lua_touserdata(L, 2);
  while (!TAILQ_EMPTY(requests)) {
    tp_request *request = take_first(thread, requests);
    push_function(L, thread, request->function);
    int count = tp_pack_push(L, request->bytes.data, request->origin.names);
    request->coro =
        tp_exec_start(thread->host->exec, L, count, request->function->name, request_done, request);
  }
  return 0;
}

void tp_handler_start(tp_thread *thread, tp_request_list *requests) {
  lua_State *L = thread->host->L;
  while (!TAILQ_EMPTY(requests)) {
    tp_request *last = TAILQ_LAST(&thread->taken, tp_request_list);
    lua_pushcfunction(L, l_start);
    lua_pushlightuserdata(L, thread);
    lua_pushlightuserdata(L, requests);
    if (lua_pcall(L, 2, 0, 0) == LUA_OK)
      return;
    tp_request *request = TAILQ_LAST(&thread->taken, tp_request_list); /* what could not be started
                                                                        */
    if (request == last) /* not even the first one was tried */
      request = take_first(thread, requests);
    fail(request, L);
    lua_pop(L, 1);
    end(thread, request);
  }
}

/* ---- new text of a module ---- */

/* Has the functions be looked up again. */
static void forget_functions(lua_State *L, const tp_thread *thread) {
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, thread->functions);
}

/* Lua: loads a module again if it is loaded in this thread. Stack: the thread, the module's name.
 */
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

/* Lua: starts a reload before everything that is queued, so that what is started later finds the
 * new functions. Stack: the thread, the module's name. */
static int l_start_reload(lua_State *L) {
  const tp_thread *thread = lua_touserdata(L, 1);
  lua_pushcfunction(L, l_reload);
  lua_pushlightuserdata(L, lua_touserdata(L, 1));
  lua_pushstring(L, lua_touserdata(L, 2));
  forget_functions(L, thread);
  tp_exec_start_urgent(thread->host->exec, L, 2, "a reload", NULL, NULL);
  return 0;
}

void tp_handler_reload(tp_thread *thread, const char *module) {
  lua_State *L = thread->host->L;
  lua_pushcfunction(L, l_start_reload);
  lua_pushlightuserdata(L, thread);
  lua_pushlightuserdata(L, (void *)module);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK)
    return;
  tp_log_write(&thread->host->log, TP_LOG_ERROR, "no memory to reload '%s'", module);
  lua_pop(L, 1);
}
