/* SPDX-License-Identifier: MIT
 *
 * How C programs run a host: for as long as it has work, in steps from a loop of theirs, until a
 * deadline; and calls that other threads ask for. */
#include "base/fail.h"
#include "base/seconds.h"
#include "exec/exec.h"
#include "host/host.h"
#include "lib/end.h"
#include "lib/method.h"

#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>

/* A host cannot be run by what it runs. */
static bool is_at_rest(const tp_host *host, tp_error *error) {
  return tp_fail_unless_given(host, "host", error) &&
         (!tp_exec_is_looping(host->exec) ||
          tp_fail(error, TP_INVALID_ARGUMENT, "the host runs already"));
}

bool tp_host_run(tp_host *host, tp_error *error) {
  return is_at_rest(host, error) && tp_end_run(host, tp_host_run_until(host, NULL, error), error);
}

int tp_host_fd(const tp_host *host) {
  return host ? uv_backend_fd(host->loop) : -1;
}

/* Whether a descriptor was added that libuv will only tell the system of in its next round. */
static bool has_new_watchers(const uv_loop_t *loop) {
  const void *first = *(void *const *)(const void *)&loop->watcher_queue;
  return first != (const void *)&loop->watcher_queue;
}

int tp_host_timeout(tp_host *host) {
  if (!host)
    return -1;
  if (has_new_watchers(host->loop))
    return 0;
  if (!uv_loop_alive(host->loop))
    return -1;
  uv_update_time(host->loop);
  return uv_backend_timeout(host->loop);
}

/* One round, for which it waits `seconds` at most. */
static bool run_once(tp_host *host, double seconds, tp_error *error) {
  int most = seconds < INT_MAX / 1000 ? (int)(seconds * 1000) : -1, timeout = tp_host_timeout(host);
  struct pollfd events = {.fd = tp_host_fd(host), .events = POLLIN};
  if (timeout < 0 || (most >= 0 && most < timeout))
    timeout = most;
  if (timeout != 0)
    poll(&events, 1, timeout);
  return tp_host_turn(host, error);
}

bool tp_host_run_once(tp_host *host, double seconds, tp_error *error) {
  return is_at_rest(host, error) && tp_end_run(host, run_once(host, seconds, error), error);
}

/* Has all pools take no more work, and end what they have. Returns how many tasks are left. */
static uint64_t lock_pools(const tp_host *host) {
  uint64_t left = 0;
  tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link) {
    tp_pool_set_locked(pool, true);
    tp_pool_set_paused(pool, false);
    left += pool->unfinished;
  }
  return left;
}

static bool drain(tp_host *host, double seconds, tp_error *error) {
  double deadline = tp_seconds_of(uv_hrtime()) + seconds, left = seconds;
  uint64_t busy;
  while ((busy = lock_pools(host)) > 0 && left > 0) {
    if (!run_once(host, left, error))
      return false;
    left = deadline - tp_seconds_of(uv_hrtime());
  }
  tp_host_end(host, "tp_host_drain", TP_CANCELLED);
  if (!tp_host_run_until(host, NULL, error))
    return false;
  if (busy > 0)
    return tp_fail(error, TP_TIMED_OUT, "work of %" PRIu64 " groups had to be cancelled", busy);
  return true;
}

bool tp_host_drain(tp_host *host, double seconds, tp_error *error) {
  return is_at_rest(host, error) && tp_end_run(host, drain(host, seconds, error), error);
}

/* What tp_host_post has been given. */
typedef struct posted {
  tp_letter letter;
  tp_host *host;
  void (*call)(void *context, tp_host *host);
  void *context;
} posted;

static void on_posted(tp_letter *letter, bool late) {
  posted of = *(posted *)letter;
  free(letter);
  of.call(of.context, late ? NULL : of.host);
}

bool tp_host_post(tp_host *host, void (*function)(void *context, tp_host *host), void *context,
                  tp_error *error) {
  if (!tp_fail_unless_given(host, "host", error))
    return false;
  if (!function)
    return tp_fail(error, TP_INVALID_ARGUMENT, "call must not be NULL");
  posted *of = malloc(sizeof *of);
  if (!of)
    return tp_fail(error, TP_NO_MEMORY, "no memory to post a call");
  *of = (posted){{.open = on_posted}, host, function, context};
  tp_mailbox_post(host->mailbox, &of->letter);
  return true;
}
