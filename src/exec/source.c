/* SPDX-License-Identifier: MIT
 *
 * Where the calls of a group's tasks come from; see source.h. */
#include "exec/source.h"
#include "exec/bind.h"
#include "exec/state.h"
#include "pool/group.h"
#include "value/error.h"
#include "value/list.h"
#include "value/raise.h"

#include <lauxlib.h>

/* Arguments of one task; more would be a mistake. */
#define ARGUMENTS_MAX 10000

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

/* Replaces function and element on top of L by a body that raises the error on top of them. */
static int raise_later(lua_State *L, int base) {
  lua_replace(L, base + 1);
  lua_settop(L, base + 1);
  lua_pushcfunction(L, l_refuse);
  lua_insert(L, base + 1);
  return 1;
}

/* The same with the message on top of them. */
static int refuse(lua_State *L, int base) {
  tp_error_wrap(L, TP_INVALID_ARGUMENT);
  return raise_later(L, base);
}

static int refuse_count(lua_State *L, int base, lua_Integer count) {
  lua_pushfstring(L, "a call takes at most %d arguments, not %I", ARGUMENTS_MAX,
                  (LUAI_UACINT)count);
  return refuse(L, base);
}

/* Replaces the list on top by its elements; returns how many. */
static int unpack(lua_State *L, int base) {
  lua_Integer length = tp_list_length(L, -1);
  int list = lua_gettop(L);
  if (length < 0 || length > ARGUMENTS_MAX || !lua_checkstack(L, (int)length + 4))
    return refuse_count(L, base, length);
  for (lua_Integer i = 1; i <= length; i++)
    lua_rawgeti(L, list, i);
  lua_remove(L, list);
  return (int)length;
}

/* Pushes the list of arguments that the element on top, a table by name, stands for. False: an
 * error. */
static bool push_bound(const tp_source *source, lua_State *L) {
  lua_pushcfunction(L, l_bind);
  lua_rawgeti(L, LUA_REGISTRYINDEX, source->signature);
  lua_pushvalue(L, -3);
  return lua_pcall(L, 2, 1, 0) == LUA_OK;
}

/* Makes arguments of `count` values above the function at `base` + 1; returns how many. */
static int spread(const tp_source *source, lua_State *L, int base, int count) {
  if (source->spread == TP_SPREAD_ONE)
    return count;
  lua_settop(L, base + 2);
  if (!lua_istable(L, -1)) {
    lua_pushfstring(L, "element %d of %s must be a table of arguments, not %s", (int)source->next,
                    tp_group_label(source->feed.group), luaL_typename(L, -1));
    return refuse(L, base);
  }
  if (source->spread == TP_SPREAD_LIST && lua_rawlen(L, -1) == 0 && tp_list_has_keys_only(L, -1)) {
    lua_pushfstring(L,
                    "element %d of %s has keys, but no list items; doublestarmap takes arguments "
                    "by name",
                    (int)source->next, tp_group_label(source->feed.group));
    return refuse(L, base);
  }
  if (source->spread == TP_SPREAD_LIST)
    return unpack(L, base);
  if (!push_bound(source, L))
    return raise_later(L, base);
  lua_replace(L, base + 2);
  return unpack(L, base);
}

/* ---- the next task ---- */

/* So many values have a place on the stack of a task that starts, whatever else is there. */
enum { SURE_COUNT = 4 };

/* Pushes function and arguments of the next task from the values of an iterator, which stay beneath
 * them, above the function at `base`. Returns how many values there are above that. */
static int push_values(tp_source *source, tp_coro *coro, int base) {
  lua_State *L = coro->L;
  int count = tp_feed_take(&source->feed, L);
  int kept = count <= ARGUMENTS_MAX ? count : 0;
  coro->keeps = true;
  coro->as.task.kept = (uint16_t)kept;
  if (kept < count)
    lua_settop(L, base);
  else if (count > SURE_COUNT)
    luaL_checkstack(L, count + LUA_MINSTACK, "too many values of an iterator");
  int wrapped = source->retry.n ? tp_retry_push_body(L, &source->retry) : 0;
  int call = base + kept + wrapped, above = kept + wrapped + 1;
  lua_pushvalue(L, base);
  if (kept < count)
    return above + refuse_count(L, call, count);
  for (int i = 1; i <= kept; i++)
    lua_pushvalue(L, base + i);
  return above + spread(source, L, call, kept);
}

/* Has the coroutine that has just ended a task, and runs, keep the function of a source, and its
 * items. */
static void keep_parts(const tp_source *source, tp_coro *coro) {
  lua_settop(coro->L, TP_STACK_CORO);
  lua_rawgeti(coro->L, LUA_REGISTRYINDEX, source->function);
  if (!source->iterated)
    lua_rawgeti(coro->L, LUA_REGISTRYINDEX, source->feed.items);
  coro->as.task.kept = 1;
  coro->kept = source->number;
  coro->keeps = true;
}

/* Pushes function and arguments of the next task, which the coroutine keeps; returns how many
 * arguments. */
static int push_kept(tp_source *source, lua_State *L) {
  int base = lua_gettop(L);
  lua_pushvalue(L, TP_STACK_FUNCTION);
  source->next++;
  if (source->spread != TP_SPREAD_SAME) {
    lua_rawgeti(L, TP_STACK_ITEMS, (lua_Integer)source->next);
    return spread(source, L, base, 1);
  }
  lua_pushvalue(L, TP_STACK_ITEMS);
  return unpack(L, base);
}

