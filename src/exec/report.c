/* SPDX-License-Identifier: MIT
 *
 * Errors and calls in words; see report.h. */
#include "exec/report.h"
#include "exec/cancel.h"
#include "exec/state.h"
#include "value/error.h"
#include "value/text.h"

#include <lauxlib.h>
#include <string.h>

/* The traceback of a coroutine's error is kept in the registry, under the address of its record: it
 * may wait (for its <close> variables) before the error ends it, and others fail meanwhile. */

/* Their addresses are registry keys: of the error that is about to be raised with a cause from
 * elsewhere, and of that cause. */
static const char caused_key, cause_key;

void tp_report_set_cause(lua_State *L, const char *cause, size_t length) {
  tp_exec *exec = tp_state_exec_of(L);
  exec->report.caused = exec->context.coro;
  luaL_checkstack(L, 2, NULL);
  lua_pushlstring(L, cause, length);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &cause_key);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &caused_key);
}

/* Pushes the cause of the error at [1] if it has one from elsewhere. One that was raised before the
 * last such error, and caught meanwhile, has lost its own. */
static bool push_cause(const tp_exec *exec, lua_State *L) {
  if (exec->report.caused != exec->context.coro)
    return false;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &caused_key);
  bool is_it = !lua_isnil(L, -1) && lua_rawequal(L, -1, 1);
  lua_pop(L, 1);
  if (!is_it)
    return false;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &caused_key);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &cause_key);
  return true;
}

/* Pushes what an error value says: a string as it is, else through its own __tostring if that
 * works, else as a literal. Runs in the coroutine that failed, as a part of its body. */
static void push_message(lua_State *L, int value) {
  if (lua_type(L, value) == LUA_TSTRING && strlen(lua_tostring(L, value)) == lua_rawlen(L, value)) {
    lua_pushvalue(L, value);
    return;
  }
  if (tp_error_code(L, value) || !luaL_getmetafield(L, value, "__tostring")) {
    tp_text_push(L, value);
    return;
  }
  lua_pushvalue(L, value);
  if (lua_pcall(L, 1, 1, 0) != LUA_OK || lua_type(L, -1) != LUA_TSTRING) {
    lua_pop(L, 1);
    tp_text_push(L, value);
  }
}

/* Lua: the message handler of every body. Keeps message and traceback for the report; the value
 * stays what it is. A cancel is not a failure, and a million of them must be cheap; an error that
 * is raised again has been here before. */
int tp_report_handler(lua_State *L) {
  lua_settop(L, 1);
  luaL_checkstack(L, 10, NULL);
  tp_exec *exec = tp_state_exec_of(L);
  tp_coro *coro = exec->context.coro;
  bool is_reported = coro->reported;
  coro->reported = false;
  if (is_reported || tp_exec_cancel_is_error(exec, L, 1))
    return 1;
  if (!push_cause(exec, L)) {
    push_message(L, 1);
    luaL_traceback(L, L, lua_tostring(L, 2), 1);
  }
  if (tp_error_code(L, 1)) {
    lua_pushliteral(L, "traceback");
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  lua_rawsetp(L, LUA_REGISTRYINDEX, coro);
  coro->traced = true;
  lua_settop(L, 1);
  return 1;
}

void tp_report_forget(tp_coro *coro, lua_State *L) {
  coro->traced = false;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, coro);
}

void tp_report_push(tp_coro *coro, lua_State *L) {
  if (!coro || !coro->traced) {
    tp_text_push(L, -1);
    return;
  }
  lua_rawgetp(L, LUA_REGISTRYINDEX, coro);
}

/* What is told of an error. */
typedef struct telling {
  tp_exec *exec;           /* whose listener is told */
  tp_coro *coro;           /* what has failed; NULL: no coroutine */
  tp_exec_failure failure; /* the rest */
} telling;

/* Lua: tells of the error value at [2]. Stack: the telling, that value. */
static int l_tell(lua_State *L) {
  telling *of = lua_touserdata(L, 1);
  tp_exec_listener *listener = &of->exec->listener;
  of->failure.error = tp_error_name(L, 2);
  tp_report_push(of->coro, L);
  of->failure.text = lua_tostring(L, -1);
  listener->failed(listener->context, &of->failure);
  return 0;
}

/* The task that a coroutine runs; NULL: none, or it is not in its pool any more. */
static const tp_task *task_of(const tp_coro *coro) {
  bool is_task = coro && coro->is_task;
  const tp_task *task = is_task ? &coro->as.task : NULL;
  return task && task->state != TP_TASK_NEW && task->state != TP_TASK_DONE ? task : NULL;
}

