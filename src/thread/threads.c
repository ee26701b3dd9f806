/* SPDX-License-Identifier: MIT
 *
 * Sets of threads, from start to end; see threads.h and set.h.
 *
 * Closing asks each thread to end. The thread cancels what it runs, closes its own host and says
 * so; the owner joins it. A thread that is blocked in C code for longer than the grace is given up:
 * it runs on with a reference of the set, and frees its own record if it ever returns. When all
 * threads are joined or given up, the handles are closed, and the last reference frees the set. A
 * host that is being closed waits for all that, because its loop will not run any more. */
#define _GNU_SOURCE /* RTLD_NODELETE, dladdr */
#include "thread/threads.h"
#include "base/fail.h"
#include "base/seconds.h"
#include "exec/exec.h"
#include "thread/dispatch.h"
#include "thread/remote.h"
#include "thread/worker.h"
#include "value/name.h"
#include "value/raise.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SET_TYPE "taskpool.threads"

/* Seconds that threads have to end after the grace. */
#define SHUTDOWN_EXTRA 1.0

/* Its address is the registry key of the set that belongs to no pool. */
static const char default_key;

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle) {
  tp_threads *set = handle->data;
  if (--set->handles > 0)
    return;
  tp_host_remove_resource(&set->resource);
  tp_set_release(set);
}

/* All threads have ended, or were given up. */
static void finish(tp_threads *set) {
  while (set->in_flight > 0)
    tp_set_end_flight(set);
  uv_close((uv_handle_t *)&set->completion, on_closed);
  uv_close((uv_handle_t *)&set->prepare, on_closed);
  uv_close((uv_handle_t *)&set->look_timer, on_closed);
  uv_close((uv_handle_t *)&set->shutdown_timer, on_closed);
}

/* Keeps the code that a thread runs loaded after the module is unloaded. */
static void pin_library(void) {
  Dl_info info;
  if (dladdr((void *)&default_key, &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Gives a thread up. False: it has ended meanwhile. */
static bool give_up(tp_thread *thread) {
  uv_mutex_lock(&thread->lock);
  bool has_ended = thread->has_ended;
  if (!has_ended) {
    thread->is_detached = true;
    atomic_fetch_add(&thread->set->references, 1);
    pthread_detach(thread->id);
  }
  uv_mutex_unlock(&thread->lock);
  return !has_ended;
}

/* Joins a thread that has ended. */
static void join(tp_thread *thread) {
  uv_thread_join(&thread->id);
  tp_worker_free(thread);
}

static bool has_ended(tp_thread *thread) {
  uv_mutex_lock(&thread->lock);
  bool ended = thread->has_ended;
  uv_mutex_unlock(&thread->lock);
  return ended;
}

/* Joins the threads that have ended; true: none is left. */
static bool join_ended(tp_threads *set) {
  unsigned left = 0;
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    if (thread && has_ended(thread)) {
      join(thread);
      set->threads[i] = NULL;
    }
    left += set->threads[i] != NULL;
  }
  return left == 0;
}

/* Gives up the threads that have not ended. */
static void give_up_rest(tp_threads *set) {
  const tp_log *log = set->shutting_down ? &set->host->default_log : &set->host->log;
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    if (!thread || !give_up(thread))
      continue;
    pin_library();
    tp_exec_keep_signal(set->exec);
    tp_log_record about = tp_log_about(set->pool, NULL, NULL);
    about.thread = i + 1;
    tp_log_write_about(log, TP_LOG_WARNING, &about,
                       "thread %u of %s does not end: it is blocked in C code, and was given up",
                       i + 1, set->label);
    set->threads[i] = NULL;
  }
  join_ended(set);
}

static void on_shutdown_timeout(uv_timer_t *timer) {
  tp_threads *set = timer->data;
  tp_dispatch_collect(set);
  give_up_rest(set);
  finish(set);
}

/* Asks all threads to end. */
static void begin_closing(tp_threads *set) {
  if (set->is_closing)
    return;
  set->is_closing = true;
  set->resource.keeps_running = true;
  tp_request *request;
  while ((request = TAILQ_FIRST(&set->pending))) {
    TAILQ_REMOVE(&set->pending, request, link);
    tp_request_lose(request);
    tp_set_complete(request);
  }
  set->pending_count = 0;
  tp_dispatch_release_pool(set);
  set->pool = NULL; /* it may go before the threads have ended */
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    uv_mutex_lock(&thread->lock);
    thread->is_stopping = true;
    if (thread->is_open)
      uv_async_send(&thread->wake);
    uv_mutex_unlock(&thread->lock);
  }
  uv_timer_start(&set->shutdown_timer, on_shutdown_timeout,
                 (uint64_t)((set->grace + SHUTDOWN_EXTRA) * 1000), 0);
  uv_async_send(&set->completion); /* there may be no thread to do so */
}

