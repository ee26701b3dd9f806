/* SPDX-License-Identifier: MIT
 *
 * A control server; see server.h.
 *
 * A server is freed when its own handles are closed and its sessions are over, whichever comes
 * last. */
#define _GNU_SOURCE /* accept4, struct ucred */
#include "server/server.h"
#include "base/fail.h"
#include "server/protocol.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  ACCEPT_MAX = 32, /* clients accepted before others get their turn */
  RETRY_MS = 100,  /* how long accepting pauses when no descriptor is left */
};

/* ---- the end ---- */

static void free_if_over(tp_server *server) {
  if (!server->clients.closing || server->handles > 0 || server->clients.count > 0)
    return;
  tp_warning_log_counted(&server->clients.warnings);
  tp_host_remove_resource(&server->resource);
  tp_served_close(&server->clients.served, server->host->L);
  tp_access_close(&server->access);
  if (server->closed)
    server->closed(server->context);
  free(server);
}

static void on_client_left(void *server) {
  free_if_over(server);
}

static void on_handle_closed(uv_handle_t *handle) {
  tp_server *server = handle->data;
  server->handles--;
  free_if_over(server);
}

/* Takes no more clients. */
static void stop(tp_server *server) {
  if (server->clients.closing)
    return;
  server->clients.closing = true;
  tp_listener_remove_file(&server->listener);
  if (server->reserve >= 0)
    close(server->reserve);
  uv_close((uv_handle_t *)&server->poll, on_handle_closed);
  close(server->listener.fd); /* libuv has let go of it: the address is free at once */
  uv_close((uv_handle_t *)&server->retry, on_handle_closed);
  tp_warning_close(&server->clients.warnings, server, on_handle_closed);
}

void tp_server_end(tp_server *server) {
  stop(server);
  tp_clients_end(&server->clients);
}

/* Starts closing: the address is free at once, sessions are closed. Any number of times. */
static void close_server(tp_resource *resource) {
  tp_server *server = resource->owner;
  stop(server);
  tp_clients_close(&server->clients);
}

/* ---- accepting ---- */

static unsigned count_clients(const tp_resource *resource) {
  const tp_server *server = resource->owner;
  return server->clients.open;
}

