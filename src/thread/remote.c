/* SPDX-License-Identifier: MIT
 *
 * A call at home: the function that stands for one in a thread, and its wait.
 *
 * The coroutine packs its arguments, parks, and unpacks the results when its errand has come back.
 * A cancel takes the errand back if no thread has it yet; else the cancel goes after it, and the
 * coroutine waits for what becomes of it there. If that takes longer than the grace, the coroutine
 * is killed as any other is: the errand is abandoned, and what it brings is dropped. So each wait
 * in which a coroutine may be killed has a *watch*, a <close> variable that sees to that. */
#include "thread/set.h"
#include "value/error.h"
#include "value/name.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* Records that are kept to be used again, and how large their buffers may be. */
#define SPARE_MAX 1024
#define SPARE_SIZE 4096

/* The part of the grace that the thread has, so that its answer comes in time. */
#define GRACE_THERE 0.9

#define WATCH_TYPE "taskpool.errand"

/* ---- the records ---- */

static tp_errand *take_record(tp_threads *set) {
  tp_errand *errand = TAILQ_FIRST(&set->spare);
  if (!errand)
    return calloc(1, sizeof *errand);
  TAILQ_REMOVE(&set->spare, errand, link);
  set->spare_count--;
  return errand;
}

void tp_errand_free(tp_errand *errand) {
  tp_cancel_release(errand->cancel);
  tp_bytes_clear(&errand->bytes);
  free(errand);
}

void tp_errand_drop(tp_errand *errand) {
  tp_threads *set = errand->set;
  if (set->spare_count >= SPARE_MAX || errand->bytes.capacity > SPARE_SIZE) {
    tp_errand_free(errand);
    return;
  }
  tp_cancel_release(errand->cancel);
  tp_bytes bytes = errand->bytes;
  bytes.length = 0;
  *errand = (tp_errand){.bytes = bytes};
  TAILQ_INSERT_HEAD(&set->spare, errand, link);
  set->spare_count++;
}

/* What has come back for nobody goes. */
static void drop_late(tp_errand *errand) {
  errand->set->host->dropped_results++;
  tp_errand_drop(errand);
}

/* Where the wake is too late, a cancel came first: the call looks for itself when it goes on. */
void tp_errand_land(tp_errand *errand) {
  tp_threads *set = errand->set;
  errand->place = TP_PLACE_HOME;
  if (errand->abandoned) {
    drop_late(errand);
    return;
  }
  errand->is_back = true;
  TAILQ_INSERT_TAIL(&set->landed, errand, link);
  tp_dispatch_settle(set);
  if (!set->is_deaf)
    tp_wake(set->exec, errand->wake, set->host->L, 0);
}

/* Takes it out of those that have come back. */
static void pick_up(tp_errand *errand) {
  TAILQ_REMOVE(&errand->set->landed, errand, link);
}

/* ---- the end of a call ---- */

/* Raises the error that has come back. */
static int raise_error(lua_State *L, tp_errand *errand) {
  int top = lua_gettop(L);
  bool has_text = errand->bytes.length > 0, is_final = errand->is_final;
  if (has_text)
    tp_unpack(L, errand->bytes.data, errand->bytes.length);
  pick_up(errand);
  tp_errand_drop(errand);
  if (!has_text)
    return tp_raise(L, TP_NO_MEMORY, "no memory for an error in a thread");
  size_t length;
  const char *cause = lua_tolstring(L, top + 2, &length);
  lua_pushvalue(L, top + 1);
  if (is_final)
    tp_retry_refuse(L);
  tp_exec_set_cause(L, cause, length);
  return lua_error(L);
}

/* There is nothing left to be watched. Stack: the errand, or its watch. */
static void end_watch(lua_State *L) {
  if (lua_islightuserdata(L, 1))
    return;
  tp_errand **watch = lua_touserdata(L, 1);
  *watch = NULL;
}

/* The errand has come back: returns the results, or raises. Stack: the errand, or its watch. */
static int finish(lua_State *L, tp_errand *errand) {
  tp_exec *exec = errand->set->exec;
  tp_return came = errand->came;
  int count = 0;
  end_watch(L);
  if (came == TP_RETURN_ERROR)
    return raise_error(L, errand);
  if (came == TP_RETURN_RESULTS)
    count = tp_unpack(L, errand->bytes.data, errand->bytes.length);
  pick_up(errand);
  tp_errand_drop(errand);
  if (came == TP_RETURN_RESULTS)
    return count;
  tp_wait_check(exec, L);
  return tp_raise(L, TP_NOT_AVAILABLE, "the thread of this call has ended");
}