/* A thread has completed requests, is idle, or has lines for the log. */
static void on_completion(uv_async_t *async) {
  tp_threads *set = async->data;
  tp_dispatch_collect(set);
  if (!set->is_closing)
    tp_dispatch_run(set);
  else if (!uv_is_closing((uv_handle_t *)&set->completion) && join_ended(set))
    finish(set);
}

/* Waits until a thread has ended, at most until the clock says `deadline`. */
static void wait_for(tp_thread *thread, uint64_t deadline) {
  uv_mutex_lock(&thread->lock);
  for (uint64_t now; !thread->has_ended && (now = uv_hrtime()) < deadline;)
    uv_cond_timedwait(&thread->changed, &thread->lock, deadline - now);
  uv_mutex_unlock(&thread->lock);
}

/* The host is being closed: nothing may be left when this returns. */
static void close_now(tp_resource *resource) {
  tp_threads *set = resource->owner;
  if (uv_is_closing((uv_handle_t *)&set->completion))
    return;
  set->shutting_down = true;
  begin_closing(set);
  uint64_t deadline = uv_hrtime() + tp_seconds_to_nanoseconds(set->grace + SHUTDOWN_EXTRA);
  for (unsigned i = 0; i < set->count; i++)
    if (set->threads[i])
      wait_for(set->threads[i], deadline);
  tp_dispatch_collect(set);
  if (!join_ended(set))
    give_up_rest(set);
  finish(set);
}

/* A module has new text. */
static void reload(tp_resource *resource, const char *module) {
  tp_threads *set = resource->owner;
  for (unsigned i = 0; !set->is_closing && i < set->count; i++) {
    tp_note *note = calloc(1, sizeof *note + strlen(module) + 1);
    if (!note)
      return;
    strcpy(note->text, module);
    tp_thread *thread = set->threads[i];
    uv_mutex_lock(&thread->lock);
    STAILQ_INSERT_TAIL(&thread->reloads, note, link);
    uv_async_send(&thread->wake);
    uv_mutex_unlock(&thread->lock);
  }
}

/* ---- the start ---- */

/* A set without threads, whose userdata is pushed. */
static tp_threads *create(lua_State *L, tp_host *host, const tp_threads_options *options) {
  tp_threads **box = lua_newuserdatauv(L, sizeof(tp_threads *), 0);
  *box = NULL;
  luaL_setmetatable(L, SET_TYPE);
  unsigned count = options->count ? options->count : uv_available_parallelism();
  tp_threads *set = tp_set_create(host, count, options->label);
  if (!set)
    tp_raise(L, TP_NO_MEMORY, "no memory for threads");
  set->pool = options->pool;
  set->grace = options->grace;
  *box = set;
  return set;
}

