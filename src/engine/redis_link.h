/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: a connection of hiredis on a loop of libuv. hiredis says which events of
 * its socket it waits for; we poll for these, and tell it. */
#ifndef TP_ENGINE_REDIS_LINK_H
#define TP_ENGINE_REDIS_LINK_H

#include "taskpool.h"
#include <hiredis/async.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

typedef struct tp_redis_link tp_redis_link;

/* Who has links. */
typedef struct tp_redis_owner {
  /* A link is lost, for the reason given. Its commands have been answered with NULL. */
  void (*lost)(void *context, tp_redis_link *link, const char *why);
  /* A link that was closed or lost has left the loop, and is gone. */
  void (*left)(void *context);
  void *context; /* the first argument of both, and `data` of the contexts of hiredis */
} tp_redis_owner;

/* Connects to a numeric address, or, if the port is 0, to a Unix socket. The owner is kept, and
 * must stay until the link has left. NULL: NotAvailable. */
tp_redis_link *tp_redis_link_open(uv_loop_t *loop, const char *address, uint16_t port,
                                  const tp_redis_owner *owner, tp_error *error);

/* Sends a command. `fn` gets the reply, or NULL when the link is closed or lost. False: no memory,
 * and `fn` is not called. */
bool tp_redis_link_send(tp_redis_link *link, const char *command, size_t length,
                        redisCallbackFn *fn, void *data);

/* Closes a link: what is not answered is answered with NULL before this returns, unless hiredis is
 * in one of its callbacks; then when that has returned. */
void tp_redis_link_close(tp_redis_link *link);

#endif
