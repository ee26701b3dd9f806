/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the coroutines of an executor, taken and given back.
 *
 * Each has a slot, whose number is a part of its wake ids, so that an id leads to it. Its thread
 * stands at the same place in a table, which keeps it from being collected. Those at rest are on
 * the free list, to be used again. */
#ifndef TP_EXEC_SLOT_H
#define TP_EXEC_SLOT_H

#include "exec/types.h"

/* A coroutine with an empty call, from the free list or new. Its L takes the function and the
 * arguments next, then it is queued. Raises in L, for lack of memory. */
tp_coro *tp_slot_take(tp_exec *exec, lua_State *L);

/* The same for a task: the coroutine that has just ended one, if there is one. */
tp_coro *tp_slot_take_next(tp_exec *exec);

/* Puts a coroutine whose stack is empty, and which has no cancel, to rest. */
void tp_slot_give_back(tp_coro *coro);

/* Frees a coroutine whose thread is of no more use, and which has no cancel. */
void tp_slot_free(tp_coro *coro);

/* Gives it the thread on top of L, which is popped. Raises for lack of memory; nothing has changed
 * then. */
void tp_slot_set_thread(tp_coro *coro, lua_State *L);

/* The coroutine whose present or next park has that id; NULL: the id is old. */
tp_coro *tp_slot_find(const tp_exec *exec, tp_wake_id id);

/* Makes the present id old. */
void tp_slot_renew_park(tp_coro *coro);

#endif
