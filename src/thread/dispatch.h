/* SPDX-License-Identifier: MIT
 *
 * Which thread gets which request, and what comes back. For the owner's thread. */
#ifndef TP_THREAD_DISPATCH_H
#define TP_THREAD_DISPATCH_H

#include "thread/set.h"

/* Queues a request for the next round of sending. */
void tp_dispatch_add(tp_threads *set, tp_request *request);

/* Sends what is pending to the threads that have room, and takes from those that are stuck what
 * others could do. */
void tp_dispatch_run(tp_threads *set);

/* Lets the pool of the threads start tasks unless too many requests are pending. */
void tp_dispatch_release_pool(const tp_threads *set);

/* Takes back a request. False: a thread has taken it. */
bool tp_dispatch_withdraw(tp_request *request);

/* Collects completed requests and lines for the log from all threads. */
void tp_dispatch_collect(tp_threads *set);

#endif
