/* SPDX-License-Identifier: MIT
 *
 * Futures; see future.h.
 *
 * A future is a userdata that its call, or the registry, holds until it is done; then its results,
 * or its error, are its user value. It has a list of parks to wake, and one of functions to call.
 * An error that nobody has seen when the future is collected is logged. */
#include "binding/future.h"
#include "base/fail.h"
#include "base/vec.h"
#include "binding/arguments.h"
#include "binding/handle.h"
#include "binding/values.h"
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/deadlock.h"
#include "exec/exec.h"
#include "exec/park.h"
#include "exec/report.h"
#include "exec/timer.h"
#include "exec/wait.h"
#include "pool/flow.h"
#include "value/error.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

#define TYPE "taskpool.Future"

/* The user values of a future. */
enum {
  VALUES = 1, /* the list of its results, or of its error; nil: there are none */
  TRACEBACK,  /* message and traceback of the error */
  LISTENERS,  /* the list of functions to call at the end */
  USER_VALUES = LISTENERS
};

typedef enum future_state {
  FUTURE_PENDING,   /* has not ended */
  FUTURE_OK,        /* has results */
  FUTURE_FAILED,    /* has an error */
  FUTURE_CANCELLED, /* the same, that of a cancel */
} future_state;

struct tp_future {
  tp_host *host;          /* where it runs */
  tp_group *group;        /* the call that it waits for; NULL: none, or it is done */
  tp_coro *coro;          /* the same for a coroutine */
  int anchor;             /* registry reference while it waits for a coroutine */
  future_state state;     /* whether and how it has ended */
  bool seen;              /* somebody was given its error */
  bool counted;           /* among the host's failures that nobody has seen, … */
  size_t where;           /* … there */
  tp_future_fn listener;  /* C code that is told of its end; NULL: none */
  void *listener_context; /* for that */
  tp_wake_id *waiters;    /* parks that wait for it */
  size_t count;           /* how many */
  size_t capacity;        /* how many fit */
};

static tp_future *check(lua_State *L, int index) {
  tp_future *future = luaL_testudata(L, index, TYPE);
  if (!future)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "expected a future, not %s; call methods with a colon, such as future:await()",
             luaL_typename(L, index));
  return future;
}

tp_future *tp_future_push(lua_State *L, tp_host *host) {
  luaL_checkstack(L, 3, NULL);
  tp_future *future = lua_newuserdatauv(L, sizeof *future, USER_VALUES);
  *future = (tp_future){.host = host, .anchor = LUA_NOREF};
  luaL_setmetatable(L, TYPE);
  return future;
}

void tp_future_expect_call(tp_future *future, tp_group *group) {
  future->group = group;
}

/* ---- the end ---- */

/* Has tp_future_see_call find the future in slot 1, of a kept call that has failed. */
static void note_failure(lua_State *L, const tp_group *group) {
  tp_handle_push(L, group->pool);
  if (lua_isnil(L, -1)) /* the pool is being collected */
    return;
  if (lua_getiuservalue(L, -1, TP_HANDLE_FAILED) != LUA_TTABLE) {
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, -4, TP_HANDLE_FAILED);
    lua_remove(L, -2);
  }
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, (lua_Integer)group->number);
  lua_pop(L, 2);
}

/* Lua: keeps the results, or the error with its traceback. Stack: the future, these values. */
static int l_keep(lua_State *L) {
  const tp_future *future = lua_touserdata(L, 1);
  int count = lua_gettop(L) - 1;
  if (count > 0) {
    tp_values_pack(L, 2, count);
    lua_setiuservalue(L, 1, VALUES);
  }
  if (future->state == FUTURE_FAILED) {
    tp_report_push_traceback(future->host->exec, L);
    lua_setiuservalue(L, 1, TRACEBACK);
    if (future->group && future->group->kept)
      note_failure(L, future->group);
  }
  return 0;
}

/* The same for the future on top of the stack and the `count` values from `first` on. False: no
 * memory; an error is on top then. */
static bool keep(lua_State *L, int first, int count) {
  int self = lua_gettop(L);
  lua_pushcfunction(L, l_keep);
  lua_pushvalue(L, self);
  for (int i = 0; i < count; i++)
    lua_pushvalue(L, first + i);
  return lua_pcall(L, count + 1, 0, 0) == LUA_OK;
}

/* Pops what a listener has returned. It has taken note of the error unless that is false. */
static bool takes_note(lua_State *L) {
  bool takes = !lua_isboolean(L, -1) || lua_toboolean(L, -1);
  lua_pop(L, 1);
  return takes;
}

