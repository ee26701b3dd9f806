/* SPDX-License-Identifier: MIT
 *
 * Sets of threads, from start to end; see threads.h and set.h.
 *
 * The end. Closing asks each thread to end; it cancels what it runs, closes its own host and says
 * so. Home joins those that have ended. A thread that is blocked in C code for longer than the
 * grace is given up: it goes on by itself with a reference of the set, and frees what is its own if
 * it ever comes back. When all are joined or given up, the handles are closed, and the set goes
 * with its last reference. A host that is closed itself waits for all that, as it cannot be run any
 * more. */
#define _GNU_SOURCE /* RTLD_NODELETE, dladdr */
#include "thread/threads.h"
#include "thread/set.h"
#include "value/error.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SET_TYPE "taskpool.threads"

/* How much longer than the grace threads have to end, seconds. */
#define PATIENCE 1.0

/* Its address is the registry key of the set that belongs to no pool. */
static const char default_key;

/* ---- memory ---- */

static void free_errands(tp_errand_list *list) {
  tp_errand *errand;
  while ((errand = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, errand, link);
    tp_errand_free(errand);
  }
}

static void free_set(tp_threads *set) {
  free_errands(&set->pending);
  free_errands(&set->landed);
  free_errands(&set->spare);
  for (unsigned i = 0; i < set->function_count; i++)
    tp_remote_free(set->functions[i]);
  free(set->functions);
  free(set->threads);
  free(set->label);
  free(set);
}

void tp_threads_release(tp_threads *set) {
  if (atomic_fetch_sub(&set->references, 1) == 1)
    free_set(set);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle) {
  tp_threads *set = handle->data;
  if (--set->handles > 0)
    return;
  tp_host_remove_service(set->host, &set->service);
  tp_host_remove_guest(set->host, &set->guest);
  tp_threads_release(set);
}

/* All threads have ended, or were given up. */
static void finish(tp_threads *set) {
  while (set->away > 0)
    tp_dispatch_settle(set);
  uv_close((uv_handle_t *)&set->news, on_closed);
  uv_close((uv_handle_t *)&set->prepare, on_closed);
  uv_close((uv_handle_t *)&set->patience, on_closed);
}

/* The code that a thread runs must stay, wherever it came from. */
static void pin_library(void) {
  Dl_info info;
  if (dladdr((void *)&default_key, &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

/* Leaves a thread to itself, unless it ends at this very moment. */
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
  const tp_log *log = set->is_deaf ? &set->host->default_log : &set->host->log;
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    if (!thread || !give_up(thread))
      continue;
    pin_library();
    tp_exec_keep_signal(set->exec);
    tp_log_write(log, TP_LOG_WARNING,
                 "thread %u of %s does not end: it is blocked in C code, and is left behind", i + 1,
                 set->label);
    set->threads[i] = NULL;
  }
  join_ended(set);
}

static void on_patience(uv_timer_t *timer) {
  tp_threads *set = timer->data;
  tp_dispatch_collect(set);
  give_up_rest(set);
  finish(set);
}

static void close_service(tp_service *service) {
  (void)service; /* it closes already */
}

/* Asks all threads to end. */
static void begin_closing(tp_threads *set) {
  if (set->is_closing)
    return;
  set->is_closing = true;
  set->service.close = close_service;
  tp_host_add_service(set->host, &set->service);
  tp_errand *errand;
  while ((errand = TAILQ_FIRST(&set->pending))) {
    TAILQ_REMOVE(&set->pending, errand, link);
    tp_work_lose(errand);
    tp_errand_land(errand);
  }
  set->pending_count = 0;
  tp_dispatch_let_go(set);
  set->pool = NULL; /* it may go before the threads have ended */
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = set->threads[i];
    uv_mutex_lock(&thread->lock);
    thread->is_stopping = true;
    if (thread->is_open)
      uv_async_send(&thread->wake);
    uv_mutex_unlock(&thread->lock);
  }
  uv_timer_start(&set->patience, on_patience, (uint64_t)((set->grace + PATIENCE) * 1000), 0);
  uv_async_send(&set->news); /* there may be no thread to do so */
}

/* A thread has something to say. */
static void on_news(uv_async_t *async) {
  tp_threads *set = async->data;
  tp_dispatch_collect(set);
  if (!set->is_closing)
    tp_dispatch(set);
  else if (!uv_is_closing((uv_handle_t *)&set->news) && join_ended(set))
    finish(set);
}

