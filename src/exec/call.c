/* SPDX-License-Identifier: MIT
 *
 * What a group calls; see call.h.
 *
 * The record is a userdata, anchored by a registry reference as long as its group lives; its user
 * values hold what is seldom needed, references of their own what each task needs. */
#include "exec/call.h"
#include "exec/bind.h"
#include "exec/cancel.h"
#include "exec/feed.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "pool/flow.h"
#include "value/error.h"
#include "value/list.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>

/* Arguments of one task; more would be a mistake. */
#define ARGUMENTS_MAX 10000

/* The user values of a call: its pool, its callbacks (by tp_call_callback), its future. */
enum { POOL = 1, CALLBACK, FUTURE = CALLBACK + TP_CALLBACK_END + 1, VALUES = FUTURE };

struct tp_call {
  tp_feed feed;         /* the iterator, if its elements come from one; and where it belongs */
  bool iterated;        /* they do */
  uint64_t number;      /* unlike its address, never that of another call */
  int function;         /* registry reference of the worker function */
  int signature;        /* the same of what has its parameters' names */
  tp_spread spread;     /* how an element becomes arguments */
  uint64_t next;        /* elements, or times, taken so far */
  uint64_t count;       /* how many there are; not known of an iterator */
  double timeout;       /* seconds that a task may run; 0: no limit */
  tp_retry retry;       /* whether a task is tried again */
  tp_coro_done done;    /* told of the end of its one task; NULL: nobody is, or was already */
  void *context;        /* for it */
  bool has_callback[2]; /* by tp_call_callback */
};

/* ---- arguments ---- */

/* Lua: the body of a task whose arguments are wrong, and stay so. */
static int l_refuse(lua_State *L) {
  tp_retry_refuse(L);
  return lua_error(L);
}

/* Lua: makes an element's arguments by name. Stack: the function, the element. */
static int l_bind(lua_State *L) {
  tp_bind_arguments(L, 1, 0, 2);
  return 1;
}

/* Replaces function and element on top of L by a body that raises the message on top of them. */
static int refuse(lua_State *L, int base) {
  tp_error_wrap(L, TP_INVALID_ARGUMENT);
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
  lua_pushcfunction(L, l_refuse);
  lua_insert(L, base + 1);
  return 1;
}

/* Replaces the list on top by its elements; returns how many. */
static int unpack(lua_State *L, int base) {
  lua_Integer length = tp_list_length(L, -1);
  int list = lua_gettop(L);
  if (length < 0 || length > ARGUMENTS_MAX || !lua_checkstack(L, (int)length + 4)) {
    lua_pushfstring(L, "a call takes at most %d arguments, not %I", ARGUMENTS_MAX,
                    (LUAI_UACINT)length);
    return refuse(L, base);
  }
  for (lua_Integer i = 1; i <= length; i++)
    lua_rawgeti(L, list, i);
  lua_remove(L, list);
  return (int)length;
}

/* Makes arguments of `count` values above the function at `base` + 1; returns how many. */
static int spread(tp_call *call, lua_State *L, int base, int count) {
  if (call->spread == TP_SPREAD_ONE)
    return count;
  lua_settop(L, base + 2);
  if (!lua_istable(L, -1)) {
    lua_pushfstring(L, "element %d of %s must be a table of arguments, not %s", (int)call->next,
                    tp_group_label(call->feed.group), luaL_typename(L, -1));
    return refuse(L, base);
  }
  if (call->spread == TP_SPREAD_LIST && lua_rawlen(L, -1) == 0 && tp_list_has_keys_only(L, -1)) {
    lua_pushfstring(L,
                    "element %d of %s has keys, but no list items; doublestarmap takes arguments "
                    "by name",
                    (int)call->next, tp_group_label(call->feed.group));
    return refuse(L, base);
  }
  if (call->spread == TP_SPREAD_LIST)
    return unpack(L, base);
  lua_pushcfunction(L, l_bind);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->signature);
  lua_pushvalue(L, base + 2);
  if (lua_pcall(L, 2, 1, 0) != LUA_OK) {
    lua_replace(L, base + 1);
    lua_settop(L, base + 1);
    lua_pushcfunction(L, l_refuse);
    lua_insert(L, base + 1);
    return 1;
  }
  lua_replace(L, base + 2);
  return unpack(L, base);
}

/* Has the coroutine that has just ended a task, and runs, keep function and items of a call. */
static void keep_parts(const tp_call *call, tp_coro *coro) {
  lua_settop(coro->L, TP_STACK_CORO);
  lua_rawgeti(coro->L, LUA_REGISTRYINDEX, call->function);
  lua_rawgeti(coro->L, LUA_REGISTRYINDEX, call->feed.items);
  coro->kept = call->number;
  coro->keeps = true;
}

/* Pushes function and arguments of the next task, which the coroutine keeps; returns how many
 * arguments. */
