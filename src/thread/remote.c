/* SPDX-License-Identifier: MIT
 *
 * A call into a thread, as the owner sees it; see remote.h.
 *
 * The coroutine packs its arguments, parks, and unpacks the results when its request is completed.
 * A cancel takes the request back if no thread has it yet. Otherwise the cancel is sent to the
 * thread, and the coroutine waits for the answer. If that takes longer than the grace, the
 * coroutine is killed like any other: the request is abandoned and its results are dropped. For
 * that, each wait in which a coroutine may be killed has a *watch*, a <close> variable. */
#include "thread/remote.h"
#include "exec/cancel.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "exec/wait.h"
#include "thread/dispatch.h"
#include "thread/origin.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* The part of the grace that the thread gets, so that its answer comes in time. */
#define GRACE_THERE 0.9

#define WATCH_TYPE "taskpool.request"

/* Takes a request out of the completed ones. */
static void pick_up(tp_request *request) {
  TAILQ_REMOVE(&request->set->completed, request, link);
}

/* ---- the end of a call ---- */

/* Raises the error of a completed request. */
static int raise_error(lua_State *L, tp_request *request) {
  int top = lua_gettop(L);
  bool has_text = request->bytes.length > 0, is_final = request->is_final;
  if (has_text)
    tp_pack_push(L, request->bytes.data, request->bytes.length);
  pick_up(request);
  tp_request_recycle(request);
  if (!has_text)
    return tp_raise(L, TP_NO_MEMORY, "no memory for an error in a thread");
  size_t length;
  const char *cause = lua_tolstring(L, top + 2, &length);
  lua_pushvalue(L, top + 1);
  if (is_final)
    tp_retry_refuse(L);
  tp_report_set_cause(L, cause, length);
  return lua_error(L);
}

/* Ends the watch, if there is one. Stack: the request, or its watch. */
static void end_watch(lua_State *L) {
  if (lua_islightuserdata(L, 1))
    return;
  tp_request **watch = lua_touserdata(L, 1);
  *watch = NULL;
}

/* The request is completed: returns the results, or raises. Stack: the request, or its watch. */
static int finish(lua_State *L, tp_request *request) {
  tp_exec *exec = request->set->exec;
  tp_return ending = request->ending;
  int count = 0;
  end_watch(L);
  if (ending == TP_RETURN_ERROR)
    return raise_error(L, request);
  if (ending == TP_RETURN_RESULTS)
    count = tp_pack_push(L, request->bytes.data, request->bytes.length);
  pick_up(request);
  tp_request_recycle(request);
  if (ending == TP_RETURN_RESULTS)
    return count;
  tp_wait_check(exec, L);
  return tp_raise(L, TP_NOT_AVAILABLE, "the thread of this call has ended");
}

/* ---- a cancel ---- */

/* Sends the cancel of the running coroutine to the thread of its request. */
static void send_cancel(tp_request *request) {
  double left;
  const tp_cancel *reason = tp_exec_cancel_reason(request->set->exec, &left);
  tp_cancel *copy = reason ? tp_cancel_copy(reason, left * GRACE_THERE) : NULL;
  tp_thread *thread = request->thread;
  if (!copy) /* no memory: the call ends by itself, and its result is dropped */
    return;
  uv_mutex_lock(&thread->lock);
  request->cancel = copy;
  if (request->place == TP_PLACE_THREAD && thread->is_open) {
    TAILQ_INSERT_TAIL(&thread->cancels, request, cancel_link);
    request->is_listed = true;
    uv_async_send(&thread->wake);
  }
  uv_mutex_unlock(&thread->lock);
}

/* Takes back the request of the running coroutine, and recycles it, if no thread has it. */
static bool withdraw(tp_request *request) {
  if (!tp_dispatch_withdraw(request))
    return false;
  tp_set_end_flight(request->set);
  tp_request_recycle(request);
  return true;
}

/* Lua: the end of a watch. If it still has a request, the call was killed. */
static int l_watch_close(lua_State *L) {
  tp_request **watch = lua_touserdata(L, 1), *request = *watch;
  *watch = NULL;
  if (!request)
    return 0;
  if (request->is_completed) {
    pick_up(request);
    tp_set_drop(request);
  } else if (!withdraw(request)) {
    if (!request->cancel)
      send_cancel(request);
    request->is_abandoned = true;
    tp_set_end_flight(request->set);
  }
  return 0;
}

