/* SPDX-License-Identifier: MIT
 *
 * What pools and tasks do: written to the log, and told to those who follow it. */
#ifndef TP_HOST_EVENTS_H
#define TP_HOST_EVENTS_H

#include "exec/types.h"
#include "host/host.h"

/* Has a pool, or all pools, tell of the events that the host listens to now: by the level of its
 * log, and by those who follow events. Nothing else costs time. */
void tp_events_listen(const tp_host *host, tp_pool *pool);
void tp_events_listen_all(const tp_host *host);

/* The kinds of events that `words` name, as bits: an event such as "started", or "pool", "group" or
 * "task" for all of these; several have commas between. False: InvalidArgument. */
bool tp_events_find_kinds(const char *words, unsigned *kinds, tp_error *error);

/* The bits of all kinds. */
unsigned tp_events_all_kinds(void);

/* Has somebody follow events, and no more; `wake` of the follower is set afterwards. False: no
 * memory. */
bool tp_events_follow(tp_host *host, tp_follower *follower, const tp_follower_filter *filter,
                      size_t limit);
void tp_events_unfollow(tp_host *host, tp_follower *follower);

/* Has a host that has not run write a trace, until it is destroyed. */
void tp_events_trace(tp_host *host, struct tp_trace *trace);

/* The listener of a host's executor. */
tp_exec_listener tp_events_listener(tp_host *host);

#endif
