/* SPDX-License-Identifier: MIT
 *
 * Tasks that wait for work of their own full pool. */
#ifndef TP_EXEC_DEADLOCK_H
#define TP_EXEC_DEADLOCK_H

#include "exec/types.h"

/* Called right before a park without a time limit that waits for work of `pool`, and must be
 * followed by it. False: the running task would wait for ever, because the pool is full and all its
 * tasks wait like this one; the caller raises Deadlock instead. Raises what a park would. */
bool tp_deadlock_check(tp_exec *exec, lua_State *L, tp_pool *pool);

/* Raises the Deadlock that tp_deadlock_check has found. */
int tp_deadlock_raise(tp_exec *exec, lua_State *L, const tp_pool *pool);

#endif
