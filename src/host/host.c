/* SPDX-License-Identifier: MIT
 *
 * Lifetime and running of a host; see host.h. */
#include "host/host.h"
#include "base/fail.h"
#include "base/standard.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "exec/luastd.h"
#include "exec/ops.h"
#include "exec/timer.h"
#include "host/events.h"
#include "host/logfile.h"
#include "host/luv.h"
#include "pool/flow.h"
#include "value/error.h"
#include "value/raise.h"

#include <inttypes.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How long closing waits for requests of libuv (files, names), nanoseconds. */
#define DRAIN_TIMEOUT UINT64_C(2000000000)

/* A version of libuv, as uv_version says it. */
#define LIBUV_1_51 (1 << 16 | 51 << 8)

char *tp_host_directory_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash)
    return strdup(".");
  return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

/* ---- parts ---- */

tp_pool *tp_host_add_pool(tp_host *host, int kind, const char *class_name, const char *name,
                          uint64_t size) {
  char label[256];
  if (host->closing) /* a finalizer asks */
    return NULL;
  if (name)
    snprintf(label, sizeof label, "%s-%.200s", class_name, name);
  else
    snprintf(label, sizeof label, "%s-%" PRIu64, class_name, host->next_pool);
  tp_pool *pool = tp_ops_create_pool(host->exec, kind, label, size);
  if (!pool)
    return NULL;
  host->next_pool++;
  tp_events_listen(host, pool);
  TAILQ_INSERT_TAIL(&host->pools, pool, host_link);
  return pool;
}

void tp_host_set_log_level(tp_host *host, tp_log_level level) {
  host->log.level = level;
  tp_events_listen_all(host);
}

void tp_host_on_event(tp_host *host, tp_event_fn handler, void *context) {
  if (!host)
    return;
  host->on_event = handler;
  host->event_context = context;
  tp_events_listen_all(host);
}

void tp_host_remove_pool(tp_host *host, tp_pool *pool) {
  TAILQ_REMOVE(&host->pools, pool, host_link);
  tp_ops_destroy_pool(pool);
}

void tp_host_note_work(tp_host *host) {
  if (host->work_came)
    host->work_came(host);
}

void tp_host_add_resource(tp_host *host, tp_resource *resource) {
  LIST_INSERT_HEAD(&host->resources, resource, link);
  tp_host_note_work(host);
}

void tp_host_remove_resource(tp_resource *resource) {
  LIST_REMOVE(resource, link);
}

void tp_host_reload(tp_host *host, const char *module) {
  tp_resource *resource;
  LIST_FOREACH (resource, &host->resources, link)
    if (resource->reload)
      resource->reload(resource, module);
}

/* ---- running ---- */

void tp_host_end(tp_host *host, const char *who, tp_code code) {
  tp_resource *resource, *next;
  for (resource = LIST_FIRST(&host->resources); resource; resource = next) {
    next = LIST_NEXT(resource, link);
    if (resource->end)
      resource->end(resource);
  }
  tp_cancel *reason = tp_exec_cancel_new_reason(host->exec, code, who, NULL, TP_GRACE_DEFAULT);
  tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link)
    tp_flow_cancel_all(pool, reason);
  tp_exec_cancel_all(host->exec, reason);
  tp_cancel_release(reason);
}

static void on_wake(uv_async_t *async) {
  tp_host *host = async->data;
  const char *stopper = atomic_exchange(&host->stopper, NULL);
  tp_mailbox_open_all(host->mailbox);
  if (stopper)
    tp_host_end(host, stopper, TP_CANCELLED);
}

/* What a run waits for. */
typedef struct goal {
  tp_host *host;    /* whose run it is */
  const bool *done; /* true when it is reached; NULL: nothing must be left */
  bool ends;        /* what runs was told to end */
} goal;

/* Whether a resource keeps the host running. */
static bool is_kept_running(const tp_host *host) {
  const tp_resource *resource;
  LIST_FOREACH (resource, &host->resources, link)
    if (resource->keeps_running)
      return true;
  return false;
}