/* The same, from the registry, for a coroutine that does not run yet. */
static int push_next(tp_source *source, lua_State *L) {
  int base = lua_gettop(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, source->function);
  lua_rawgeti(L, LUA_REGISTRYINDEX, source->feed.items);
  source->next++;
  if (source->spread == TP_SPREAD_SAME)
    return unpack(L, base);
  lua_rawgeti(L, -1, (lua_Integer)source->next);
  lua_replace(L, -2);
  return spread(source, L, base, 1);
}

int tp_source_push(tp_source *source, tp_coro *coro) {
  bool runs = coro->state == TP_CORO_RUNNING;
  if (runs && coro->kept != source->number)
    keep_parts(source, coro);
  if (source->iterated && runs) {
    lua_settop(coro->L, TP_STACK_FUNCTION);
    return push_values(source, coro, TP_STACK_FUNCTION);
  }
  if (source->iterated) {
    lua_rawgeti(coro->L, LUA_REGISTRYINDEX, source->function);
    return push_values(source, coro, lua_gettop(coro->L));
  }
  int wrapped = source->retry.n ? tp_retry_push_body(coro->L, &source->retry) : 0;
  return wrapped + (runs ? push_kept : push_next)(source, coro->L);
}

/* ---- what a task was called with ---- */

/* Finds the first call of a thread. False: it has not begun. */
static bool find_first_call(lua_State *L, lua_Debug *info) {
  int level = 0, next = 1;
  while (lua_getstack(L, next, info)) {
    level = next;
    next *= 2;
  }
  while (next - level > 1) {
    int middle = level + (next - level) / 2;
    if (lua_getstack(L, middle, info))
      level = middle;
    else
      next = middle;
  }
  return lua_getstack(L, level, info);
}

/* Pushes onto `to` the value at that place of the stack that a coroutine has all its life. `first`
 * is the first call of its thread; NULL: that has not begun. False: no memory. */
static bool push_place(tp_coro *coro, lua_Debug *first, int place, lua_State *to) {
  lua_State *L = coro->L;
  if (!lua_checkstack(to, 2) || !lua_checkstack(L, 2))
    return false;
  if (!first)
    lua_pushvalue(L, place + 1); /* above what the thread is resumed with */
  else if (!lua_getlocal(L, first, place))
    lua_pushnil(L);
  lua_xmove(L, to, 1);
  return true;
}

int tp_source_move_kept(lua_State *L, tp_coro *coro, lua_State *to) {
  int count = coro->keeps ? 1 + coro->as.task.kept : 0;
  lua_Debug info;
  lua_Debug *first = count && find_first_call(coro->L, &info) ? &info : NULL;
  for (int i = 0; i < count; i++)
    if (!push_place(coro, first, TP_STACK_FUNCTION + i, to))
      tp_raise(L, TP_NO_MEMORY, "no memory for the arguments of a task");
  return count;
}

/* Pushes a list with the values of an iterator that a task keeps. */
static void push_kept_values(lua_State *L, tp_coro *coro) {
  int count = coro->as.task.kept;
  lua_Debug info;
  lua_createtable(L, count, 1);
  lua_Debug *first = find_first_call(coro->L, &info) ? &info : NULL;
  for (int i = 0; i < count; i++) {
    if (!push_place(coro, first, TP_STACK_FUNCTION + 1 + i, L))
      tp_raise(L, TP_NO_MEMORY, "no memory for the arguments of a task");
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, count);
  lua_setfield(L, -2, "n");
}

/* Replaces the list on top by a copy that has its length at "n". */
static void copy_list(lua_State *L) {
  lua_Integer length = tp_list_length(L, -1);
  lua_createtable(L, length < ARGUMENTS_MAX ? (int)length : 0, 1);
  for (lua_Integer i = 1; i <= length; i++) {
    lua_rawgeti(L, -2, i);
    lua_rawseti(L, -2, i);
  }
  lua_pushinteger(L, length);
  lua_setfield(L, -2, "n");
  lua_remove(L, -2);
}

/* Replaces the element on top by a list of the arguments that it stands for. */
static void spell_out(const tp_source *source, lua_State *L) {
  bool is_list = source->spread == TP_SPREAD_LIST && lua_istable(L, -1);
  if (source->spread == TP_SPREAD_NAMED && lua_istable(L, -1)) {
    is_list = push_bound(source, L);
    if (is_list)
      lua_remove(L, -2);
    else
      lua_pop(L, 1); /* the error by which the task ends */
  }
  if (is_list) {
    copy_list(L);
    return;
  }
  lua_createtable(L, 1, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, 1);
  lua_setfield(L, -2, "n");
}

bool tp_source_push_waiting(lua_State *L, const tp_source *source, uint64_t number) {
  if (source->iterated)
    return false;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_rawgeti(L, LUA_REGISTRYINDEX, source->feed.items);
  if (source->spread == TP_SPREAD_SAME) {
    copy_list(L);
    return true;
  }
  lua_rawgeti(L, -1, (lua_Integer)number + 1);
  lua_remove(L, -2);
  spell_out(source, L);
  return true;
}

void tp_source_push_arguments(lua_State *L, const tp_source *source, const tp_task *task) {
  if (tp_source_push_waiting(L, source, task->number))
    return;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  push_kept_values(L, tp_state_coro_of((tp_task *)(uintptr_t)task));
  if (source->spread == TP_SPREAD_ONE)
    return;
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
  spell_out(source, L);
}