/* A listener has failed: wakes the coroutine that waits for it, by the table at place `i` of the
 * list. Allocates nothing. */
static void wake_waiting(const tp_future *future, lua_State *L, int list, lua_Integer i) {
  if (lua_rawgeti(L, list, i) == LUA_TTABLE) {
    lua_pushboolean(L, true);
    lua_rawseti(L, -2, 1);
    lua_rawgeti(L, -1, 2);
    tp_park_wake(future->host->exec, (tp_wake_id)lua_tointeger(L, -1), L, 0);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Calls the functions that listen for the end of the future at `index`. True: one has taken note of
 * its error. */
static bool call_listeners(const tp_future *future, lua_State *L, int index, int first, int count) {
  if (lua_getiuservalue(L, index, LISTENERS) != LUA_TTABLE) {
    lua_pop(L, 1);
    return false;
  }
  int list = lua_gettop(L);
  bool seen = false;
  for (lua_Integer i = 1; lua_rawgeti(L, list, i + 1) != LUA_TNIL; i += 2) {
    lua_pushboolean(L, future->state == FUTURE_OK);
    for (int value = 0; value < count; value++)
      lua_pushvalue(L, first + value);
    if (lua_pcall(L, count + 1, 1, 0) == LUA_OK) {
      seen |= takes_note(L);
      continue;
    }
    const char *text = lua_tostring(L, -1);
    tp_log_record about = tp_log_about(NULL, NULL, NULL);
    about.error = tp_error_name(L, -1);
    tp_log_write_about(&future->host->log, TP_LOG_ERROR, &about, "error in an on_end function: %s",
                       text ? text : "unknown");
    lua_pop(L, 1);
    wake_waiting(future, L, list, i);
  }
  lua_settop(L, list - 1);
  lua_pushnil(L);
  lua_setiuservalue(L, index, LISTENERS);
  return seen;
}

/* Tells C code of the end: with the values from `first` on. */
static void tell_listener(tp_future *future, lua_State *L, int first, int count) {
  if (!future->listener)
    return;
  bool ok = future->state == FUTURE_OK;
  future->seen = true;
  for (int i = 0; i < count; i++)
    lua_pushvalue(L, first + i);
  future->listener(future->listener_context, L, ok, count);
  lua_pop(L, count);
}

/* Counts a failure that nobody has seen. */
static void count_unseen(tp_future *future, const tp_pool *pool) {
  if (future->state != FUTURE_FAILED || future->seen)
    return;
  future->where = tp_failures_add(&future->host->failures, pool ? pool->label : "");
  future->counted = true;
}

/* Somebody is given its error. */
static void see(tp_future *future) {
  if (future->counted)
    tp_failures_remove(&future->host->failures, future->where);
  future->counted = false;
  future->seen = true;
}

void tp_future_see_call(lua_State *L, int index, const tp_group *group) {
  if (lua_getiuservalue(L, index, TP_HANDLE_FAILED) == LUA_TTABLE && group) {
    if (lua_rawgeti(L, -1, (lua_Integer)group->number) == LUA_TUSERDATA)
      see(lua_touserdata(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

void tp_future_forget_calls(lua_State *L, int index) {
  lua_pushnil(L);
  lua_setiuservalue(L, index, TP_HANDLE_FAILED);
}

static void forget_waiters(tp_future *future) {
  free(future->waiters);
  future->waiters = NULL;
  future->count = future->capacity = 0;
}

static void wake_all(tp_future *future) {
  for (size_t i = 0; i < future->count; i++)
    future->seen |= tp_park_wake(future->host->exec, future->waiters[i], future->host->L, 0);
  forget_waiters(future);
}

/* Logs the error of the future at `index`, which nobody has seen. */
static void report(const tp_future *future, lua_State *L, int index) {
  int top = lua_gettop(L);
  tp_log_record about = tp_log_about(NULL, NULL, NULL);
  if (future->counted)
    about.pool = tp_failures_pool(&future->host->failures, future->where);
  lua_getiuservalue(L, index, TRACEBACK);
  const char *text = lua_tostring(L, -1);
  if (lua_getiuservalue(L, index, VALUES) == LUA_TTABLE)
    lua_rawgeti(L, -1, 1);
  about.error = tp_error_name(L, -1);
  tp_log_write_about(&future->host->log, TP_LOG_ERROR, &about,
                     "error in a call that nobody has awaited: %s", text ? text : "no memory");
  lua_settop(L, top);
}

/* Pushes the future, whose end has come: nothing but the stack keeps it then. */
static void push_self(tp_future *future, lua_State *L) {
  if (future->group) {
    tp_call_push_future(future->group, L);
    return;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, future->anchor);
  luaL_unref(L, LUA_REGISTRYINDEX, future->anchor);
  future->anchor = LUA_NOREF;
}

void tp_future_done(void *context, lua_State *L, bool ok, int count) {
  tp_future *future = context;
  bool is_cancel = !ok && tp_error_code(L, -1) == TP_CANCELLED;
  bool is_job = future->coro != NULL;
  const tp_pool *pool = future->group ? future->group->pool : NULL;
  int first = lua_gettop(L) - count + 1;
  if (future->group && future->group->known_by_name && future->group->started)
    future->seen = true; /* its failure counts in the group */
  future->state = ok ? FUTURE_OK : is_cancel ? FUTURE_CANCELLED : FUTURE_FAILED;
  wake_all(future);
  if (!lua_checkstack(L, count + 8)) {
    future->state = FUTURE_FAILED;
    lua_settop(L, first - 1);
    count = 0;
  }
  int self = lua_gettop(L) + 1;
  push_self(future, L);
  if (!keep(L, first, count)) {
    future->state = FUTURE_FAILED;
    first = self + 1;
    count = 1;
  }
  future->group = NULL;
  future->coro = NULL;
  future->seen |= call_listeners(future, L, self, first, count);
  tell_listener(future, L, first, count);
  count_unseen(future, pool);
  if (is_job && future->state == FUTURE_FAILED && !future->seen) { /* nobody holds a job's future */
    report(future, L, self);
    future->seen = true;
  }
  lua_settop(L, self - 1);
}

static int l_future_gc(lua_State *L) {
  tp_future *future = lua_touserdata(L, 1);
  if (future->state == FUTURE_FAILED && !future->seen)
    report(future, L, 1);
  future->seen = true;
  forget_waiters(future); /* its call may end later, in a state that is closed */
  return 0;
}

/* ---- for C code ---- */

void tp_future_listen(lua_State *L, tp_future_fn listener, void *context) {
  tp_future *future = lua_touserdata(L, -1);
  future->listener = listener;
  future->listener_context = context;
}

/* ---- waiting ---- */

/* Pushes the results of the future at `index`, or its error; returns how many. */
static int push_values(lua_State *L, int index) {
  if (lua_getiuservalue(L, index, VALUES) != LUA_TTABLE) {
    lua_pop(L, 1);
    return 0;
  }
  int list = lua_gettop(L), count = tp_values_unpack(L, list);
  lua_remove(L, list);
  return count;
}

/* Says where the error on top of L, that of the future in slot 1, comes from and is awaited. */
static void set_cause(lua_State *L) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (lua_getiuservalue(L, 1, TRACEBACK) == LUA_TSTRING) {
    luaL_traceback(L, L, "", 0);
    luaL_gsub(L, lua_tostring(L, -1), "\nstack traceback:", "\nawaited in:");
    lua_remove(L, -2);
    lua_concat(L, 2);
    lua_pushvalue(L, -2);
    tp_report_set_cause(L, lua_tostring(L, -2), lua_rawlen(L, -2));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}

/* Returns the results of the future in slot 1, or raises its error. */
static int give(lua_State *L, tp_future *future) {
  int count = push_values(L, 1);
  if (future->state == FUTURE_OK)
    return count;
  see(future);
  if (count == 0)
    return tp_raise(L, TP_NO_MEMORY, "no memory for the results of a call");
  set_cause(L);
  return lua_error(L);
}

/* Forgets the parks that are over, such as those of tasks that were cancelled while they waited. */
static void forget_old_parks(tp_future *future) {
  size_t kept = 0;
  for (size_t i = 0; i < future->count; i++)
    if (tp_park_is_parked(future->host->exec, future->waiters[i]))
      future->waiters[kept++] = future->waiters[i];
  future->count = kept;
}

/* Notes that the running coroutine waits for the future. */
static void add_waiter(tp_future *future, lua_State *L) {
  if (future->count == future->capacity) {
    forget_old_parks(future);
    tp_wake_id *waiters =
        tp_vec_reserve(future->waiters, &future->capacity, future->count * 2 + 2, sizeof *waiters);
    if (!waiters)
      tp_raise(L, TP_NO_MEMORY, "no memory to wait for a future");
    future->waiters = waiters;
  }
  future->waiters[future->count++] = tp_wait_id(future->host->exec, L);
}

static bool cancel(tp_future *future, tp_code code, const char *message, double grace) {
  tp_host *host = future->host;
  if (future->state != FUTURE_PENDING)
    return false;
  tp_cancel *reason = tp_exec_cancel_new_reason(host->exec, code, "future:cancel", message, grace);
  if (future->group)
    tp_flow_cancel_group(future->group->pool, future->group, reason);
  else if (future->coro)
    tp_exec_cancel(host->exec, future->coro, reason);
  tp_cancel_release(reason);
  return true;
}

void tp_future_cancel(tp_future *future, const char *message) {
  if (future)
    cancel(future, TP_CANCELLED, message, TP_GRACE_DEFAULT);
}

/* The stack of a wait; the deadline is a clock in seconds. */
enum { FUTURE = 1, DEADLINE };

/* The wait is over; `context` says whether a cancel of it cancels what was waited for. */
static int after_await(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_future *future = lua_touserdata(L, FUTURE);
  if (context && tp_wait_is_cut(future->host->exec))
    cancel(future, TP_CANCELLED, "the task that waits for it was cancelled", TP_GRACE_DEFAULT);
  tp_wait_values(future->host->exec, L, DEADLINE);
  if (future->state == FUTURE_PENDING)
    return tp_raise(L, TP_TIMED_OUT, "await: the call has not ended in that time; it goes on");
  return give(L, future);
}

int tp_future_await(lua_State *L, double seconds, bool owned) {
  tp_future *future = check(L, FUTURE);
  tp_exec *exec = future->host->exec;
  double deadline = tp_timer_seconds(exec) + seconds;
  lua_settop(L, FUTURE);
  lua_pushnumber(L, deadline);
  tp_wait_check(exec, L);
  if (future->state != FUTURE_PENDING)
    return give(L, future);
  add_waiter(future, L);
  tp_pool *pool = future->group && seconds == HUGE_VAL ? future->group->pool : NULL;
  if (pool && !tp_deadlock_check(exec, L, pool)) {
    if (owned)
      cancel(future, TP_CANCELLED, "nothing waits for it", TP_GRACE_DEFAULT);
    return tp_deadlock_raise(exec, L, pool);
  }
  return tp_wait_park_until(exec, L, deadline, after_await, owned);
}

bool tp_future_push_group(lua_State *L, int index) {
  const tp_future *future = luaL_testudata(L, index, TYPE);
  tp_group *group = future ? future->group : NULL;
  if (!group)
    return false;
  if (!tp_pool_keep_group(group->pool, group, "submit-group"))
    tp_raise(L, TP_NO_MEMORY, "no memory for the name of a call");
  lua_pushstring(L, group->name);
  return true;
}

/* ---- methods ---- */

/* Lua: future:await(seconds). */
static int l_future_await(lua_State *L) {
  static const tp_param seconds = {.name = "seconds", .type = TP_PARAM_SECONDS};
  bool is_limited = !lua_isnoneornil(L, 2);
  if (is_limited)
    tp_arguments_check(L, 2, "await", &seconds);
  return tp_future_await(L, is_limited ? lua_tonumber(L, 2) : HUGE_VAL, false);
}

bool tp_future_is_done(lua_State *L, int index) {
  return check(L, index)->state != FUTURE_PENDING;
}

static int l_future_done(lua_State *L) {
  lua_pushboolean(L, tp_future_is_done(L, 1));
  return 1;
}

/* Lua: future:cancel({msg, grace}). */
static int l_future_cancel(lua_State *L) {
  static const tp_param options[] = {{.name = "msg", .type = TP_PARAM_NAME},
                                     {.name = "grace", .type = TP_PARAM_SECONDS},
                                     {.name = NULL}};
  enum { TABLE = 2, MESSAGE, GRACE };
  tp_future *future = check(L, FUTURE);
  lua_settop(L, TABLE);
  tp_arguments_lay_out_options(L, TABLE, "cancel", options);
  double grace = lua_isnil(L, GRACE) ? TP_GRACE_DEFAULT : lua_tonumber(L, GRACE);
  lua_pushboolean(L, cancel(future, TP_CANCELLED, lua_tostring(L, MESSAGE), grace));
  return 1;
}

bool tp_future_set_weight(tp_future *future, double weight) {
  tp_group *group = future ? future->group : NULL;
  bool waits = group && group->admission != TP_CALL_LEFT;
  if (waits)
    tp_flow_weigh_group(group->pool, group, weight);
  return waits;
}

/* Lua: future:set_weight(weight). */
static int l_future_set_weight(lua_State *L) {
  static const tp_param weight = {.name = "weight", .type = TP_PARAM_NUMBER};
  tp_future *future = check(L, 1);
  tp_arguments_check(L, 2, "set_weight", &weight);
  lua_pushboolean(L, tp_future_set_weight(future, lua_tonumber(L, 2)));
  return 1;
}

static int l_future_tostring(lua_State *L) {
  static const char *const texts[] = {
      [FUTURE_OK] = "done", [FUTURE_FAILED] = "failed", [FUTURE_CANCELLED] = "cancelled"};
  const tp_future *future = check(L, 1);
  bool waits = future->group && future->group->admission != TP_CALL_LEFT;
  const char *text = future->state != FUTURE_PENDING ? texts[future->state]
                     : waits                         ? "waiting"
                                                     : "running";
  lua_pushfstring(L, "Future: %s", text);
  return 1;
}

void tp_future_open(lua_State *L) {
  static const luaL_Reg methods[] = {{"await", l_future_await},
                                     {"done", l_future_done},
                                     {"cancel", l_future_cancel},
                                     {"set_weight", l_future_set_weight},
                                     {NULL, NULL}};
  luaL_newmetatable(L, TYPE);
  lua_pushcfunction(L, l_future_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, l_future_tostring);
  lua_setfield(L, -2, "__tostring");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, TYPE);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

void tp_future_prepare_wait(lua_State *L, int index) {
  const tp_future *future = check(L, index);
  tp_pool *pool = future->group ? future->group->pool : NULL;
  if (pool && !tp_deadlock_check(future->host->exec, L, pool))
    tp_deadlock_raise(future->host->exec, L, pool);
}

/* ---- coroutines of their own ---- */

void tp_future_start(lua_State *L, int nargs, const char *what, double limit) {
  tp_host *host = tp_state_host(L);
  int function = lua_gettop(L) - nargs;
  tp_future *future = tp_future_push(L, host);
  lua_insert(L, function);
  lua_pushvalue(L, function);
  future->anchor = luaL_ref(L, LUA_REGISTRYINDEX); /* nothing may raise after the start */
  future->coro = tp_exec_start(host->exec, L, nargs, what, tp_future_done, future);
  if (limit > 0 && !tp_exec_cancel_after(future->coro, limit))
    cancel(future, TP_NO_MEMORY, "no memory for a time limit", TP_GRACE_DEFAULT);
}

/* Adds the function in slot 2 to those that listen for the end of the future in slot 1. Before each
 * function the list has what waits for it (slot 3; false: nothing). */
static void add_listener(lua_State *L) {
  if (lua_getiuservalue(L, 1, LISTENERS) != LUA_TTABLE) {
    lua_pop(L, 1);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, LISTENERS);
  }
  lua_Integer length = (lua_Integer)(lua_rawlen(L, -1) & ~(lua_Unsigned)1);
  if (lua_istable(L, 3))
    lua_pushvalue(L, 3);
  else
    lua_pushboolean(L, false);
  lua_rawseti(L, -2, length + 1);
  lua_pushvalue(L, 2);
  lua_rawseti(L, -2, length + 2);
}

int l_core_on_end(lua_State *L) {
  tp_future *future = check(L, 1);
  lua_settop(L, 3);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (future->state == FUTURE_PENDING) {
    add_listener(L);
    return 0;
  }
  lua_settop(L, 2);
  lua_pushboolean(L, future->state == FUTURE_OK);
  lua_call(L, 1 + push_values(L, 1), 1);
  if (takes_note(L))
    see(future);
  return 0;
}

int l_core_share_pool(lua_State *L) {
  const tp_pool *shared = NULL;
  bool is_so = true;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (lua_Integer i = 1; is_so && lua_rawgeti(L, 1, i) != LUA_TNIL; i++) {
    const tp_future *future = check(L, -1);
    const tp_pool *pool = future->group ? future->group->pool : NULL;
    if (future->state == FUTURE_PENDING) {
      is_so = pool && (!shared || pool == shared);
      shared = pool;
    }
    lua_pop(L, 1);
  }
  lua_pushboolean(L, is_so);
  return 1;
}

int l_core_cancel(lua_State *L) {
  lua_settop(L, 3);
  cancel(check(L, 1), lua_toboolean(L, 3) ? TP_TIMED_OUT : TP_CANCELLED, lua_tostring(L, 2),
         TP_GRACE_DEFAULT);
  return 0;
}
