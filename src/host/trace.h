/* SPDX-License-Identifier: MIT
 *
 * What pools, groups and tasks do, as a file in the trace format of Chrome, which Perfetto and
 * others show: https://ui.perfetto.dev.
 *
 * A pool is a process there. A group is a span in it, from the start of its first task to the end
 * of the last one, and so is each task, under the name of its group; a submitted call has only the
 * span of its task. Within a task there is a span
 * "running" for each time that it ran; between these it waited. What a pool does is an instant.
 *
 * The file is a JSON array, one event a line. The format lets the bracket at the end be missing, so
 * that the file can be read when the host was killed. Events that come faster than they can be
 * written are left out, which is said in their place. */
#ifndef TP_HOST_TRACE_H
#define TP_HOST_TRACE_H

#include "pool/pool.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct tp_trace tp_trace;

/* Begins a trace in the file. NULL: IOError, NoMemory. */
tp_trace *tp_trace_open(const char *path, tp_error *error);

/* Ends it. False: something was not written. NULL is allowed. */
bool tp_trace_close(tp_trace *trace, tp_error *error);

/* Something has happened in a pool; `since` is when what runs now was resumed, 0: nothing runs. */
void tp_trace_event(tp_trace *trace, tp_pool *pool, tp_event event, const tp_task *task,
                    const tp_event_record *record, uint64_t since);

/* A task that has not ended has run since then, and gives way or waits now. */
void tp_trace_ran(tp_trace *trace, const tp_task *task, uint64_t since);

#endif
