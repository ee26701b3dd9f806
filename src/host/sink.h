/* SPDX-License-Identifier: MIT
 *
 * A file that is written by a thread of its own, so that the loop never waits for a disk. What
 * waits to be written is bounded. */
#ifndef TP_HOST_SINK_H
#define TP_HOST_SINK_H

#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>

/* How many bytes may wait. */
#define TP_SINK_MAX ((size_t)16 * 1024 * 1024)

typedef struct tp_sink tp_sink;

/* Opens the file anew. NULL: IOError, NoMemory. */
tp_sink *tp_sink_open(const char *path, tp_error *error);

/* Adds bytes, all or none. False: too many wait, or there is no memory. */
bool tp_sink_add(tp_sink *sink, const char *bytes, size_t length);

/* Writes what is left and closes the file. False: something was not written. NULL is allowed. */
bool tp_sink_close(tp_sink *sink, tp_error *error);

#endif