static bool is_reached(void *context) {
  const goal *of = context;
  const tp_host *host = of->host;
  if (host->interrupt.has_come && !of->ends)
    return true;
  if (of->done)
    return *of->done;
  return !tp_host_is_busy(host);
}

/* Names the oldest task of a pool that runs, if there is one. */
static void name_first_task(const tp_host *host, char *words, size_t size) {
  const tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link) {
    const tp_task *task = TAILQ_FIRST(&pool->running_tasks);
    if (!task)
      continue;
    snprintf(words, size, "; the first is %s_Task-%" PRIu64, pool->label, task->id);
    return;
  }
}

bool tp_host_is_busy(const tp_host *host) {
  return tp_exec_live(host->exec) > 0 || host->busy_pools > 0 || is_kept_running(host);
}

void tp_host_begin_outside(tp_host *host) {
  tp_timer_begin_outside(host->exec);
  if (host->outside++ == 0)
    uv_ref((uv_handle_t *)&host->wake);
}

void tp_host_end_outside(tp_host *host) {
  tp_timer_end_outside(host->exec);
  if (--host->outside == 0)
    uv_unref((uv_handle_t *)&host->wake);
}

bool tp_host_turn(tp_host *host, tp_error *error) {
  if (host->closing)
    return tp_fail(error, TP_NOT_AVAILABLE, "the host is being closed");
  tp_meter_begin(&host->meter);
  uv_ref((uv_handle_t *)&host->wake); /* libuv polls nothing for a loop that is not alive */
  tp_exec_turn(host->exec);
  if (host->outside == 0)
    uv_unref((uv_handle_t *)&host->wake);
  if (tp_exec_is_exhausted(host->exec))
    return tp_fail(error, TP_NO_MEMORY, "no memory to continue, and none was freed");
  return true;
}

static bool run_until(tp_host *host, const bool *done, tp_error *error) {
  goal to = {host, done, false};
  if (host->closing) /* a finalizer asks */
    return tp_fail(error, TP_NOT_AVAILABLE, "the host is being closed");
  tp_meter_begin(&host->meter);
  tp_mailbox_open_all(host->mailbox);
  if (!host->owns_state)
    tp_interrupt_start(&host->interrupt, host->loop, host->L);
  bool is_reachable = tp_exec_run(host->exec, is_reached, &to);
  tp_interrupt_stop(&host->interrupt);
  to.ends = true;
  if (host->interrupt.has_come) {
    tp_fail(error, TP_CANCELLED, "interrupted!");
    tp_host_end(host, "SIGINT", TP_CANCELLED);
    tp_exec_run(host->exec, is_reached, &to);
    return false;
  }
  if (is_reachable)
    return true;
  if (tp_exec_is_exhausted(host->exec))
    return tp_fail(error, TP_NO_MEMORY, "no memory to continue, and none was freed");
  char first[300] = "";
  uint64_t live = tp_exec_live(host->exec);
  name_first_task(host, first, sizeof first);
  tp_fail(error, TP_DEADLOCK, "%" PRIu64 " %s, and nothing is left that could wake %s%s", live,
          live == 1 ? "task waits" : "tasks wait", live == 1 ? "it" : "them", first);
  tp_host_end(host, "the host: nothing could wake it", TP_DEADLOCK);
  tp_exec_run(host->exec, is_reached, &to);
  return false;
}

bool tp_host_run_until(tp_host *host, const bool *done, tp_error *error) {
  bool ok = run_until(host, done, error);
  tp_host_note_work(host);
  return ok;
}

/* ---- opening ---- */

static int l_host_gc(lua_State *L) {
  tp_host **box = lua_touserdata(L, 1), *host = *box;
  *box = NULL;
  if (!host)
    return 0;
  host->state_ends = true;
  tp_host_close(host);
  return 0;
}

void tp_host_leave_state(tp_host *host) {
  lua_State *L = host->L;
  lua_rawgetp(L, LUA_REGISTRYINDEX, host);
  tp_host **box = lua_touserdata(L, -1);
  *box = NULL;
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, host);
  lua_pop(L, 1);
  if (host->loop == &host->own_loop)
    tp_luv_leave(L);
}