void tp_report_tell(tp_exec *exec, tp_coro *coro, const tp_group *group, lua_State *L,
                    const char *who) {
  const tp_task *task = task_of(coro);
  telling of = {exec, coro, {.who = who, .group = task ? task->group : group, .task = task}};
  bool is_told = false;
  if (lua_checkstack(L, 3)) {
    lua_pushcfunction(L, l_tell);
    lua_pushlightuserdata(L, &of);
    lua_pushvalue(L, -3);
    is_told = lua_pcall(L, 2, 0, 0) == LUA_OK;
    if (!is_told)
      lua_pop(L, 1);
  }
  if (is_told)
    return;
  of.failure.text = "no memory to say which error";
  of.failure.error = tp_code_name(TP_NO_MEMORY);
  exec->listener.failed(exec->listener.context, &of.failure);
}

void tp_report_push_traceback(tp_exec *exec, lua_State *L) {
  tp_report_push(exec->context.coro, L);
}

void tp_report_set_place(tp_exec *exec, lua_CFunction function, tp_report_place push) {
  exec->report.place_of = function;
  exec->report.push_place = push;
}

/* Whether it is a call of the function that says itself where it is. */
static bool has_place(const tp_exec *exec, lua_State *of, lua_Debug *info) {
  if (!exec->report.place_of || !lua_checkstack(of, 1))
    return false;
  lua_getinfo(of, "f", info);
  bool has_one = lua_tocfunction(of, -1) == exec->report.place_of;
  lua_pop(of, 1);
  return has_one;
}

/* Pushes words for what is called at `info`. False: it is one of those that carry others. */
static bool push_name(const tp_exec *exec, lua_State *L, lua_State *of, lua_Debug *info) {
  if (*info->what == 'C' && has_place(exec, of, info)) {
    exec->report.push_place(L, of, info);
    return true;
  }
  if (*info->what == 'C' && !info->name)
    return false;
  lua_pushstring(L, info->name ? info->name : *info->what == 'm' ? "main chunk" : "function");
  return true;
}

/* The same with the line that it is at. */
static bool push_call(const tp_exec *exec, lua_State *L, lua_State *of, lua_Debug *info) {
  lua_getinfo(of, "Snl", info);
  if (!push_name(exec, L, of, info))
    return false;
  if (info->currentline > 0) {
    lua_pushfstring(L, "%s at %s:%d", lua_tostring(L, -1), info->short_src, info->currentline);
    lua_remove(L, -2);
  }
  return true;
}

/* Pushes words for a task that is in no call. */
static void push_rest(lua_State *L, const tp_coro *coro) {
  lua_pushstring(L, coro->phase == TP_PHASE_PAUSE ? "between two tries" : "not begun");
}

void tp_report_push_stack(lua_State *L, tp_task *task) {
  const tp_coro *coro = tp_state_coro_of(task);
  lua_Debug info;
  luaL_Buffer text;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  luaL_buffinit(L, &text);
  bool is_first = true;
  for (int level = 0; lua_getstack(coro->L, level, &info); level++) {
    if (!push_call(coro->exec, L, coro->L, &info))
      continue;
    if (!is_first) {
      lua_pushliteral(L, " < ");
      lua_insert(L, -2);
      lua_concat(L, 2);
    }
    luaL_addvalue(&text);
    is_first = false;
  }
  luaL_pushresult(&text);
  if (lua_rawlen(L, -1) == 0) {
    lua_pop(L, 1);
    push_rest(L, coro);
  }
}

bool tp_report_is_own(const tp_exec *exec, const lua_Debug *info) {
  size_t length = strlen(exec->preemption.library);
  return length && strncmp(info->source, exec->preemption.library, length) == 0;
}

/* Pushes the line that the call at `info` is at, with the name of its file; of an init.lua, with
 * that of its directory too. */
static void push_line(lua_State *L, const lua_Debug *info) {
  const char *file = info->short_src, *slash = strrchr(file, '/');
  bool is_file = *info->source == '@';
  if (is_file && slash && strcmp(slash, "/init.lua") == 0)
    while (slash > file && slash[-1] != '/')
      slash--;
  else if (is_file && slash)
    slash++;
  lua_pushfstring(L, "%s:%d", is_file && slash ? slash : file, info->currentline);
}

void tp_report_push_place(lua_State *L, tp_task *task) {
  const tp_coro *coro = tp_state_coro_of(task);
  lua_Debug info;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushnil(L);
  lua_pushnil(L);
  for (int level = 0; lua_getstack(coro->L, level, &info); level++) {
    lua_getinfo(coro->L, "Snl", &info);
    if (*info.what != 'C' && info.currentline > 0 && !tp_report_is_own(coro->exec, &info)) {
      push_line(L, &info);
      lua_replace(L, -3);
      return;
    }
    if ((info.name || *info.what == 'C') && push_name(coro->exec, L, coro->L, &info))
      lua_replace(L, -2);
  }
  if (!lua_isnil(L, -1))
    return;
  lua_pop(L, 1);
  push_rest(L, coro);
}
