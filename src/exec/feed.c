/* SPDX-License-Identifier: MIT
 *
 * Iterators that feed a group. One is user code that may wait, so it runs in a coroutine of its
 * own, which is resumed when the group has room. It yields the values of one step
 * (TP_CORO_OFFERING), or parks, and then offers its values when it has them. */
#include "exec/call.h"

#include <lauxlib.h>
#include <stdio.h>

static int iterate(lua_State *L, int status, lua_KContext context);

/* Calls the iterator for its next values. Stack: 1 call, 2 iterator. */
static int call_iterator(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  lua_callk(L, 0, LUA_MULTRET, 0, iterate);
  return iterate(L, LUA_OK, 0);
}

static int offered(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  tp_call *call = lua_touserdata(L, 1);
  tp_wait_values(call->exec, L, 2);
  return call_iterator(L);
}

/* The iterator has returned: offers its values, or ends. */
static int iterate(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  tp_call *call = lua_touserdata(L, 1);
  if (lua_isnoneornil(L, 3))
    return 0;
  int count = lua_gettop(L) - 2;
  tp_wait_check(call->exec, L);
  call->iterator->state = TP_CORO_OFFERING;
  call->iterator->nargs = (uint16_t)count;
  return lua_yieldk(L, count, 0, offered);
}

/* Lua: the body of an iterator's coroutine. An iterator with __close is closed when it ends. */
static int l_iterator(lua_State *L) {
  const tp_call *call = lua_touserdata(L, 1);
  if (luaL_getmetafield(L, 2, "__close") != LUA_TNIL)
    lua_toclose(L, 2);
  if (call->group->feed == TP_FEED_STOPPING) /* it was cancelled before its first step */
    return 0;
  return call_iterator(L);
}

/* The iterator's coroutine has ended. An error ends the feed, and counts as one of the group. */
static void iterator_done(void *context, lua_State *L, bool ok, int count) {
  (void)count;
  tp_call *call = context;
  tp_group *group = call->group;
  call->iterator = NULL;
  if (!ok && group->feed != TP_FEED_STOPPING) {
    char who[512];
    snprintf(who, sizeof who, "the iterator of %s's group '%s'", group->pool->label,
             tp_group_label(group));
    tp_retry_unwrap(L);
    tp_report_tell(call->exec, call->exec->current, L, who);
    tp_run_count_error(group, L, true);
  }
  tp_pool_feed_ready(group->pool, group);
}

/* Lua: starts the coroutine of an iterator, which does not run before the first resume. Stack: the
 * call. */
static int l_start_iterator(lua_State *L) {
  tp_call *call = lua_touserdata(L, 1);
  lua_pushcfunction(L, l_iterator);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->anchor);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->items);
  tp_coro *coro = tp_coro_take(call->exec, L);
  lua_xmove(L, coro->L, 3);
  coro->is_task = false;
  coro->as.job.done = iterator_done;
  coro->as.job.context = call;
  coro->as.job.what = "an iterator";
  coro->as.job.tries = 0;
  call->iterator = coro;
  coro->nargs = 4;
  return 0;
}

/* The same from any code. False: no memory. */
static bool start_iterator(tp_call *call) {
  lua_State *L = call->exec->L;
  if (!lua_checkstack(L, 2))
    return false;
  lua_pushcfunction(L, l_start_iterator);
  lua_pushlightuserdata(L, call);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return true;
  lua_pop(L, 1);
  return false;
}

void tp_call_offered(tp_coro *coro) {
  tp_call *call = coro->as.job.context;
  tp_pool_feed_ready(call->group->pool, call->group);
}

tp_feed_state tp_feed_step(tp_call *call) {
  if (call->next++ == 0 && !start_iterator(call))
    return tp_call_fail(call->group);
  if (!call->iterator)
    return TP_FEED_DONE;
  if (call->iterator->state == TP_CORO_OFFERING || tp_coro_resume(call->iterator))
    return TP_FEED_READY;
  return call->iterator ? TP_FEED_WAITING : TP_FEED_DONE;
}

int tp_feed_take(tp_call *call, lua_State *L) {
  tp_coro *iterator = call->iterator;
  int count = iterator->nargs;
  luaL_checkstack(L, count + 4, "too many values of an iterator");
  lua_xmove(iterator->L, L, count);
  iterator->nargs = 0;
  iterator->state = TP_CORO_PARKED;
  return count;
}

/* Whether an iterator that was not started has something to close. */
static bool must_close(const tp_call *call) {
  lua_State *L = call->exec->L;
  if (!call->iterated || call->next > 0 || !lua_checkstack(L, 3))
    return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->items);
  bool has_close = luaL_getmetafield(L, -1, "__close") != LUA_TNIL;
  lua_pop(L, has_close ? 2 : 1);
  return has_close;
}

tp_feed_state tp_feed_stop(tp_call *call, tp_cancel *reason) {
  if (must_close(call) && start_iterator(call)) {
    call->next++;
    tp_exec_queue(call->iterator, 4);
    return TP_FEED_STOPPING;
  }
  if (!call->iterator)
    return TP_FEED_DONE;
  tp_exec_cancel(call->exec, call->iterator, reason);
  return TP_FEED_STOPPING;
}