/* Tells the state which host it has. A state that the host does not own also gets a finalizer,
 * which runs when the state is closed. */
static void register_host(tp_host *host) {
  lua_State *L = host->L;
  tp_state_set_host(L, host);
  if (host->owns_state)
    return;
  tp_host **box = lua_newuserdatauv(L, sizeof(tp_host *), 0);
  *box = NULL;
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_host_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, host);
  *box = host;
}

/* Up to version 1.50, libuv leaks a descriptor of a loop that it could not make. It is never a
 * standard one (standard.h). */
static int make_loop(uv_loop_t *loop) {
  int status = uv_loop_init(loop);
  if (status != 0 && uv_version() < LIBUV_1_51 && uv_backend_fd(loop) > STDERR_FILENO)
    close(uv_backend_fd(loop));
  return status;
}

/* Opens luv's loop, or one of its own, and its first handle. Raises IOError. */
static void open_loop(tp_host *host, lua_State *L) {
  uv_loop_t *loop = tp_luv_loop(L);
  int status = loop ? 0 : make_loop(&host->own_loop);
  if (status != 0)
    tp_raise(L, TP_IO_ERROR, "cannot make an event loop: %s", uv_strerror(status));
  host->loop = loop ? loop : &host->own_loop;
  status = uv_async_init(host->loop, &host->wake, on_wake);
  if (status != 0)
    tp_raise(L, TP_IO_ERROR, "cannot make a handle of an event loop: %s", uv_strerror(status));
  uv_unref((uv_handle_t *)&host->wake);
  host->wake.data = host;
  tp_meter_open(&host->meter, host->loop, &host->pools);
  host->mailbox = tp_mailbox_create(&host->wake);
  if (!host->mailbox)
    tp_raise(L, TP_NO_MEMORY, "no memory for a host");
}

/* Lua: opens what may raise. Stack: the host. */
static int l_open(lua_State *L) {
  tp_host *host = lua_touserdata(L, 1);
  open_loop(host, L);
  tp_exec_listener listener = tp_events_listener(host);
  host->exec = tp_exec_create(L, host->loop, &listener, !host->owns_state);
  tp_luastd_open(L, host->exec);
  tp_luv_open(host);
  register_host(host);
  return 0;
}

/* Lua: memory of the size given, zeroed, which goes with the state. */
static int l_memory(lua_State *L) {
  size_t size = (size_t)lua_tointeger(L, 1);
  memset(lua_newuserdatauv(L, size, 0), 0, size);
  lua_pushvalue(L, -1);
  luaL_ref(L, LUA_REGISTRYINDEX);
  return 1;
}

/* The record of a host. In a state that it does not own its memory is the state's, because
 * finalizers that run after the host was closed may still call it. */
static tp_host *allocate(lua_State *L, bool owns_state) {
  if (owns_state)
    return calloc(1, sizeof(tp_host));
  lua_pushcfunction(L, l_memory);
  lua_pushinteger(L, sizeof(tp_host));
  tp_host *host = lua_pcall(L, 1, 1, 0) == LUA_OK ? lua_touserdata(L, -1) : NULL;
  lua_pop(L, 1);
  return host;
}

/* Closes what l_open has opened before it raised. */
static void close_opened(tp_host *host) {
  if (!host->loop)
    return;
  if (host->exec)
    tp_exec_close(host->exec);
  if (host->wake.data)
    uv_close((uv_handle_t *)&host->wake, NULL);
  tp_meter_close(&host->meter);
  tp_mailbox_release(host->mailbox);
  uv_run(host->loop, UV_RUN_NOWAIT);
  if (host->loop == &host->own_loop)
    uv_loop_close(host->loop);
  if (host->exec)
    tp_exec_free(host->exec);
}

