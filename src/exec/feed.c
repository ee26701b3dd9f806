/* SPDX-License-Identifier: MIT
 *
 * Iterators that feed a group; see feed.h. */
#include "exec/feed.h"
#include "exec/cancel.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "exec/run.h"
#include "exec/slot.h"
#include "exec/state.h"
#include "exec/wait.h"
#include "pool/flow.h"

#include <lauxlib.h>
#include <stdio.h>

/* So many values have a place on the stack of a task that starts, whatever else is there. */
enum { SURE_COUNT = 4 };

static int iterate(lua_State *L, int status, lua_KContext context);

/* Calls the iterator for its next values. Stack: [1] the call, whose first part is the feed, [2]
 * the iterator. */
static int call_iterator(lua_State *L, tp_feed *feed) {
  lua_pushvalue(L, 2);
  lua_callk(L, 0, LUA_MULTRET, (lua_KContext)feed, iterate);
  return iterate(L, LUA_OK, (lua_KContext)feed);
}

/* The values were taken, or the group is cancelled. */
static int offered(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_feed *feed = (tp_feed *)context;
  if (feed->coro->cut)
    tp_wait_values(feed->exec, L, 2);
  return call_iterator(L, feed);
}

/* The iterator has returned: offers its values, or ends. */
static int iterate(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_feed *feed = (tp_feed *)context;
  int count = lua_gettop(L) - 2;
  if (count == 0 || lua_isnil(L, 3))
    return 0;
  if (feed->coro->cancelling)
    tp_wait_check(feed->exec, L);
  feed->coro->state = TP_CORO_OFFERING;
  feed->coro->nargs = (uint16_t)count;
  return lua_yieldk(L, count, context, offered);
}

/* Lua: the body of an iterator's coroutine. An iterator with __close is closed when it ends. */
static int l_iterator(lua_State *L) {
  tp_feed *feed = lua_touserdata(L, 1);
  if (luaL_getmetafield(L, 2, "__close") != LUA_TNIL) {
    lua_pop(L, 1);
    lua_toclose(L, 2);
  }
  if (feed->group->feed == TP_FEED_STOPPING) /* it was cancelled before its first step */
    return 0;
  return call_iterator(L, feed);
}

/* The iterator's coroutine has ended. An error ends the feed, and counts as one of the group. */
static void iterator_done(void *context, lua_State *L, bool ok, int count) {
  (void)count;
  tp_feed *feed = context;
  tp_group *group = feed->group;
  feed->coro = NULL;
  if (!ok && group->feed != TP_FEED_STOPPING) {
    char who[512];
    snprintf(who, sizeof who, "the iterator of %s's group '%s'", group->pool->label,
             tp_group_label(group));
    tp_retry_unwrap(L);
    tp_report_tell(feed->exec, feed->exec->context.coro, group, L, who);
    tp_run_count_error(group, L, true);
  }
  tp_flow_feed_ready(group->pool, group);
}

/* Lua: starts the coroutine of an iterator, which does not run before the first resume. Stack: the
 * feed. */
static int l_start_iterator(lua_State *L) {
  tp_feed *feed = lua_touserdata(L, 1);
  lua_pushcfunction(L, l_iterator);
  lua_rawgeti(L, LUA_REGISTRYINDEX, feed->anchor);
  lua_rawgeti(L, LUA_REGISTRYINDEX, feed->items);
  tp_coro *coro = tp_slot_take(feed->exec, L);
  lua_xmove(L, coro->L, 3);
  coro->is_task = false;
  coro->as.job.done = iterator_done;
  coro->as.job.context = feed;
  coro->as.job.what = "an iterator";
  feed->coro = coro;
  coro->nargs = TP_STACK_CORO + 3;
  return 0;
}

/* The same from any code. False: no memory. */
static bool start_iterator(tp_feed *feed) {
  lua_State *L = feed->exec->L;
  feed->started = true;
  if (!lua_checkstack(L, 2))
    return false;
  lua_pushcfunction(L, l_start_iterator);
  lua_pushlightuserdata(L, feed);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return true;
  lua_pop(L, 1);
  return false;
}

void tp_feed_offered(tp_coro *coro) {
  tp_feed *feed = coro->as.job.context;
  tp_flow_feed_ready(feed->group->pool, feed->group);
}

bool tp_feed_step(tp_feed *feed, tp_feed_state *state) {
  if (!feed->started && !start_iterator(feed))
    return false;
  bool is_ready = tp_feed_has_values(feed) || (feed->coro && feed->exec->resume(feed->coro));
  *state = is_ready ? TP_FEED_READY : feed->coro ? TP_FEED_WAITING : TP_FEED_DONE;
  return true;
}

bool tp_feed_has_values(const tp_feed *feed) {
  return feed->coro && feed->coro->state == TP_CORO_OFFERING;
}

int tp_feed_take(tp_feed *feed, lua_State *L) {
  tp_coro *iterator = feed->coro;
  int count = iterator->nargs;
  if (count > SURE_COUNT)
    luaL_checkstack(L, count + 4, "too many values of an iterator");
  lua_xmove(iterator->L, L, count);
  iterator->nargs = 0;
  iterator->state = TP_CORO_PARKED;
  return count;
}

/* Whether an iterator that was not started has something to close. */
static bool must_close(const tp_feed *feed) {
  lua_State *L = feed->exec->L;
  if (feed->started || !lua_checkstack(L, 3))
    return false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, feed->items);
  bool has_close = luaL_getmetafield(L, -1, "__close") != LUA_TNIL;
  lua_pop(L, has_close ? 2 : 1);
  return has_close;
}

tp_feed_state tp_feed_stop(tp_feed *feed, tp_cancel *reason) {
  if (must_close(feed) && start_iterator(feed)) {
    tp_ready_add(feed->coro, TP_STACK_CORO + 3);
    return TP_FEED_STOPPING;
  }
  if (!feed->coro)
    return TP_FEED_DONE;
  tp_exec_cancel(feed->exec, feed->coro, reason);
  return TP_FEED_STOPPING;
}
