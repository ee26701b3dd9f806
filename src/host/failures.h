/* SPDX-License-Identifier: MIT
 *
 * Failures that nobody has looked at: those of groups are counted in the groups, those of submitted
 * calls here, by the pool that the call was in. A future may live longer than its pool. */
#ifndef TP_HOST_FAILURES_H
#define TP_HOST_FAILURES_H

#include "taskpool.h"
#include <stddef.h>
#include <stdint.h>

/* Failed calls of one pool whose futures nobody has looked at. */
typedef struct tp_unawaited {
  char *pool;     /* its label; "": no pool, or no memory for its name */
  uint64_t count; /* how many */
} tp_unawaited;

typedef struct tp_failures {
  tp_unawaited *pools; /* NULL while there are none */
  size_t count;        /* how many */
  size_t capacity;     /* how many fit */
} tp_failures;

/* Counts a failed call of the pool that prints as `pool`, and returns where. */
size_t tp_failures_add(tp_failures *failures, const char *pool);

/* Takes back what tp_failures_add counted there: somebody has looked at it. */
void tp_failures_remove(tp_failures *failures, size_t where);

/* The label of the pool there; NULL: none, or it is not known. */
const char *tp_failures_pool(const tp_failures *failures, size_t where);

void tp_failures_clear(tp_failures *failures);

#endif