/* Waits until a thread has ended, until the clock says `deadline` at most. */
static void wait_for(tp_thread *thread, uint64_t deadline) {
  uv_mutex_lock(&thread->lock);
  for (uint64_t now; !thread->has_ended && (now = uv_hrtime()) < deadline;)
    uv_cond_timedwait(&thread->changed, &thread->lock, deadline - now);
  uv_mutex_unlock(&thread->lock);
}

/* The host is being closed: nothing may be left when this returns. */
static void close_guest(tp_guest *guest) {
  tp_threads *set = guest->owner;
  if (uv_is_closing((uv_handle_t *)&set->news))
    return;
  set->is_deaf = true;
  begin_closing(set);
  uint64_t deadline = uv_hrtime() + (uint64_t)((set->grace + PATIENCE) * 1e9);
  for (unsigned i = 0; i < set->count; i++)
    if (set->threads[i])
      wait_for(set->threads[i], deadline);
  tp_dispatch_collect(set);
  if (!join_ended(set))
    give_up_rest(set);
  finish(set);
}

/* A module has new text. */
static void reload(tp_guest *guest, const char *module) {
  tp_threads *set = guest->owner;
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

void tp_threads_reload(tp_host *host, const char *module) {
  tp_guest *guest;
  LIST_FOREACH (guest, &host->guests, link)
    guest->reload(guest, module);
}

/* ---- the start ---- */

/* A set without threads; its userdata is on top of L. */
static tp_threads *create(lua_State *L, tp_host *host, const tp_threads_options *options) {
  tp_threads **box = lua_newuserdatauv(L, sizeof(tp_threads *), 0);
  *box = NULL;
  luaL_setmetatable(L, SET_TYPE);
  tp_threads *set = calloc(1, sizeof *set);
  char *label = strdup(options->label);
  unsigned count = options->count ? options->count : uv_available_parallelism();
  tp_thread **threads = calloc(count, sizeof(tp_thread *));
  if (!set || !label || !threads) {
    free(set);
    free(label);
    free(threads);
    tp_raise(L, TP_NO_MEMORY, "no memory for threads");
    return NULL; /* does not come here */
  }
  atomic_init(&set->references, 1);
  set->host = host;
  set->exec = host->exec;
  set->pool = options->pool;
  set->label = label;
  set->grace = options->grace;
  set->count = count;
  set->threads = threads;
  TAILQ_INIT(&set->pending);
  TAILQ_INIT(&set->landed);
  TAILQ_INIT(&set->spare);
  *box = set;
  return set;
}

static void open_handles(tp_threads *set) {
  uv_loop_t *loop = set->host->loop;
  uv_async_init(loop, &set->news, on_news);
  uv_prepare_init(loop, &set->prepare);
  uv_timer_init(loop, &set->patience);
  uv_unref((uv_handle_t *)&set->news);
  uv_unref((uv_handle_t *)&set->prepare);
  set->news.data = set->prepare.data = set->patience.data = set;
  set->handles = 3;
  set->guest = (tp_guest){.owner = set, .close = close_guest, .reload = reload};
  tp_host_add_guest(set->host, &set->guest);
  atomic_fetch_add(&set->references, 1);
}

/* The record of thread `number`. NULL: no memory. */
static tp_thread *create_thread(tp_threads *set, unsigned number) {
  tp_thread *thread = calloc(1, sizeof *thread);
  if (!thread)
    return NULL;
  thread->set = set;
  thread->number = number;
  thread->level = set->host->log.level;
  TAILQ_INIT(&thread->inbox);
  TAILQ_INIT(&thread->cancels);
  TAILQ_INIT(&thread->outbox);
  TAILQ_INIT(&thread->taken);
  TAILQ_INIT(&thread->done);
  STAILQ_INIT(&thread->reloads);
  STAILQ_INIT(&thread->lines);
  uv_sem_init(&thread->opened, 0);
  uv_mutex_init(&thread->lock);
  uv_cond_init(&thread->changed);
  return thread;
}

/* Pushes where modules are looked for, and notes it for the threads. */
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

/* Starts the threads. False: one could not be; those before it are to be closed. */
static bool start_threads(tp_threads *set, tp_error *error) {
  for (unsigned i = 0; i < set->count; i++) {
    tp_thread *thread = create_thread(set, i + 1);
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
    tp_threads_release(set);
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

tp_threads *tp_threads_check(lua_State *L, int index) {
  tp_threads **box = lua_touserdata(L, index);
  if (!*box || (*box)->is_closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the threads have ended");
  return *box;
}
