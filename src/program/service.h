/* SPDX-License-Identifier: MIT
 *
 * A running host as a service: what it tells the manager that started it, and the signals of
 * administrators. SIGHUP opens the log file anew, SIGUSR1 writes what the host does to the log.
 *
 * It lives on the loop of the host, beside it, and keeps nothing running. */
#ifndef TP_PROGRAM_SERVICE_H
#define TP_PROGRAM_SERVICE_H

#include "host/host.h"
#include "program/dump.h"
#include "program/logging.h"
#include "program/notify.h"
#include <uv.h>

typedef struct tp_service {
  tp_host *host;           /* whose service it is */
  tp_logging *logging;     /* opened anew at SIGHUP */
  tp_notify notify;        /* the manager */
  char status[160];        /* what it was told last */
  uv_prepare_t ready;      /* active until it is told so */
  uv_timer_t pulse;        /* tells the manager of changes */
  uv_timer_t watchdog;     /* tells it that the loop goes on */
  uv_signal_t hangup, ask; /* SIGHUP, SIGUSR1 */
  tp_dump dump;            /* what SIGUSR1 asks for */
} tp_service;

/* Starts the service of a host that does not run yet. Both records must live until the host is
 * destroyed. The manager is told that the host is ready once the script has returned, a control
 * server listens, or the script has called taskpool.ready(). */
void tp_service_open(tp_service *service, tp_host *host, tp_logging *logging);

/* The script has returned. */
void tp_service_set_ready(tp_service *service);

/* The host is to stop. For signal handlers too. */
void tp_service_set_stopping(const tp_service *service);

/* Ends it, before the host is destroyed. */
void tp_service_close(tp_service *service);

#endif