static int push_kept(tp_call *call, lua_State *L) {
  int base = lua_gettop(L);
  lua_pushvalue(L, TP_STACK_FUNCTION);
  if (call->iterated)
    return spread(call, L, base, tp_feed_take(&call->feed, L));
  call->next++;
  if (call->spread != TP_SPREAD_SAME) {
    lua_rawgeti(L, TP_STACK_ITEMS, (lua_Integer)call->next);
    return spread(call, L, base, 1);
  }
  lua_pushvalue(L, TP_STACK_ITEMS);
  return unpack(L, base);
}

/* The same, from the registry, for a coroutine that does not run yet. */
static int push_next(tp_call *call, lua_State *L) {
  int base = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->function);
  if (call->iterated)
    return spread(call, L, base, tp_feed_take(&call->feed, L));
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->feed.items);
  call->next++;
  if (call->spread == TP_SPREAD_SAME)
    return unpack(L, base);
  lua_rawgeti(L, -1, (lua_Integer)call->next);
  lua_replace(L, -2);
  return spread(call, L, base, 1);
}

/* Pushes what the next task calls, and what that is called with; returns how many arguments. */
static int push_parts(tp_call *call, tp_coro *coro) {
  bool is_kept = coro->state == TP_CORO_RUNNING;
  if (is_kept && coro->kept != call->number)
    keep_parts(call, coro);
  int wrapped = call->retry.n ? tp_retry_push_body(coro->L, &call->retry) : 0;
  return wrapped + (is_kept ? push_kept : push_next)(call, coro->L);
}

/* Has a task run, if it does not already: it was the reusable one. */
static void begin(tp_coro *coro, int nargs) {
  if (coro->state == TP_CORO_RUNNING)
    return;
  coro->fresh = true;
  coro->exec->ready.fresh++;
  tp_ready_add(coro, nargs + TP_STACK_CORO + 1);
}

tp_feed_state tp_call_start(tp_group *group, tp_task **task) {
  tp_call *call = group->call;
  call->feed.group = group;
  if (call->iterated) {
    tp_feed_state state;
    call->next++;
    if (!tp_feed_step(&call->feed, &state))
      return tp_call_fail(group);
    if (state != TP_FEED_READY)
      return state;
  } else if (call->next >= call->count) {
    return TP_FEED_DONE;
  }
  tp_exec *exec = call->feed.exec;
  exec->handover.group = group;
  tp_coro *coro = exec->handover.taken = tp_slot_take_next(exec);
  coro->is_task = true;
  coro->failed = coro->cancelled = false;
  coro->as.task.state = TP_TASK_NEW;
  coro->as.task.end = TP_END_OK;
  coro->as.task.tries = 1;
  if (call->timeout > 0 && !tp_exec_cancel_after(coro, call->timeout))
    tp_raise(coro->L, TP_NO_MEMORY, "no memory for a time limit");
  begin(coro, push_parts(call, coro));
  exec->handover.group = NULL;
  exec->handover.taken = NULL;
  *task = &coro->as.task;
  return call->iterated || call->next < call->count ? TP_FEED_READY : TP_FEED_DONE;
}

uint64_t tp_call_waiting(const tp_group *group) {
  const tp_call *call = group->call;
  if (!call->iterated)
    return call->count - call->next;
  return tp_feed_has_values(&call->feed);
}

uint64_t tp_call_demand(const tp_group *group) {
  const tp_call *call = group->call;
  return call->iterated ? TP_UNLIMITED : call->count - call->next;
}

bool tp_call_tell(const tp_group *group, lua_State *L, bool ok, int count) {
  tp_call *call = group->call;
  tp_coro_done done = call->done;
  call->done = NULL;
  if (done)
    done(call->context, L, ok, count);
  return done != NULL;
}

/* Why a task will never start. */
typedef struct verdict {
  const tp_cancel *reason; /* a cancel, or … */
  tp_code code;            /* … an error */
  const char *message;     /* in words */
} verdict;

/* Lua: the error that says so. Stack: the verdict. */
static int l_verdict(lua_State *L) {
  const verdict *of = lua_touserdata(L, 1);
  if (of->reason) {
    tp_exec_cancel_push(L, of->reason);
    return 1;
  }
  lua_pushstring(L, of->message);
  tp_error_wrap(L, of->code);
  return 1;
}

/* Pushes it onto the executor's L; for lack of memory, the error that says that. */
static lua_State *push_verdict(const tp_call *call, const verdict *of) {
  lua_State *L = call->feed.exec->L;
  lua_checkstack(L, LUA_MINSTACK); /* a function of C has that many places anyway */
  lua_pushcfunction(L, l_verdict);
  lua_pushlightuserdata(L, (void *)of);
  lua_pcall(L, 1, 1, 0);
  return L;
}

/* Tells of a task that will never start. Never raises. */
static void tell_verdict(const tp_group *group, const verdict *of) {
  const tp_call *call = group->call;
  if (!call->done)
    return;
  lua_State *L = push_verdict(call, of);
  int top = lua_gettop(L) - 1;
  tp_call_tell(group, L, false, 1);
  lua_settop(L, top);
}