tp_host *tp_host_open(lua_State *L, bool owns_state, tp_error *error) {
  tp_standard_open();
  tp_host *host = allocate(L, owns_state);
  if (!host) {
    tp_fail(error, TP_NO_MEMORY, "no memory for a host");
    return NULL;
  }
  host->L = L;
  host->owns_state = owns_state;
  host->log.level = TP_LOG_WARNING;
  TAILQ_INIT(&host->pools);
  LIST_INIT(&host->resources);
  LIST_INIT(&host->followers);
  lua_pushcfunction(L, l_open);
  lua_pushlightuserdata(L, host);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return host;
  if (tp_error_code(L, -1) == TP_IO_ERROR && lua_getfield(L, -1, "message") == LUA_TSTRING)
    tp_fail(error, TP_IO_ERROR, "%s", lua_tostring(L, -1));
  else
    tp_fail(error, TP_NO_MEMORY, "no memory for a host");
  lua_settop(L, 0);
  close_opened(host);
  if (owns_state)
    free(host);
  return NULL;
}

/* ---- closing ---- */

static void forget_handle(uv_handle_t *handle, void *context) {
  (void)context;
  uv_unref(handle);
}

static void on_tick(uv_timer_t *timer) {
  (void)timer;
}

/* Waits for requests of libuv that are not done (files, names), because their callbacks use the Lua
 * state. False: some are still not done. */
static bool drain(tp_host *host) {
  uv_timer_t tick;
  uv_timer_init(host->loop, &tick);
  uv_timer_start(&tick, on_tick, 10, 10);
  uv_walk(host->loop, forget_handle, NULL);
  uint64_t deadline = uv_hrtime() + DRAIN_TIMEOUT;
  while (uv_loop_alive(host->loop) && uv_hrtime() < deadline)
    uv_run(host->loop, UV_RUN_ONCE);
  bool drained = !uv_loop_alive(host->loop);
  uv_close((uv_handle_t *)&tick, NULL);
  uv_run(host->loop, UV_RUN_NOWAIT);
  return drained;
}

/* Closes the host's own handles, and its own loop with all that is left there. False: requests of
 * others are not done, so their memory must stay. */
static bool close_loop(tp_host *host) {
  tp_exec_close(host->exec);
  tp_meter_close(&host->meter);
  uv_close((uv_handle_t *)&host->wake, NULL);
  tp_interrupt_close(&host->interrupt);
  if (host->loop != &host->own_loop) {
    uv_run(host->loop, UV_RUN_NOWAIT);
    return true;
  }
  if (host->own_loop.active_reqs.count > 0)
    return false;
  if (host->owns_state)
    uv_walk(host->loop, tp_luv_close_handle, NULL);
  uv_run(host->loop, UV_RUN_DEFAULT);
  return uv_loop_close(host->loop) == 0;
}

void tp_host_close(tp_host *host) {
  if (!host->state_ends) {
    tp_host_end(host, "the end of the host", TP_CANCELLED);
    goal nothing_left = {host, NULL, true};
    tp_exec_run(host->exec, is_reached, &nothing_left);
  }
  host->closing = true;
  tp_mailbox_close(host->mailbox);
  tp_exec_halt(host->exec); /* tasks that are left, such as one that called os.exit, have lost their
                               pools */
  tp_resource *resource;
  LIST_FOREACH (resource, &host->resources, link)
    if (resource->close)
      resource->close(resource);
  bool drained = true;
  if (host->loop == &host->own_loop) {
    tp_luv_close(host);
    drained = drain(host);
  }
  if (host->owns_state && drained)
    lua_close(host->L);
  if (!close_loop(host))
    return;
  /* Lua does not run each finalizer to its end: one may fail with a stack overflow. */
  while (host->owns_state && !TAILQ_EMPTY(&host->pools))
    tp_host_remove_pool(host, TAILQ_FIRST(&host->pools));
  tp_exec_free(host->exec);
  tp_logfile_end(&host->default_log);
  tp_mailbox_release(host->mailbox);
  tp_failures_clear(&host->failures);
  tp_exposure_clear(&host->names);
  if (host->owns_state)
    free(host);
}