/* ---- a cancel ---- */

/* Sends the cancel of the running coroutine after its errand. */
static void send_cancel(tp_errand *errand) {
  double left;
  const tp_cancel *reason = tp_exec_cancel_reason(errand->set->exec, &left);
  tp_cancel *copy = reason ? tp_cancel_copy(reason, left * GRACE_THERE) : NULL;
  tp_thread *thread = errand->thread;
  if (!copy) /* no memory: it ends there by itself, and nobody waits for it */
    return;
  uv_mutex_lock(&thread->lock);
  errand->cancel = copy;
  if (errand->place == TP_PLACE_THREAD && thread->is_open) {
    TAILQ_INSERT_TAIL(&thread->cancels, errand, cancel_link);
    errand->is_listed = true;
    uv_async_send(&thread->wake);
  }
  uv_mutex_unlock(&thread->lock);
}

/* Takes back the errand of the running coroutine if no thread has it; it is gone then. */
static bool withdraw(tp_errand *errand) {
  if (!tp_dispatch_withdraw(errand))
    return false;
  tp_dispatch_settle(errand->set);
  tp_errand_drop(errand);
  return true;
}

/* The end of a watch, the errand that is still waited for; NULL: none. Else the call was killed. */
static int l_watch_close(lua_State *L) {
  tp_errand **watch = lua_touserdata(L, 1), *errand = *watch;
  *watch = NULL;
  if (!errand)
    return 0;
  if (errand->is_back) {
    pick_up(errand);
    drop_late(errand);
  } else if (!withdraw(errand)) {
    if (!errand->cancel)
      send_cancel(errand);
    errand->abandoned = true;
    tp_dispatch_settle(errand->set);
  }
  return 0;
}

/* Pushes a watch that watches nothing yet. */
static tp_errand **push_watch(lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  tp_errand **watch = lua_newuserdatauv(L, sizeof(tp_errand *), 0);
  *watch = NULL;
  if (luaL_newmetatable(L, WATCH_TYPE)) {
    lua_pushcfunction(L, l_watch_close);
    lua_setfield(L, -2, "__close");
  }
  lua_setmetatable(L, -2);
  return watch;
}

/* Has the watch at [1], which is the top, watch an errand. */
static void start_watch(lua_State *L, tp_errand **watch, tp_errand *errand) {
  lua_toclose(L, 1);
  *watch = errand;
}

/* The errand of a cancelled call has come back. */
static int after_cancel(lua_State *L, int status, lua_KContext context) {
  (void)status;
  return finish(L, (tp_errand *)context);
}

/* A cancel has cut the wait. Stack: the errand, or its watch. */
static int cancel(lua_State *L, tp_errand *errand) {
  tp_exec *exec = errand->set->exec;
  if (errand->is_back) {
    tp_wait_mend(exec);
    return finish(L, errand);
  }
  if (withdraw(errand)) {
    end_watch(L);
    return tp_wait_values(exec, L, 0);
  }
  if (lua_islightuserdata(L, 1)) {
    lua_settop(L, 0);
    start_watch(L, push_watch(L), errand);
  }
  send_cancel(errand);
  errand->wake = tp_wait_id(exec, L);
  return tp_wait_again(exec, L, after_cancel, (lua_KContext)errand);
}

/* ---- the call ---- */

static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_errand *errand = (tp_errand *)context;
  return tp_wait_is_cut(errand->set->exec) ? cancel(L, errand) : finish(L, errand);
}

