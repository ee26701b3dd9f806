/* SPDX-License-Identifier: MIT
 *
 * Pools that an executor runs: what a pool asks of its executor (tp_pool_ops). */
#ifndef TP_EXEC_OPS_H
#define TP_EXEC_OPS_H

#include "exec/types.h"

/* Makes a pool that this executor runs. NULL: no memory. */
tp_pool *tp_ops_create_pool(tp_exec *exec, int kind, const char *label, uint64_t size);

/* Frees a pool of which nothing runs. Who waits for one of its calls is told. */
void tp_ops_destroy_pool(tp_pool *pool);

#endif
