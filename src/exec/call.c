/* SPDX-License-Identifier: MIT
 *
 * What a group calls, and where its arguments come from: the same list each time, the elements of a
 * list, or the steps of an iterator.
 *
 * A list is read when a task is to start. An iterator is user code that may wait, so it runs in a
 * coroutine of its own, which is resumed when the group has room; it yields the values of one step
 * (TP_CORO_OFFERING), or parks, and then offers its values when it has them.
 *
 * The record is a userdata whose user values hold the Lua side; one registry reference anchors it.
 */
#include "exec/coro.h"
#include "value/error.h"

#include <lauxlib.h>
#include <string.h>

/* The user values of a call. */
enum { POOL = 1, FUNCTION, ITEMS, END_CALLBACK, CANCEL_CALLBACK, VALUES = CANCEL_CALLBACK };

/* Arguments of one task; more would be a mistake. */
#define ARGUMENTS_MAX 10000

struct tp_call {
  tp_exec *exec;        /* who runs it */
  tp_group *group;      /* set by the first start */
  int anchor;           /* registry reference of the userdata */
  tp_spread spread;     /* how an element becomes arguments */
  uint64_t next;        /* elements, or times, taken so far */
  uint64_t count;       /* how many there are; not known of an iterator */
  bool iterated;        /* the elements come from an iterator */
  tp_coro *iterator;    /* the coroutine of an iterator; NULL for lists and after its end */
  bool has_callback[2]; /* whether there is an end, a cancel callback */
};

/* ---- arguments by name ---- */

/* The name of parameter `n` of the function at `function`, NULL if there is none. */
static const char *parameter_name(lua_State *L, int function, int n) {
  lua_pushvalue(L, function);
  const char *name = lua_getlocal(L, NULL, n);
  lua_pop(L, 1);
  return name;
}

/* Pushes where a function is defined, for messages. */
static const char *push_place(lua_State *L, int function) {
  lua_Debug info;
  lua_pushvalue(L, function);
  lua_getinfo(L, ">S", &info);
  return lua_pushfstring(L, "the function at %s:%d", info.short_src, info.linedefined);
}

/* The position of the parameter called `name`; 0: there is none. */
static int find_parameter(lua_State *L, int function, const char *name, int count) {
  for (int n = 1; n <= count; n++) {
    const char *parameter = parameter_name(L, function, n);
    if (!parameter)
      tp_raise(L, TP_INVALID_ARGUMENT,
               "%s has no debug information, so it takes no arguments by name ('%s')",
               push_place(L, function), name);
    if (strcmp(parameter, name) == 0)
      return n;
  }
  return 0;
}

static int parameter_count(lua_State *L, int function) {
  lua_Debug info;
  lua_pushvalue(L, function);
  lua_getinfo(L, ">uS", &info);
  if (*info.what == 'C')
    tp_raise(L, TP_INVALID_ARGUMENT, "a C function takes no arguments by name");
  return info.nparams;
}

/* The length of a list: its field n if it has one (nil elements), else the border. */
static lua_Integer list_length(lua_State *L, int list) {
  list = lua_absindex(L, list);
  lua_pushliteral(L, "n");
  lua_rawget(L, list);
  lua_Integer length =
      lua_isinteger(L, -1) ? lua_tointeger(L, -1) : (lua_Integer)lua_rawlen(L, list);
  lua_pop(L, 1);
  return length;
}

/* Adds the table of named arguments at `named` to the list at `target`, which has `given` elements.
 */
static lua_Integer add_named(lua_State *L, int function, int named, int target, lua_Integer given) {
  int count = parameter_count(L, function);
  lua_Integer last = given;
  lua_pushnil(L);
  while (lua_next(L, named)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      tp_raise(L, TP_INVALID_ARGUMENT, "arguments by name must have string keys, not %s",
               luaL_typename(L, -2));
    const char *name = lua_tostring(L, -2);
    int position = find_parameter(L, function, name, count);
    if (!position)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s has no parameter '%s'", push_place(L, function), name);
    if (position <= given)
      tp_raise(L, TP_INVALID_ARGUMENT,
               "parameter '%s' of %s is given twice, by position and by name", name,
               push_place(L, function));
    lua_rawseti(L, target, position);
    if (position > last)
      last = position;
  }
  return last;
}

