/* SPDX-License-Identifier: MIT
 *
 * A control server; see server.h.
 *
 * A server is freed when its own handles are closed and its sessions are over, whichever comes
 * last. */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "server/server.h"
#include "binding/class.h"
#include "value/fail.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Clients accepted before others get their turn, how long accepting rests without descriptors, and
 * how long warnings are counted. */
enum { ACCEPT_MAX = 32, RETRY_MS = 100, QUIET_MS = 10 * 1000 };

static const tp_server_limits defaults = {.clients = 128, .line_ms = 10000, .unread_ms = 30000};

/* ---- warnings ---- */

/* Logs those that were counted. False: there were none. */
static bool log_counted(tp_server *server) {
  if (server->unlogged == 0)
    return false;
  tp_log_write(&server->host->log, TP_LOG_WARNING,
               "control server: further clients sent away: %" PRIu64, server->unlogged);
  server->unlogged = 0;
  return true;
}

static void on_quiet(uv_timer_t *timer) {
  if (log_counted(timer->data))
    uv_timer_start(timer, on_quiet, QUIET_MS, 0);
}

void tp_server_warn(tp_server *server, const char *what) {
  if (server->closing || uv_is_active((uv_handle_t *)&server->quiet)) {
    server->unlogged++;
    return;
  }
  tp_log_write(&server->host->log, TP_LOG_WARNING, "control client: %s", what);
  uv_timer_start(&server->quiet, on_quiet, QUIET_MS, 0);
}

/* ---- the end ---- */

/* Gives back the pools in `pools`. */
static void release_pools(lua_State *L, tp_server *server) {
  for (size_t i = 0; i < server->pool_count; i++)
    luaL_unref(L, LUA_REGISTRYINDEX, server->pools[i].reference);
  free(server->pools);
}

static void free_if_over(tp_server *server) {
  if (!server->closing || server->handles > 0 || server->session_count > 0)
    return;
  log_counted(server);
  tp_host_remove_resource(&server->resource);
  release_pools(server->host->L, server);
  if (server->closed)
    server->closed(server->context);
  free(server);
}

static void on_handle_closed(uv_handle_t *handle) {
  tp_server *server = handle->data;
  server->handles--;
  free_if_over(server);
}

/* Takes no more clients. */
static void stop(tp_server *server) {
  if (server->closing)
    return;
  server->closing = true;
  tp_listener_remove_file(&server->listener);
  if (server->reserve >= 0)
    close(server->reserve);
  uv_close((uv_handle_t *)&server->poll, on_handle_closed);
  close(server->listener.fd); /* libuv has let go of it: the address is free at once */
  uv_close((uv_handle_t *)&server->retry, on_handle_closed);
  uv_close((uv_handle_t *)&server->quiet, on_handle_closed);
}

void tp_server_close(tp_server *server) {
  tp_session *session;
  stop(server);
  LIST_FOREACH (session, &server->sessions, link)
    tp_session_close(session);
}

void tp_server_end(tp_server *server) {
  tp_session *session;
  stop(server);
  LIST_FOREACH (session, &server->sessions, link)
    tp_session_end(session);
}

static void close_server(tp_resource *resource) {
  tp_server_close(resource->owner);
}

/* ---- accepting ---- */