static int open_reserve(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* True if the client is of a user that may be served; `refusal` says why not. */
static bool is_known(const tp_server *server, int fd, tp_error *refusal) {
  if (server->listener.address.kind != TP_ADDRESS_UNIX)
    return true;
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return tp_fail(refusal, TP_DENIED, "the system does not say whose process you are");
  if (!tp_access_admits(&server->access, peer.uid))
    return tp_fail(refusal, TP_DENIED, "this server is for the user who runs it%s",
                   server->access.uid_count > 0 ? ", and a few others" : "");
  return true;
}

static void receive(tp_server *server, int fd) {
  tp_error refusal;
  bool known = is_known(server, fd, &refusal);
  tp_clients_add(&server->clients, fd, known ? NULL : &refusal);
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

/* No descriptor is left for the next client: accepts it with the reserve and tells it so. False:
 * there is no next client, or no reserve any more; then accepting pauses. */
static bool turn_away(tp_server *server) {
  static const char answer[] =
      "NotAvailable: the host has no file descriptors left; try again later\n";
  if (server->reserve >= 0)
    close(server->reserve);
  int fd = accept_client(server);
  if (fd >= 0) {
    tp_warning_write(&server->clients.warnings,
                     "turned away, the host has no file descriptors left");
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

/* Accepts the clients that wait. A client that has left already does not stop it; after any other
 * error the poll tells of the next client. */
static void on_connection(uv_poll_t *poll, int status, int events) {
  tp_server *server = poll->data;
  (void)events;
  for (int i = 0; i < ACCEPT_MAX && status == 0 && !server->clients.closing; i++) {
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

static void ignore_broken_pipes(void) {
  struct sigaction present;
  if (sigaction(SIGPIPE, NULL, &present) == 0 && present.sa_handler == SIG_DFL)
    signal(SIGPIPE, SIG_IGN);
}

/* From here on the server ends by close_server. */
static bool start(tp_server *server, tp_error *error) {
  uv_loop_t *loop = server->host->loop;
  int status = uv_poll_init(loop, &server->poll, server->listener.fd);
  if (status != 0)
    return tp_fail(error, TP_IO_ERROR, "cannot watch a socket: %s", uv_strerror(status));
  uv_timer_init(loop, &server->retry);
  tp_warning_open(&server->clients.warnings, loop, &server->host->log);
  server->poll.data = server->retry.data = server;
  server->handles = 3;
  tp_host_add_resource(server->host, &server->resource);
  server->host->is_ready = true;
  uv_poll_start(&server->poll, UV_READABLE, on_connection);
  return true;
}

static void prepare_clients(tp_server *server, const tp_server_options *options) {
  tp_clients *clients = &server->clients;
  clients->host = server->host;
  clients->limits = tp_clients_limits(&options->serve);
  clients->access = &server->access;
  clients->run = l_protocol_run;
  clients->left = on_client_left;
  clients->context = server;
  LIST_INIT(&clients->list);
}

/* Opens the socket, as far as what guards it allows. */
static bool listen_at(tp_server *server, const char *address, tp_error *error) {
  static const char local[] = "unix:";
  const tp_access *access = &server->access;
  if (access->uid_count > 0 && strncmp(address, local, sizeof local - 1) != 0)
    return tp_fail(error, TP_INVALID_ARGUMENT, "uids are for a Unix socket: TCP tells no user");
  tp_listener_reach reach = {.users = access->uid_count > 0, .machines = access->count > 0};
  if (!tp_listener_open(&server->listener, address, reach, error))
    return false;
  char text[TP_ADDRESS_TEXT_SIZE];
  tp_address_write(&server->listener.address, text);
  if (server->listener.is_open)
    tp_log_write(&server->host->log, TP_LOG_WARNING,
                 "%s can be reached from other machines, and is not encrypted: who can listen on "
                 "the way reads tokens and answers",
                 text);
  return true;
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
  server->resource = (tp_resource){
      .owner = server, .keeps_running = true, .end = close_server, .count_clients = count_clients};
  server->closed = options->closed;
  server->context = options->context;
  prepare_clients(server, options);
  if (!tp_served_open(&server->clients.served, host, L, options->pools, options->pool_count)) {
    tp_fail(error, TP_NO_MEMORY, "no memory for the pools of a control server");
    goto release_pools;
  }
  if (!tp_access_open(&server->access, &options->serve, error) ||
      !listen_at(server, options->address, error))
    goto release_pools;
  server->clients.local = server->listener.address.kind == TP_ADDRESS_UNIX;
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
  tp_access_close(&server->access);
  tp_served_close(&server->clients.served, L);
  free(server);
  return NULL;
}

/* ---- the public header ---- */

void tp_serve_options_init(tp_serve_options *options) {
  *options = (tp_serve_options){.size = sizeof *options, .role = TP_ROLE_OPERATE};
}

static bool is_seconds(double seconds) {
  return seconds >= 0 && seconds <= 1e6;
}

static bool is_within(uint64_t value, uint64_t least, uint64_t most) {
  return value == 0 || (value >= least && value <= most);
}

/* Copies the options of a caller whose header may be older. False: InvalidArgument. */
static bool copy_options(tp_serve_options *to, const tp_serve_options *from, tp_error *error) {
  if (from->size == 0 || from->size > sizeof *to)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "options: call tp_serve_options_init before setting fields");
  memcpy(to, from, from->size);
  if (!is_within(to->max_clients, 1, 1000000) || !is_within(to->max_line, 1024, 1 << 30) ||
      !is_within(to->max_unread, 65536, 1 << 30))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "max_clients, max_line or max_unread is too small or too large");
  if (!is_seconds(to->line_timeout) || !is_seconds(to->unread_timeout) ||
      !is_seconds(to->idle_timeout))
    return tp_fail(error, TP_INVALID_ARGUMENT, "a timeout must be a number of seconds up to 1e6");
  return true;
}

bool tp_host_serve(tp_host *host, const char *pool, const char *address,
                   const tp_serve_options *options, tp_error *error) {
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
  tp_server_options all = {.address = address, .pools = &served, .pool_count = served ? 1 : 0};
  tp_serve_options_init(&all.serve);
  if (options && !copy_options(&all.serve, options, error))
    return false;
  return tp_server_open(host, host->L, &all, error) != NULL;
}