/* Lua: calls a function in a thread. Upvalues: the set, the tp_remote. */
static int l_remote(lua_State *L) {
  tp_threads *set = tp_threads_check(L, lua_upvalueindex(1));
  tp_error error;
  tp_errand **watch = NULL;
  tp_wait_begin(set->exec, L);
  if (tp_exec_is_shielded(set->exec)) {
    watch = push_watch(L);
    lua_insert(L, 1);
  }
  int base = watch ? 1 : 0;
  tp_errand *errand = take_record(set);
  if (!errand)
    return tp_raise(L, TP_NO_MEMORY, "no memory for a call in a thread");
  errand->set = set;
  errand->function = lua_touserdata(L, lua_upvalueindex(2));
  if (!tp_pack(&errand->bytes, L, base + 1, lua_gettop(L) - base, "argument", "to a thread",
               &error)) {
    tp_errand_drop(errand);
    return tp_raise_error(L, &error);
  }
  lua_settop(L, base);
  if (watch)
    start_watch(L, watch, errand);
  else
    lua_pushlightuserdata(L, errand);
  errand->tries = tp_exec_tries(set->exec);
  errand->wake = tp_wait_id(set->exec, L);
  tp_dispatch_add(set, errand);
  return tp_wait_park(set->exec, L, after_wait, (lua_KContext)errand);
}

/* A tp_exec_place. What waits has its errand, or a watch of it, at [1]. */
static void push_place(lua_State *L, lua_State *of, lua_Debug *info) {
  static const char *const words[] = {
      [TP_PLACE_HOME] = "waits for", /* one that is back has its thread still */
      [TP_PLACE_MAILBOX] = "waits for",
      [TP_PLACE_THREAD] = "in",
      [TP_PLACE_BACK] = "back from",
  };
  tp_errand *errand = NULL;
  if (lua_checkstack(of, 1) && lua_getlocal(of, info, 1)) {
    void *first = lua_touserdata(of, -1);
    errand = lua_islightuserdata(of, -1) || !first ? first : *(tp_errand **)first;
    lua_pop(of, 1);
  }
  tp_thread *thread = errand ? errand->thread : NULL;
  if (!thread || errand->is_back) {
    lua_pushstring(L, thread ? "back from a thread" : "waits for a thread");
    return;
  }
  uv_mutex_lock(&thread->lock);
  tp_place place = errand->place;
  uv_mutex_unlock(&thread->lock);
  lua_pushfstring(L, "%s thread %d of %s: %s", words[place], (int)thread->number,
                  errand->set->label, errand->function->name);
}

void tp_remote_open(tp_threads *set) {
  tp_exec_set_place(set->exec, l_remote, push_place);
}

/* A record for the function called `name` in that module (NULL: as `require` finds it). NULL: no
 * memory. */
static tp_remote *create_function(const char *name, const tp_module *module) {
  tp_remote *function = calloc(1, sizeof *function + strlen(name) + 1);
  if (!function)
    return NULL;
  if (module && !(function->module = malloc(sizeof *module))) {
    free(function);
    return NULL;
  }
  if (module)
    *function->module = *module;
  strcpy(function->name, name);
  function->cost = TP_BATCH;
  return function;
}

void tp_remote_free(tp_remote *function) {
  free(function->module);
  free(function);
}

static bool is_that(const tp_remote *function, const char *name, const tp_module *module) {
  const char *known = function->module ? function->module->path : "";
  return strcmp(function->name, name) == 0 && strcmp(known, module ? module->path : "") == 0;
}

/* The record of the function called `name` in that module. NULL: no memory. */
static tp_remote *find_function(tp_threads *set, const char *name, const tp_module *module) {
  for (unsigned i = 0; i < set->function_count; i++)
    if (is_that(set->functions[i], name, module))
      return set->functions[i];
  if (set->function_count == set->function_capacity) {
    unsigned capacity = set->function_capacity ? set->function_capacity * 2 : 8;
    tp_remote **functions = realloc(set->functions, capacity * sizeof *functions);
    if (!functions)
      return NULL;
    set->functions = functions;
    set->function_capacity = capacity;
  }
  tp_remote *function = create_function(name, module);
  if (!function)
    return NULL;
  set->functions[set->function_count++] = function;
  function->index = set->function_count;
  return function;
}

void tp_threads_push_call(lua_State *L, int index, int function) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  tp_threads *set = tp_threads_check(L, index);
  if (!tp_name_push_of(L, function))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "a thread takes a function by its name: give \"package.module.function\", not a "
             "function value that was found in no module; what the script has exposed under a name "
             "stays in the script");
  tp_module module;
  const char *name = lua_tostring(L, -1);
  tp_remote *remote =
      find_function(set, name, tp_name_find_module(L, name, &module) ? &module : NULL);
  lua_pop(L, 1);
  if (!remote)
    tp_raise(L, TP_NO_MEMORY, "no memory for a call in a thread");
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, remote);
  lua_pushcclosure(L, l_remote, 2);
}
