/* SPDX-License-Identifier: MIT
 *
 * What a group calls; see call.h.
 *
 * The record is a userdata, anchored by a registry reference as long as its group lives; its user
 * values hold what is seldom needed, references of their own what each task needs. */
#include "exec/call.h"
#include "exec/cancel.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/slot.h"
#include "exec/source.h"
#include "exec/state.h"
#include "pool/flow.h"
#include "value/error.h"
#include "value/list.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>

/* The user values of a call: its pool, its callbacks (by tp_call_callback), its future. */
enum { POOL = 1, CALLBACK, FUTURE = CALLBACK + TP_CALLBACK_END + 1, VALUES = FUTURE };

struct tp_call {
  tp_source source;     /* what its tasks call, and with what */
  double timeout;       /* seconds that a task may run; 0: no limit */
  tp_coro_done done;    /* told of the end of its one task; NULL: nobody is, or was already */
  void *context;        /* for it */
  bool has_callback[2]; /* by tp_call_callback */
};

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
  call->source.feed.group = group;
  if (call->source.iterated) {
    tp_feed_state state;
    call->source.next++;
    if (!tp_feed_step(&call->source.feed, &state))
      return tp_call_fail(group);
    if (state != TP_FEED_READY)
      return state;
  } else if (call->source.next >= call->source.count) {
    return TP_FEED_DONE;
  }
  tp_exec *exec = call->source.feed.exec;
  exec->handover.group = group;
  tp_coro *coro = exec->handover.taken = tp_slot_take_next(exec);
  coro->is_task = true;
  coro->failed = coro->cancelled = false;
  coro->as.task.state = TP_TASK_NEW;
  coro->as.task.end = TP_END_OK;
  coro->as.task.tries = 1;
  coro->as.task.busy = 0;
  coro->as.task.started = exec->clock.recent;
  if (call->timeout > 0 && !tp_exec_cancel_after(coro, call->timeout))
    tp_raise(coro->L, TP_NO_MEMORY, "no memory for a time limit");
  begin(coro, tp_source_push(&call->source, coro));
  exec->handover.group = NULL;
  exec->handover.taken = NULL;
  *task = &coro->as.task;
  return call->source.iterated || call->source.next < call->source.count ? TP_FEED_READY
                                                                         : TP_FEED_DONE;
}

uint64_t tp_call_waiting(const tp_group *group) {
  const tp_call *call = group->call;
  if (!call->source.iterated)
    return call->source.count - call->source.next;
  return tp_feed_has_values(&call->source.feed);
}

uint64_t tp_call_demand(const tp_group *group) {
  const tp_call *call = group->call;
  return call->source.iterated ? TP_UNLIMITED : call->source.count - call->source.next;
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
  lua_State *L = call->source.feed.exec->L;
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
  call->source.feed.group = group;
  if (call->source.next == 0)
    tell_verdict(group, &(verdict){.reason = reason});
  return call->source.iterated ? tp_feed_stop(&call->source.feed, reason) : TP_FEED_DONE;
}

static const verdict no_memory = {.code = TP_NO_MEMORY,
                                  .message = "no memory for the next task of a group"};

/* A submitted call is told so; else it is one error, and those who have not started never do. */
tp_feed_state tp_call_fail(tp_group *group) {
  tp_call *call = group->call;
  tp_exec *exec = call->source.feed.exec;
  call->source.feed.group = group;
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
  return call->source.iterated ? tp_feed_stop(&call->source.feed, exec->fallback_reasons[0])
                               : TP_FEED_DONE;
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
  tp_call_destroy(call, call->source.feed.exec->L);
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
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->source.feed.anchor);
  lua_getiuservalue(L, -1, value);
  lua_remove(L, -2);
}

void tp_call_push_callback(const tp_group *group, lua_State *L, tp_call_callback which) {
  push_value(group, L, CALLBACK + (int)which);
}

void tp_call_push_arguments(const tp_task *task, lua_State *L) {
  const tp_call *call = task->group->call;
  tp_source_push_arguments(L, &call->source, task);
}

bool tp_call_is_of(const tp_group *group, const void *function) {
  const tp_call *call = group->call;
  lua_State *L = call->source.feed.exec->L;
  if (!lua_checkstack(L, 2))
    return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->source.function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->source.signature);
  bool is_of = lua_topointer(L, -1) == function || lua_topointer(L, -2) == function;
  lua_pop(L, 2);
  return is_of;
}

bool tp_call_push_waiting(const tp_group *group, uint64_t number, lua_State *L) {
  const tp_call *call = group->call;
  return tp_source_push_waiting(L, &call->source, number);
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
  *call = (tp_call){.source = {.feed.exec = exec,
                               .number = ++exec->calls,
                               .spread = parts->spread,
                               .retry = parts->retry},
                    .done = parts->done,
                    .context = parts->context};
  keep(L, POOL, parts->pool);
  keep(L, FUTURE, parts->future);
  call->has_callback[TP_CALLBACK_CANCEL] =
      keep(L, CALLBACK + TP_CALLBACK_CANCEL, parts->cancel_callback);
  call->has_callback[TP_CALLBACK_END] = keep(L, CALLBACK + TP_CALLBACK_END, parts->end_callback);
  if (parts->spread == TP_SPREAD_SAME)
    call->source.count = parts->times;
  else if (lua_istable(L, parts->items))
    call->source.count = (uint64_t)tp_list_length(L, parts->items);
  else
    call->source.iterated = true;
  if (parts->timeout && !lua_isnoneornil(L, parts->timeout))
    call->timeout = lua_tonumber(L, parts->timeout);
  call->source.function = refer(L, parts->function);
  call->source.signature = refer(L, parts->signature ? parts->signature : parts->function);
  call->source.feed.items = refer(L, parts->items);
  call->source.feed.anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  return call;
}

void tp_call_destroy(tp_call *call, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, call->source.function);
  luaL_unref(L, LUA_REGISTRYINDEX, call->source.signature);
  luaL_unref(L, LUA_REGISTRYINDEX, call->source.feed.items);
  luaL_unref(L, LUA_REGISTRYINDEX, call->source.feed.anchor);
}