static int open_reserve(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Whether the client is of a user that may be served; `refusal` says why not. */
static bool is_known(const tp_server *server, int fd, tp_error *refusal) {
  if (server->listener.address.kind != TP_ADDRESS_UNIX)
    return true;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return tp_fail(refusal, TP_DENIED, "the system does not say whose process you are");
  if (peer.uid != geteuid() && peer.uid != 0)
    return tp_fail(refusal, TP_DENIED, "this server is for the user who runs it");
  return true;
}

/* Makes a place for a new client, that of the one that has been idle longest if all are taken. */
static bool make_room(tp_server *server, tp_error *refusal) {
  tp_session *session, *longest = NULL;
  if (server->clients < server->limits.clients)
    return true;
  LIST_FOREACH (session, &server->sessions, link) {
    if (tp_session_is_idle(session) && (!longest || session->used < longest->used))
      longest = session;
  }
  if (!longest)
    return tp_fail(refusal, TP_NOT_AVAILABLE,
                   "this server has its %u clients, and all have commands running; try again later",
                   server->limits.clients);
  tp_session_evict(longest);
  return true;
}

static void receive(tp_server *server, int fd) {
  tp_error refusal;
  if (server->session_count >= server->limits.clients + TP_SERVER_REFUSED) {
    close(fd);
    tp_server_warn(server, "closed without a word, too many are being sent away");
    return;
  }
  bool welcome = is_known(server, fd, &refusal) && make_room(server, &refusal);
  if (!tp_session_start(server, fd, welcome ? NULL : &refusal))
    tp_log_write(&server->host->log, TP_LOG_ERROR, "control server: no memory for a client");
}

static int accept_client(const tp_server *server) {
  return accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
}

static void on_connection(uv_poll_t *poll, int status, int events);

static void on_retry(uv_timer_t *timer) {
  tp_server *server = timer->data;
  if (server->reserve < 0)
    server->reserve = open_reserve();
  uv_poll_start(&server->poll, UV_READABLE, on_connection);
}

/* No descriptor is left for the next client: tells it so with the reserve. False: there is no next
 * one, or no reserve; then accepting rests. */
static bool turn_away(tp_server *server) {
  static const char answer[] =
      "NotAvailable: the host has no file descriptors left; try again later\n";
  if (server->reserve >= 0)
    close(server->reserve);
  int fd = accept_client(server);
  if (fd >= 0) {
    tp_server_warn(server, "turned away, the host has no file descriptors left");
    send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
  }
  server->reserve = open_reserve();
  if (server->reserve < 0) {
    uv_poll_stop(&server->poll);
    uv_timer_start(&server->retry, on_retry, RETRY_MS, 0);
  }
  return fd >= 0 && server->reserve >= 0;
}

/* Accepts those who wait. One who left before is no reason to stop; where the reason is not known,
 * the poll tells of the next. */
static void on_connection(uv_poll_t *poll, int status, int events) {
  tp_server *server = poll->data;
  (void)events;
  for (int i = 0; i < ACCEPT_MAX && status == 0 && !server->closing; i++) {
    int fd = accept_client(server);
    if (fd >= 0)
      receive(server, fd);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      if (!turn_away(server))
        return;
    } else if (errno != ECONNABORTED && errno != EINTR)
      return;
  }
}

/* ---- the start ---- */

/* Lua: keeps the pool at 2 alive for the server at 1; one that is being collected is not kept. */
static int l_keep_pool(lua_State *L) {
  tp_server *server = lua_touserdata(L, 1);
  tp_pool *pool = lua_touserdata(L, 2);
  tp_pool_push(L, pool);
  if (lua_isnil(L, -1))
    return 0;
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  server->pools[server->pool_count++] = (tp_server_pool){pool, reference};
  return 0;
}

static bool keep_pool(lua_State *L, tp_server *server, tp_pool *pool) {
  if (!lua_checkstack(L, 3))
    return false;
  lua_pushcfunction(L, l_keep_pool);
  lua_pushlightuserdata(L, server);
  lua_pushlightuserdata(L, pool);
  if (lua_pcall(L, 2, 0, 0) == LUA_OK)
    return true;
  lua_pop(L, 1);
  return false;
}

/* Keeps what is served. Garbage collected meanwhile is never the pool that has just been kept, so
 * the host's list can be walked. */
static bool keep_pools(lua_State *L, tp_server *server, const tp_server_options *options) {
  tp_pool *pool;
  size_t count = options->pool_count;
  server->serves_all = count == 0;
  if (server->serves_all)
    TAILQ_FOREACH (pool, &server->host->pools, host_link)
      count++;
  server->pools = calloc(count + 1, sizeof *server->pools);
  if (!server->pools)
    return false;
  for (size_t i = 0; i < options->pool_count; i++) {
    if (!keep_pool(L, server, options->pools[i]))
      return false;
  }
  if (!server->serves_all)
    return true;
  TAILQ_FOREACH (pool, &server->host->pools, host_link) {
    if (server->pool_count < count && !keep_pool(L, server, pool))
      return false;
  }
  return true;
}

