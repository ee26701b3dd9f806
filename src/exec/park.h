/* SPDX-License-Identifier: MIT
 *
 * Parks and wakes. A park is ended by a wake, a timer or a cancel. The wake puts its values on the
 * stack of the coroutine's thread and queues it; the continuation of the wait finds them on top. A
 * wake that comes before a cancel wins: its values are delivered, and the next wait raises. */
#ifndef TP_EXEC_PARK_H
#define TP_EXEC_PARK_H

#include "exec/types.h"

/* Wakes the park `id` with the `count` values on top of `from` (popped in any case). False: the id
 * is old. From any code on the host's thread; nothing runs before the next turn. */
bool tp_park_wake(tp_exec *exec, tp_wake_id id, lua_State *from, int count);

/* Whether a coroutine is parked under that id. */
bool tp_park_is_parked(const tp_exec *exec, tp_wake_id id);

/* ---- for the files of exec/ ---- */

/* Whether the running coroutine can be left from L: it is the thread that we resumed, and no C
 * function is in between. */
bool tp_park_is_possible(const tp_exec *exec, lua_State *L);

/* Makes a parked or offering coroutine ready. */
void tp_park_end(tp_coro *coro, int nargs);

#endif
