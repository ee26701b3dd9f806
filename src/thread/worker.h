/* SPDX-License-Identifier: MIT
 *
 * The life of a thread of a set. */
#ifndef TP_THREAD_WORKER_H
#define TP_THREAD_WORKER_H

#include "thread/set.h"

/* The record of thread `number`, which is not started. NULL: no memory. */
tp_thread *tp_worker_create(tp_threads *set, unsigned number);

/* Starts a thread and waits until it runs. False: NotAvailable, IOError, NoMemory. */
bool tp_worker_start(tp_thread *thread, tp_error *error);

/* Frees the record of a thread that has ended or was never started. */
void tp_worker_free(tp_thread *thread);

#endif