void tp_call_bind(lua_State *L, int function, int list, int named) {
  luaL_checkstack(L, 10, NULL);
  lua_Integer given = 0;
  lua_newtable(L);
  int target = lua_gettop(L);
  if (list && !lua_isnoneornil(L, list)) {
    given = list_length(L, list);
    for (lua_Integer i = 1; i <= given; i++) {
      lua_rawgeti(L, list, i);
      lua_rawseti(L, target, i);
    }
  }
  lua_Integer last = given;
  if (named && !lua_isnoneornil(L, named))
    last = add_named(L, function, named, target, given);
  lua_pushinteger(L, last);
  lua_setfield(L, target, "n");
}

/* ---- iterators ---- */

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

/* Lua: the body of an iterator's coroutine. */
static int l_iterator(lua_State *L) {
  return call_iterator(L);
}

/* The iterator's coroutine has ended. An error ends the feed, and counts as one of the group. */
static void iterator_done(void *context, lua_State *L, bool ok, int count) {
  (void)count;
  tp_call *call = context;
  tp_group *group = call->group;
  call->iterator = NULL;
  if (!ok && group->feed != TP_FEED_STOPPING) {
    tp_exec_listener *listener = &call->exec->listener;
    lua_pushfstring(L, "the iterator of %s's group '%s'", group->pool->label, group->name);
    tp_exec_push_traceback(call->exec, L);
    listener->failed(listener->context, lua_tostring(L, -2), lua_tostring(L, -1));
    lua_pop(L, 2);
    tp_run_count_error(group->pool->owner, L);
  }
  tp_pool_feed_ready(group->pool, group);
}

static void push_part(const tp_call *call, lua_State *L, int part) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->anchor);
  lua_getiuservalue(L, -1, part);
  lua_remove(L, -2);
}

/* Starts the coroutine of an iterator, which does not run before the first resume. */
static void start_iterator(tp_call *call) {
  lua_State *L = call->exec->L;
  luaL_checkstack(L, 8, NULL);
  lua_pushcfunction(L, l_iterator);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->anchor);
  push_part(call, L, ITEMS);
  tp_coro *coro = tp_coro_take(call->exec);
  lua_xmove(L, coro->L, 3);
  coro->is_task = false;
  coro->as.job.done = iterator_done;
  coro->as.job.context = call;
  coro->as.job.what = "an iterator";
  call->iterator = coro;
  coro->nargs = (uint16_t)(lua_status(coro->L) == LUA_OK ? 4 : 3);
}

void tp_call_offered(tp_coro *coro) {
  tp_call *call = coro->as.job.context;
  tp_pool_feed_ready(call->group->pool, call->group);
}

/* Brings the iterator to its next values. */
static tp_feed_state step_iterator(tp_call *call) {
  if (call->next++ == 0)
    start_iterator(call);
  if (!call->iterator)
    return TP_FEED_DONE;
  if (call->iterator->state == TP_CORO_OFFERING || tp_coro_resume(call->iterator))
    return TP_FEED_READY;
  return call->iterator ? TP_FEED_WAITING : TP_FEED_DONE;
}

/* ---- starting a task ---- */

/* Lua: the body of a task whose arguments are wrong. */
static int l_refuse(lua_State *L) {
  return lua_error(L);
}

/* Lua: makes an element's arguments by name. Stack: the function, the element. */
static int l_bind(lua_State *L) {
  tp_call_bind(L, 1, 0, 2);
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
  lua_Integer length = list_length(L, -1);
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
                    call->group->name, luaL_typename(L, -1));
    return refuse(L, base);
  }
  if (call->spread != TP_SPREAD_NAMED)
    return unpack(L, base);
  lua_pushcfunction(L, l_bind);
  lua_pushvalue(L, base + 1);
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