static void ignore_broken_pipes(void) {
  struct sigaction present;
  if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
    signal(SIGPIPE, SIG_IGN);
}

/* From here on the server ends by tp_server_close. */
static bool start(tp_server *server, tp_error *error) {
  uv_loop_t *loop = server->host->loop;
  int status = uv_poll_init(loop, &server->poll, server->listener.fd);
  if (status != 0)
    return tp_fail(error, TP_IO_ERROR, "cannot watch a socket: %s", uv_strerror(status));
  uv_timer_init(loop, &server->retry);
  uv_timer_init(loop, &server->quiet);
  server->poll.data = server->retry.data = server->quiet.data = server;
  server->handles = 3;
  tp_host_add_resource(server->host, &server->resource);
  uv_poll_start(&server->poll, UV_READABLE, on_connection);
  return true;
}

/* `limits` with the defaults for what is not given. */
static tp_server_limits complete(tp_server_limits limits) {
  limits.clients = limits.clients > 0 ? limits.clients : defaults.clients;
  limits.line_ms = limits.line_ms > 0 ? limits.line_ms : defaults.line_ms;
  limits.unread_ms = limits.unread_ms > 0 ? limits.unread_ms : defaults.unread_ms;
  return limits;
}

tp_server *tp_server_open(tp_host *host, lua_State *L, const tp_server_options *options,
                          tp_error *error) {
  if (host->closing) { /* a finalizer asks */
    tp_fail(error, TP_NOT_AVAILABLE, "the host is being closed");
    return NULL;
  }
  tp_server *server = calloc(1, sizeof *server);
  if (!server) {
    tp_fail(error, TP_NO_MEMORY, "no memory for a control server");
    return NULL;
  }
  ignore_broken_pipes();
  server->host = host;
  server->resource = (tp_resource){.owner = server, .keeps_running = true, .end = close_server};
  server->limits = complete(options->limits);
  server->closed = options->closed;
  server->context = options->context;
  LIST_INIT(&server->sessions);
  if (!keep_pools(L, server, options)) {
    tp_fail(error, TP_NO_MEMORY, "no memory for the pools of a control server");
    goto release_pools;
  }
  if (!tp_listener_open(&server->listener, options->address, error))
    goto release_pools;
  server->reserve = open_reserve();
  if (!start(server, error))
    goto close_listener;
  return server;

close_listener:
  tp_listener_remove_file(&server->listener);
  close(server->listener.fd);
  if (server->reserve >= 0)
    close(server->reserve);
release_pools:
  release_pools(L, server);
  free(server);
  return NULL;
}

/* ---- what sessions ask ---- */

tp_pool *tp_server_pool_at(const tp_server *server, size_t index) {
  if (!server->serves_all)
    return index < server->pool_count ? server->pools[index].pool : NULL;
  tp_pool *pool = TAILQ_FIRST(&server->host->pools);
  while (pool && index-- > 0)
    pool = TAILQ_NEXT(pool, host_link);
  return pool;
}

void tp_server_release(tp_server *server) {
  server->clients--;
}

uint64_t tp_server_stamp(tp_server *server) {
  return ++server->stamp;
}

void tp_server_forget(tp_server *server, tp_session *session) {
  LIST_REMOVE(session, link);
  server->session_count--;
  free_if_over(server);
}

/* ---- the public header ---- */

bool tp_host_serve(tp_host *host, const char *pool, const char *address, tp_error *error) {
  tp_pool *served = NULL;
  if (!host || !address)
    return tp_fail(error, TP_INVALID_ARGUMENT, "%s must not be NULL", host ? "address" : "host");
  if (pool) {
    TAILQ_FOREACH (served, &host->pools, host_link) {
      if (strcmp(served->label, pool) == 0)
        break;
    }
    if (!served)
      return tp_fail(error, TP_NOT_FOUND, "the host has no pool that prints as \"%s\"", pool);
  }
  tp_server_options options = {.address = address, .pools = &served, .pool_count = served ? 1 : 0};
  return tp_server_open(host, host->L, &options, error) != NULL;
}