tp_feed_state tp_call_stop(tp_group *group, tp_cancel *reason) {
  tp_call *call = group->call;
  call->feed.group = group;
  if (call->next == 0)
    tell_verdict(group, &(verdict){.reason = reason});
  return call->iterated ? tp_feed_stop(&call->feed, reason) : TP_FEED_DONE;
}

static const verdict no_memory = {.code = TP_NO_MEMORY,
                                  .message = "no memory for the next task of a group"};

/* A submitted call is told so; else it is one error, and those who have not started never do. */
tp_feed_state tp_call_fail(tp_group *group) {
  tp_call *call = group->call;
  tp_exec *exec = call->feed.exec;
  call->feed.group = group;
  if (call->done) {
    tell_verdict(group, &no_memory);
  } else {
    char who[512];
    lua_State *L = push_verdict(call, &no_memory);
    snprintf(who, sizeof who, "%s: group '%s' ends early", group->pool->label,
             tp_group_label(group));
    tp_report_tell(exec, NULL, group, L, who);
    tp_run_count_error(group, L, true);
    lua_pop(L, 1);
  }
  return call->iterated ? tp_feed_stop(&call->feed, exec->fallback_reasons[0]) : TP_FEED_DONE;
}

void tp_call_recover(tp_exec *exec) {
  tp_group *group = exec->handover.group;
  tp_coro *coro = exec->handover.taken;
  exec->handover.group = NULL;
  exec->handover.taken = exec->handover.reusable = NULL;
  if (coro) {
    lua_settop(coro->L, 0);
    tp_exec_cancel_clear(coro);
    tp_slot_give_back(coro);
  }
  if (group)
    tp_flow_feed_failed(group->pool, group);
}

void tp_call_release(tp_group *group) {
  tp_call *call = group->call;
  tell_verdict(group, &no_memory); /* if nobody was told: its task could not be made, or ended */
  group->call = NULL;
  tp_call_destroy(call, call->feed.exec->L);
}

void tp_call_tell_end(const tp_group *group) {
  tell_verdict(group, &(verdict){.code = TP_CANCELLED, .message = "the host has ended"});
}

bool tp_call_has_callback(const tp_group *group, tp_call_callback which) {
  const tp_call *call = group->call;
  return call->has_callback[which];
}

/* Pushes a user value of a group's call. */
static void push_value(const tp_group *group, lua_State *L, int value) {
  const tp_call *call = group->call;
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->feed.anchor);
  lua_getiuservalue(L, -1, value);
  lua_remove(L, -2);
}

void tp_call_push_callback(const tp_group *group, lua_State *L, tp_call_callback which) {
  push_value(group, L, CALLBACK + (int)which);
}

void tp_call_push_future(const tp_group *group, lua_State *L) {
  push_value(group, L, FUTURE);
}

/* ---- making a call ---- */

/* Stores the value at `index` as a user value of the call on top. Returns whether there is one. */
static bool keep(lua_State *L, int part, int index) {
  if (!index || lua_isnoneornil(L, index))
    return false;
  lua_pushvalue(L, index);
  lua_setiuservalue(L, -2, part);
  return true;
}

static int refer(lua_State *L, int index) {
  lua_pushvalue(L, index);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

tp_call *tp_call_create(tp_exec *exec, lua_State *L, const tp_call_parts *parts) {
  luaL_checkstack(L, 4, NULL);
  tp_call *call = lua_newuserdatauv(L, sizeof *call, VALUES);
  *call = (tp_call){.feed.exec = exec,
                    .number = ++exec->calls,
                    .spread = parts->spread,
                    .retry = parts->retry,
                    .done = parts->done,
                    .context = parts->context};
  keep(L, POOL, parts->pool);
  keep(L, FUTURE, parts->future);
  call->has_callback[TP_CALLBACK_CANCEL] =
      keep(L, CALLBACK + TP_CALLBACK_CANCEL, parts->cancel_callback);
  call->has_callback[TP_CALLBACK_END] = keep(L, CALLBACK + TP_CALLBACK_END, parts->end_callback);
  if (parts->spread == TP_SPREAD_SAME)
    call->count = parts->times;
  else if (lua_istable(L, parts->items))
    call->count = (uint64_t)tp_list_length(L, parts->items);
  else
    call->iterated = true;
  if (parts->timeout && !lua_isnoneornil(L, parts->timeout))
    call->timeout = lua_tonumber(L, parts->timeout);
  call->function = refer(L, parts->function);
  call->signature = refer(L, parts->signature ? parts->signature : parts->function);
  call->feed.items = refer(L, parts->items);
  call->feed.anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  return call;
}

void tp_call_destroy(tp_call *call, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, call->function);
  luaL_unref(L, LUA_REGISTRYINDEX, call->signature);
  luaL_unref(L, LUA_REGISTRYINDEX, call->feed.items);
  luaL_unref(L, LUA_REGISTRYINDEX, call->feed.anchor);
}
