/* SPDX-License-Identifier: MIT
 *
 * A connection of hiredis on a loop of libuv; see redis_link.h. */
#include "engine/redis_link.h"
#include "base/fail.h"

#include <stdlib.h>

struct tp_redis_link {
  uv_poll_t poll;              /* on the socket */
  redisAsyncContext *context;  /* of hiredis; NULL: it has let go of the socket */
  int events;                  /* that hiredis waits for: UV_READABLE, UV_WRITABLE */
  const tp_redis_owner *owner; /* who has it */
  bool is_closing;             /* the owner has closed it */
};

/* ---- events of the socket ---- */

/* An error of the socket is found by who reads or writes there. */
static void on_poll(uv_poll_t *poll, int status, int events) {
  tp_redis_link *link = poll->data;
  if (status < 0)
    events = link->events;
  if (link->context && (events & UV_READABLE))
    redisAsyncHandleRead(link->context);
  if (link->context && (events & UV_WRITABLE))
    redisAsyncHandleWrite(link->context);
}

static void wait_for(tp_redis_link *link, int events) {
  if (events == link->events)
    return;
  link->events = events;
  if (events)
    uv_poll_start(&link->poll, events, on_poll);
  else
    uv_poll_stop(&link->poll);
}

static void add_read(void *data) {
  tp_redis_link *link = data;
  wait_for(link, link->events | UV_READABLE);
}

static void del_read(void *data) {
  tp_redis_link *link = data;
  wait_for(link, link->events & ~UV_READABLE);
}

static void add_write(void *data) {
  tp_redis_link *link = data;
  wait_for(link, link->events | UV_WRITABLE);
}

static void del_write(void *data) {
  tp_redis_link *link = data;
  wait_for(link, link->events & ~UV_WRITABLE);
}

/* ---- the end ---- */

static void on_left(uv_handle_t *poll) {
  tp_redis_link *link = poll->data;
  const tp_redis_owner *owner = link->owner;
  free(link);
  owner->left(owner->context);
}

/* hiredis lets go of the socket, which it closes afterwards. */
static void clean_up(void *data) {
  tp_redis_link *link = data;
  const redisAsyncContext *context = link->context;
  link->context = NULL;
  uv_poll_stop(&link->poll);
  uv_close((uv_handle_t *)&link->poll, on_left);
  if (!link->is_closing)
    link->owner->lost(link->owner->context, link,
                      context->err ? context->errstr : "the server has closed the connection");
}

void tp_redis_link_close(tp_redis_link *link) {
  link->is_closing = true;
  if (link->context)
    redisAsyncFree(link->context);
}

/* ---- the start ---- */

static tp_redis_link *attach(uv_loop_t *loop, redisAsyncContext *context,
                             const tp_redis_owner *owner) {
  tp_redis_link *link = calloc(1, sizeof *link);
  if (!link || uv_poll_init_socket(loop, &link->poll, context->c.fd) != 0) {
    free(link);
    return NULL;
  }
  link->poll.data = link;
  link->context = context;
  link->owner = owner;
  context->data = owner->context;
  context->ev.data = link;
  context->ev.addRead = add_read;
  context->ev.delRead = del_read;
  context->ev.addWrite = add_write;
  context->ev.delWrite = del_write;
  context->ev.cleanup = clean_up;
  add_write(link); /* the end of connecting */
  return link;
}

tp_redis_link *tp_redis_link_open(uv_loop_t *loop, const char *address, uint16_t port,
                                  const tp_redis_owner *owner, tp_error *error) {
  redisAsyncContext *context =
      port > 0 ? redisAsyncConnect(address, port) : redisAsyncConnectUnix(address);
  tp_redis_link *link = context && !context->err ? attach(loop, context, owner) : NULL;
  if (link)
    return link;
  tp_fail(error, TP_NOT_AVAILABLE, "%s", context && context->err ? context->errstr : "no memory");
  if (context)
    redisAsyncFree(context);
  return NULL;
}

bool tp_redis_link_send(tp_redis_link *link, const char *command, size_t length,
                        redisCallbackFn *fn, void *data) {
  return link->context &&
         redisAsyncFormattedCommand(link->context, fn, data, command, length) == REDIS_OK;
}