/* Pushes a watch without a request. */
static tp_request **push_watch(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  tp_request **watch = lua_newuserdatauv(L, sizeof(tp_request *), 0);
  *watch = NULL;
  if (luaL_newmetatable(L, WATCH_TYPE)) {
    lua_pushcfunction(L, l_watch_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return watch;
}

/* Has the watch at [1], which is the top, watch a request. */
static void start_watch(lua_State *L, tp_request **watch, tp_request *request) {
  lua_toclose(L, 1);
  *watch = request;
}

/* The request of a cancelled call is completed. */
static int after_cancel(lua_State *L, int status, lua_KContext context) {
  (void)status;
  return finish(L, (tp_request *)context);
}

/* A cancel has ended the wait. Stack: the request, or its watch. */
static int cancel(lua_State *L, tp_request *request) {
  tp_exec *exec = request->set->exec;
  if (request->is_completed) {
    tp_wait_mend(exec);
    return finish(L, request);
  }
  if (withdraw(request)) {
    end_watch(L);
    return tp_wait_values(exec, L, 0);
  }
  if (lua_islightuserdata(L, 1)) {
    lua_settop(L, 0);
    start_watch(L, push_watch(L), request);
  }
  send_cancel(request);
  request->wake = tp_wait_id(exec, L);
  return tp_wait_again(exec, L, after_cancel, (lua_KContext)request);
}

/* ---- the call ---- */

static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_request *request = (tp_request *)context;
  return tp_wait_is_cut(request->set->exec) ? cancel(L, request) : finish(L, request);
}

/* Lua: calls a function in a thread. Upvalues: the set, the tp_function. */
static int l_remote(lua_State *L) {
  tp_threads *set = tp_set_check(L, lua_upvalueindex(1));
  tp_error error;
  tp_request **watch = NULL;
  tp_wait_begin(set->exec, L);
  if (tp_exec_cancel_is_shielded(set->exec)) {
    watch = push_watch(L);
    lua_insert(L, 1);
  }
  int base = watch ? 1 : 0;
  tp_request *request = tp_request_create(set);
  if (!request)
    return tp_raise(L, TP_NO_MEMORY, "no memory for a call in a thread");
  request->function = lua_touserdata(L, lua_upvalueindex(2));
  if (!tp_pack(&request->bytes, L, base + 1, lua_gettop(L) - base, "argument", "to a thread",
               &error)) {
    tp_request_recycle(request);
    return tp_raise_error(L, &error);
  }
  if (!tp_origin_write(request)) {
    tp_request_recycle(request);
    return tp_raise(L, TP_NO_MEMORY, "no memory for a call in a thread");
  }
  lua_settop(L, base);
  if (watch)
    start_watch(L, watch, request);
  else
    lua_pushlightuserdata(L, request);
  request->wake = tp_wait_id(set->exec, L);
  tp_dispatch_add(set, request);
  return tp_wait_park(set->exec, L, after_wait, (lua_KContext)request);
}

/* A tp_report_place. What waits has its request, or a watch of it, at [1]. */
static void push_place(lua_State *L, lua_State *of, lua_Debug *info) {
  static const char *const words[] = {
      [TP_PLACE_OWNER] = "waits for", /* a completed one still has its thread */
      [TP_PLACE_MAILBOX] = "waits for",
      [TP_PLACE_THREAD] = "in",
      [TP_PLACE_COMPLETED] = "back from",
  };
  tp_request *request = NULL;
  if (lua_checkstack(of, 1) && lua_getlocal(of, info, 1)) {
    void *first = lua_touserdata(of, -1);
    request = lua_islightuserdata(of, -1) || !first ? first : *(tp_request **)first;
    lua_pop(of, 1);
  }
  tp_thread *thread = request ? request->thread : NULL;
  if (!thread || request->is_completed) {
    lua_pushstring(L, thread ? "back from a thread" : "waits for a thread");
    return;
  }
  uv_mutex_lock(&thread->lock);
  tp_place place = request->place;
  uv_mutex_unlock(&thread->lock);
  lua_pushfstring(L, "%s thread %d of %s: %s", words[place], (int)thread->number,
                  request->set->label, request->function->name);
}

void tp_remote_open(tp_threads *set) {
  tp_report_set_place(set->exec, l_remote, push_place);
}

void tp_remote_push(lua_State *L, int index, tp_function *function) {
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, function);
  lua_pushcclosure(L, l_remote, 2);
}
