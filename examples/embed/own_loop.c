/* SPDX-License-Identifier: MIT
 *
 * A libuv program that lends its loop: a TCP server of its own that sends each line back in capital
 * letters, which a pool of Lua tasks makes, and a control port beside it.
 *
 *     embed-own_loop SOCKET     prints the port of the server; taskpool control unix SOCKET
 *                               num-ended; ends at SIGINT */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <taskpool.h>
#include <uv.h>

static const char functions[] =
    "require('taskpool').expose('shout', function(text) return text:upper() end)";

/* A client of the server; freed when it is closed and no task of it is left. */
typedef struct client {
  uv_tcp_t tcp;
  tp_pool *pool;
  char buffer[4096];
  int users; /* the connection, and tasks */
} client;

/* What is being written. */
typedef struct answer {
  uv_write_t request;
  char text[];
} answer;

static void leave(client *of) {
  if (--of->users == 0)
    free(of);
}

static void on_closed(uv_handle_t *handle) {
  leave(handle->data);
}

static void on_written(uv_write_t *request, int status) {
  (void)status;
  free(request);
}

/* The task has ended: its result goes to the client. */
static void on_result(void *context, const tp_error *error, const tp_value *results, size_t count) {
  client *of = context;
  const char *text = error ? error->message : count > 0 ? results[0].as.string : "";
  size_t length = error ? strlen(text) : count > 0 ? results[0].count : 0;
  answer *out = malloc(sizeof *out + length);
  if (out && !uv_is_closing((uv_handle_t *)&of->tcp)) {
    memcpy(out->text, text, length);
    uv_buf_t buffer = uv_buf_init(out->text, (unsigned)length);
    if (uv_write(&out->request, (uv_stream_t *)&of->tcp, &buffer, 1, on_written) == 0)
      out = NULL;
  }
  free(out);
  leave(of);
}

static void allocate(uv_handle_t *handle, size_t size, uv_buf_t *buffer) {
  (void)size;
  client *of = handle->data;
  *buffer = uv_buf_init(of->buffer, sizeof of->buffer);
}

static void on_read(uv_stream_t *stream, ssize_t length, const uv_buf_t *buffer) {
  client *of = stream->data;
  if (length < 0)
    uv_close((uv_handle_t *)stream, on_closed);
  if (length <= 0)
    return;
  tp_value text = tp_string_of(buffer->base, (size_t)length);
  of->users++;
  if (!tp_pool_submit(of->pool, "shout", &text, 1, NULL, on_result, of, NULL))
    leave(of);
}

static void on_connection(uv_stream_t *server, int status) {
  client *of = status == 0 ? calloc(1, sizeof *of) : NULL;
  if (!of)
    return;
  of->pool = server->data;
  of->users = 1;
  of->tcp.data = of;
  uv_tcp_init(server->loop, &of->tcp);
  if (uv_accept(server, (uv_stream_t *)&of->tcp) == 0)
    uv_read_start((uv_stream_t *)&of->tcp, allocate, on_read);
  else
    uv_close((uv_handle_t *)&of->tcp, on_closed);
}

/* Listens on a free port, and prints which. */
static int listen_on_loopback(uv_loop_t *loop, uv_tcp_t *server, tp_pool *pool) {
  struct sockaddr_in address;
  int length = sizeof address;
  server->data = pool;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_init(loop, server);
  int status = uv_tcp_bind(server, (const struct sockaddr *)&address, 0);
  if (status == 0)
    status = uv_listen((uv_stream_t *)server, 16, on_connection);
  if (status == 0)
    status = uv_tcp_getsockname(server, (struct sockaddr *)&address, &length);
  printf("port %d\n", status == 0 ? ntohs(address.sin_port) : -1);
  fflush(stdout);
  return status;
}

static void on_signal(uv_signal_t *signal, int number) {
  (void)number;
  uv_stop(signal->loop);
}

static void close_handle(uv_handle_t *handle, void *server) {
  if (!uv_is_closing(handle))
    uv_close(handle, handle->type == UV_TCP && handle != server ? on_closed : NULL);
}

int main(int argc, char **argv) {
  char address[256];
  uv_loop_t loop;
  uv_tcp_t server;
  uv_signal_t signal;
  tp_error error;
  tp_host_options options;
  uv_loop_init(&loop);
  tp_host_options_init(&options);
  options.loop = &loop;
  tp_host *host = tp_host_create(&options, &error);
  tp_pool *pool = host ? tp_pool_create(host, NULL, &error) : NULL;
  snprintf(address, sizeof address, "unix:%s", argc > 1 ? argv[1] : "./own_loop.sock");
  bool ok = pool && tp_host_run_text(host, functions, "=functions", &error) &&
            tp_host_serve(host, NULL, address, NULL, &error) &&
            listen_on_loopback(&loop, &server, pool) == 0;
  if (ok) {
    uv_signal_init(&loop, &signal);
    uv_signal_start(&signal, on_signal, SIGINT);
    uv_run(&loop, UV_RUN_DEFAULT); /* the program's, the pool's and the control port's events */
  } else {
    fprintf(stderr, "%s: %s\n", tp_code_name(error.code), error.message);
  }
  tp_host_destroy(host);
  uv_walk(&loop, close_handle, &server);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
