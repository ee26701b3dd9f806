/* SPDX-License-Identifier: MIT
 *
 * A running host as a service; see service.h. */
#include "program/service.h"
#include "pool/pool.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* The manager is told of changes at most so often. */
enum { PULSE_MS = 1000 };

/* ---- the manager ---- */

static void write_status(const tp_host *host, char *text, size_t size) {
  uint64_t pools = 0, running = 0, waiting = 0, failed = 0;
  const tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link) {
    pools++;
    running += pool->running + pool->cancelled;
    waiting += tp_pool_waiting(pool);
    failed += pool->ends.failed;
  }
  snprintf(text, size,
           "STATUS=pools: %" PRIu64 ", running: %" PRIu64 ", waiting: %" PRIu64
           ", failed: %" PRIu64,
           pools, running, waiting, failed);
}

/* Tells the status if it has changed. */
static void on_pulse(uv_timer_t *timer) {
  tp_service *service = timer->data;
  char status[sizeof service->status];
  write_status(service->host, status, sizeof status);
  if (strcmp(status, service->status) != 0 && tp_notify_send(&service->notify, status))
    strcpy(service->status, status);
}

static void on_watchdog(uv_timer_t *timer) {
  const tp_service *service = timer->data;
  tp_notify_send(&service->notify, "WATCHDOG=1");
}

/* Before the loop waits, until the manager knows that the host is ready. */
static void on_prepare(uv_prepare_t *prepare) {
  tp_service *service = prepare->data;
  if (!service->host->is_ready || !tp_notify_send(&service->notify, "READY=1"))
    return;
  uv_prepare_stop(prepare);
  on_pulse(&service->pulse);
  uv_timer_again(&service->pulse);
}

void tp_service_set_ready(tp_service *service) {
  service->host->is_ready = true;
  if (uv_is_active((uv_handle_t *)&service->ready))
    on_prepare(&service->ready);
}

void tp_service_set_stopping(const tp_service *service) {
  tp_notify_send(&service->notify, "STOPPING=1");
}

/* ---- signals ---- */

static void on_hangup(uv_signal_t *signal, int number) {
  tp_service *service = signal->data;
  tp_error error;
  (void)number;
  if (!tp_logging_reopen(service->logging, &error))
    tp_log_write(&service->host->log, TP_LOG_ERROR, "%s; the log goes on in the old file",
                 error.message);
}

static void on_ask(uv_signal_t *signal, int number) {
  tp_service *service = signal->data;
  (void)number;
  tp_dump_start(&service->dump);
}

static void do_nothing(int number) {
  (void)number;
}

/* libuv takes the handlers away; from then on the signals do nothing. */
static void stop_signals(tp_service *service) {
  struct sigaction nothing = {.sa_handler = do_nothing, .sa_flags = SA_RESTART};
  sigset_t both, before;
  sigemptyset(&nothing.sa_mask);
  sigemptyset(&both);
  sigaddset(&both, SIGHUP);
  sigaddset(&both, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &both, &before);
  uv_close((uv_handle_t *)&service->hangup, NULL);
  uv_close((uv_handle_t *)&service->ask, NULL);
  sigaction(SIGHUP, &nothing, NULL);
  sigaction(SIGUSR1, &nothing, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- from start to end ---- */

/* What all handles have in common. */
static void adopt(tp_service *service, uv_handle_t *handle) {
  handle->data = service;
  uv_unref(handle);
}

static void start_telling(tp_service *service) {
  if (service->notify.fd < 0)
    return;
  uint64_t half = service->notify.watchdog / 2000;
  uv_prepare_start(&service->ready, on_prepare);
  uv_timer_start(&service->pulse, on_pulse, PULSE_MS, PULSE_MS);
  if (service->notify.watchdog > 0)
    uv_timer_start(&service->watchdog, on_watchdog, 0, half > 0 ? half : 1);
}

void tp_service_open(tp_service *service, tp_host *host, tp_logging *logging) {
  uv_loop_t *loop = host->loop;
  *service = (tp_service){.host = host, .logging = logging};
  tp_notify_open(&service->notify);
  tp_dump_open(&service->dump, host);
  uv_prepare_init(loop, &service->ready);
  uv_timer_init(loop, &service->pulse);
  uv_timer_init(loop, &service->watchdog);
  uv_signal_init(loop, &service->hangup);
  uv_signal_init(loop, &service->ask);
  adopt(service, (uv_handle_t *)&service->ready);
  adopt(service, (uv_handle_t *)&service->pulse);
  adopt(service, (uv_handle_t *)&service->watchdog);
  adopt(service, (uv_handle_t *)&service->hangup);
  adopt(service, (uv_handle_t *)&service->ask);
  uv_signal_start(&service->hangup, on_hangup, SIGHUP);
  uv_signal_start(&service->ask, on_ask, SIGUSR1);
  start_telling(service);
}

void tp_service_close(tp_service *service) {
  tp_service_set_stopping(service);
  stop_signals(service);
  tp_dump_close(&service->dump);
  uv_close((uv_handle_t *)&service->ready, NULL);
  uv_close((uv_handle_t *)&service->pulse, NULL);
  uv_close((uv_handle_t *)&service->watchdog, NULL);
  tp_notify_close(&service->notify);
}
