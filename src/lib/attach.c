/* SPDX-License-Identifier: MIT
 *
 * A host on a loop of the embedder's; see attach.h.
 *
 * Before that loop waits, `prepare` asks the host's own loop how long it may; after the wait,
 * `check` runs it if its descriptor, its timer or what is ready asks for that. The handles keep the
 * embedder's loop alive only while the host has work. */
#include "lib/attach.h"
#include "base/fail.h"
#include "exec/exec.h"
#include "lib/end.h"

#include <stdlib.h>

typedef struct tp_attachment {
  tp_resource resource; /* of the host */
  tp_host *host;        /* NULL: it is closed */
  uv_poll_t poll;       /* the descriptor of the host's loop */
  uv_prepare_t prepare; /* before the embedder's loop waits */
  uv_check_t check;     /* after that */
  uv_timer_t timer;     /* when the host's next timer is due */
  uv_idle_t idle;       /* active while something is ready */
  bool is_due;          /* the host's loop has something to do */
  unsigned handles;     /* that are not closed */
} tp_attachment;

static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  ((tp_attachment *)poll->data)->is_due = true;
}

static void on_timer(uv_timer_t *timer) {
  ((tp_attachment *)timer->data)->is_due = true;
}

static void on_idle(uv_idle_t *idle) {
  ((tp_attachment *)idle->data)->is_due = true;
}

static void keep_alive(tp_attachment *of) {
  if (tp_host_is_busy(of->host))
    uv_ref((uv_handle_t *)&of->poll);
  else
    uv_unref((uv_handle_t *)&of->poll);
}

/* A host's work_came. */
static void on_work(tp_host *host) {
  keep_alive(host->attachment);
}

static void on_prepare(uv_prepare_t *prepare) {
  tp_attachment *of = prepare->data;
  int timeout = tp_host_timeout(of->host);
  uv_timer_stop(&of->timer);
  uv_idle_stop(&of->idle);
  if (timeout == 0)
    uv_idle_start(&of->idle, on_idle);
  else if (timeout > 0)
    uv_timer_start(&of->timer, on_timer, (uint64_t)timeout, 0);
  of->is_due = of->is_due || timeout == 0;
  keep_alive(of);
}

static void on_check(uv_check_t *check) {
  tp_attachment *of = check->data;
  if (!of->is_due || tp_exec_is_looping(of->host->exec))
    return;
  of->is_due = false;
  tp_error error;
  if (!tp_host_turn(of->host, &error))
    tp_log_write(&of->host->log, TP_LOG_ERROR, "the loop of the host: %s", error.message);
  tp_end_run(of->host, true, &error);
  if (of->host)
    keep_alive(of);
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *handle) {
  tp_attachment *of = handle->data;
  if (--of->handles == 0)
    free(of);
}

/* The host is being closed: the embedder's loop closes the handles later. */
static void close_handles(tp_resource *resource) {
  tp_attachment *of = resource->owner;
  if (!of->host)
    return;
  of->host->attachment = NULL;
  of->host->work_came = NULL;
  of->host = NULL;
  uv_close((uv_handle_t *)&of->poll, on_closed);
  uv_close((uv_handle_t *)&of->prepare, on_closed);
  uv_close((uv_handle_t *)&of->check, on_closed);
  uv_close((uv_handle_t *)&of->timer, on_closed);
  uv_close((uv_handle_t *)&of->idle, on_closed);
}

/* ---- the start ---- */

/* Those that cannot fail, and keep no loop alive. */
static void open_handles(tp_attachment *of, uv_loop_t *loop) {
  uv_prepare_init(loop, &of->prepare);
  uv_check_init(loop, &of->check);
  uv_timer_init(loop, &of->timer);
  uv_idle_init(loop, &of->idle);
  uv_unref((uv_handle_t *)&of->prepare);
  uv_unref((uv_handle_t *)&of->check);
  uv_unref((uv_handle_t *)&of->timer);
  uv_unref((uv_handle_t *)&of->idle);
  of->poll.data = of->prepare.data = of->check.data = of->timer.data = of->idle.data = of;
  of->handles = 5;
  uv_prepare_start(&of->prepare, on_prepare);
  uv_check_start(&of->check, on_check);
}

bool tp_attach_open(tp_host *host, uv_loop_t *loop, tp_error *error) {
  tp_attachment *of = calloc(1, sizeof *of);
  if (!of)
    return tp_fail(error, TP_NO_MEMORY, "no memory for a host");
  int status = uv_poll_init(loop, &of->poll, tp_host_fd(host));
  if (status != 0) {
    free(of);
    return tp_fail(error, TP_IO_ERROR, "cannot run on this loop: %s", uv_strerror(status));
  }
  open_handles(of, loop);
  of->host = host;
  host->attachment = of;
  host->work_came = on_work;
  of->resource = (tp_resource){.owner = of, .close = close_handles};
  tp_host_add_resource(host, &of->resource);
  uv_poll_start(&of->poll, UV_READABLE, on_poll);
  keep_alive(of);
  return true;
}