/* Pushes function and arguments of the next task of a list; returns how many arguments. */
static int push_listed(tp_call *call, lua_State *L) {
  int base = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->anchor);
  lua_getiuservalue(L, -1, FUNCTION);
  lua_getiuservalue(L, -2, ITEMS);
  lua_remove(L, base + 1);
  call->next++;
  if (call->spread == TP_SPREAD_SAME)
    return unpack(L, base);
  lua_rawgeti(L, -1, (lua_Integer)call->next);
  lua_replace(L, -2);
  return spread(call, L, base, 1);
}

/* The same for what the iterator offers. */
static int push_offered(tp_call *call, lua_State *L) {
  int base = lua_gettop(L);
  tp_coro *iterator = call->iterator;
  int count = iterator->nargs;
  luaL_checkstack(L, count + 4, "too many values of an iterator");
  push_part(call, L, FUNCTION);
  lua_xmove(iterator->L, L, count);
  iterator->nargs = 0;
  iterator->state = TP_CORO_PARKED;
  return spread(call, L, base, count);
}

tp_feed_state tp_call_start(tp_group *group, tp_task **task) {
  tp_call *call = group->call;
  call->group = group;
  if (call->iterated) {
    tp_feed_state state = step_iterator(call);
    if (state != TP_FEED_READY)
      return state;
  } else if (call->next >= call->count) {
    return TP_FEED_DONE;
  }
  tp_coro *coro = tp_coro_take(call->exec);
  coro->is_task = true;
  coro->failed = coro->cancelled = coro->told = false;
  coro->as.task = (tp_task){0};
  int nargs = call->iterated ? push_offered(call, coro->L) : push_listed(call, coro->L);
  tp_coro_begin(coro, nargs);
  *task = &coro->as.task;
  return call->iterated || call->next < call->count ? TP_FEED_READY : TP_FEED_DONE;
}

uint64_t tp_call_waiting(const tp_group *group) {
  const tp_call *call = group->call;
  if (!call->iterated)
    return call->count - call->next;
  return call->iterator && call->iterator->state == TP_CORO_OFFERING;
}

tp_feed_state tp_call_stop(tp_group *group, tp_cancel *reason) {
  tp_call *call = group->call;
  if (!call->iterator)
    return TP_FEED_DONE;
  tp_exec_cancel(call->exec, call->iterator, reason);
  return TP_FEED_STOPPING;
}

void tp_call_release(tp_group *group) {
  tp_call *call = group->call;
  group->call = NULL;
  tp_call_drop(call, call->exec->L);
}

bool tp_call_push_callback(const tp_group *group, lua_State *L, tp_coro_phase phase) {
  const tp_call *call = group->call;
  bool end = phase == TP_PHASE_END_CALLBACK;
  if (!call->has_callback[end])
    return false;
  push_part(call, L, end ? END_CALLBACK : CANCEL_CALLBACK);
  return true;
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

tp_call *tp_call_create(tp_exec *exec, lua_State *L, const tp_call_parts *parts) {
  luaL_checkstack(L, 4, NULL);
  tp_call *call = lua_newuserdatauv(L, sizeof *call, VALUES);
  *call = (tp_call){.exec = exec, .spread = parts->spread, .anchor = LUA_NOREF};
  keep(L, POOL, parts->pool);
  keep(L, FUNCTION, parts->function);
  keep(L, ITEMS, parts->items);
  call->has_callback[true] = keep(L, END_CALLBACK, parts->end_callback);
  call->has_callback[false] = keep(L, CANCEL_CALLBACK, parts->cancel_callback);
  if (parts->spread == TP_SPREAD_SAME)
    call->count = parts->times;
  else if (lua_istable(L, parts->items))
    call->count = (uint64_t)list_length(L, parts->items);
  else
    call->iterated = true;
  call->anchor = luaL_ref(L, LUA_REGISTRYINDEX);
  return call;
}

void tp_call_drop(tp_call *call, lua_State *L) {
  luaL_unref(L, LUA_REGISTRYINDEX, call->anchor);
}