static void open_handles(tp_threads *set) {
  uv_loop_t *loop = set->host->loop;
  uv_async_init(loop, &set->completion, on_completion);
  uv_prepare_init(loop, &set->prepare);
  uv_timer_init(loop, &set->look_timer);
  uv_timer_init(loop, &set->shutdown_timer);
  uv_unref((uv_handle_t *)&set->completion);
  uv_unref((uv_handle_t *)&set->prepare);
  uv_unref((uv_handle_t *)&set->look_timer);
  set->completion.data = set->prepare.data = set;
  set->look_timer.data = set->shutdown_timer.data = set;
  set->handles = 4;
  set->resource = (tp_resource){.owner = set, .close = close_now, .reload = reload};
  tp_host_add_resource(set->host, &set->resource);
  atomic_fetch_add(&set->references, 1);
}

/* Pushes where modules are searched for, and notes it for the threads. */
static void push_paths(lua_State *L, tp_threads *set) {
  static const char *const fields[] = {"path", "cpath"};
  luaL_checkstack(L, 4, NULL);
  lua_getglobal(L, "package");
  for (int i = 0; i < 2; i++) {
    if (lua_istable(L, -1 - i))
      lua_getfield(L, -1 - i, fields[i]);
    else
      lua_pushnil(L);
    set->paths[i] = lua_tostring(L, -1);
  }
}

/* Starts the threads. False: one could not be started; the caller closes those before it. */
static bool start_threads(tp_threads *set, tp_error *error) {
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = tp_worker_create(set, i + 1);
    if (!thread || !tp_worker_start(thread, error)) {
      if (!thread)
        tp_fail(error, TP_NO_MEMORY, "no memory for a thread");
      else
        tp_worker_free(thread);
      set->count = i;
      return false;
    }
    set->threads[i] = thread;
  }
  return true;
}

/* Lua: the end of a userdata. */
static int l_threads_gc(lua_State *L) {
  tp_threads **box = lua_touserdata(L, 1);
  tp_threads *set = *box;
  *box = NULL;
  if (set && set->handles)
    begin_closing(set);
  if (set)
    tp_set_release(set);
  return 0;
}

static void make_metatable(lua_State *L) {
  if (luaL_newmetatable(L, SET_TYPE)) {
    lua_pushcfunction(L, l_threads_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_pop(L, 1);
}

void tp_threads_push(lua_State *L, tp_host *host, const tp_threads_options *options) {
  tp_error error;
  if (!tp_pack_is_available())
    tp_raise(L, TP_NOT_AVAILABLE,
             "there are no threads: taskpool was built without msgpack-c (libmsgpack-dev)");
  if (host->closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the host is closed");
  luaL_checkstack(L, 6, NULL);
  make_metatable(L);
  tp_threads *set = create(L, host, options);
  push_paths(L, set);
  open_handles(set);
  tp_remote_open(set);
  bool has_started = start_threads(set, &error);
  lua_pop(L, 3);
  if (has_started)
    return;
  begin_closing(set);
  tp_raise_error(L, &error);
}

void tp_threads_push_default(lua_State *L, tp_host *host) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &default_key) == LUA_TUSERDATA)
    return;
  lua_pop(L, 1);
  tp_threads_push(L, host, &(tp_threads_options){.label = "the host", .grace = TP_GRACE_DEFAULT});
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &default_key);
}

void tp_threads_close(lua_State *L, int index) {
  tp_threads **box = luaL_testudata(L, index, SET_TYPE);
  if (box && *box)
    begin_closing(*box);
}

void tp_threads_push_call(lua_State *L, int index, int function) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  tp_threads *set = tp_set_check(L, index);
  if (!tp_name_push_of(L, function))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "a thread takes a function by its name: give \"package.module.function\", not a "
             "function value that was found in no module; what the script has exposed under a name "
             "stays in the script");
  tp_module module;
  const char *name = lua_tostring(L, -1);
  tp_function *record =
      tp_function_find(set, name, tp_name_find_module(L, name, &module) ? &module : NULL);
  lua_pop(L, 1);
  if (!record)
    tp_raise(L, TP_NO_MEMORY, "no memory for a call in a thread");
  tp_remote_push(L, index, record);
}
