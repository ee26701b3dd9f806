/* SPDX-License-Identifier: MIT
 *
 * What pools and tasks do, as records of the log. */
#ifndef TP_HOST_EVENTS_H
#define TP_HOST_EVENTS_H

#include "exec/types.h"
#include "host/host.h"

/* The events that it wants to be told of at the present level of the log, as bits. */
unsigned tp_events_wanted(const tp_host *host);

/* The listener of a host's executor. */
tp_exec_listener tp_events_listener(tp_host *host);

#endif
