/* SPDX-License-Identifier: MIT
 *
 * Writes what pools and tasks do to the log. */
#ifndef TP_HOST_EVENTS_H
#define TP_HOST_EVENTS_H

#include "exec/types.h"
#include "host/host.h"

/* The events that a host listens to at the current level of its log, as bits. */
unsigned tp_events_listened(const tp_host *host);

/* The listener of a host's executor. */
tp_exec_listener tp_events_listener(tp_host *host);

#endif
