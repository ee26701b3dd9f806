/* SPDX-License-Identifier: MIT
 *
 * Waiting, for C functions that Lua calls. */
#ifndef TP_EXEC_WAIT_H
#define TP_EXEC_WAIT_H

#include "exec/types.h"

/* The id that the next park of the running coroutine will have. Raises InvalidArgument outside a
 * task. */
tp_wake_id tp_wait_id(tp_exec *exec, lua_State *L);

/* Raises the cancel error if the running coroutine is cancelled: what every wait does first. */
void tp_wait_check(tp_exec *exec, lua_State *L);

/* What every wait does first: raises InvalidArgument where L cannot wait, and the cancel error in a
 * cancelled task. For a wait that begins something before it parks. */
void tp_wait_begin(tp_exec *exec, lua_State *L);

/* Parks the running coroutine until it is woken: `return tp_wait_park(exec, L, k, context)`. After
 * the wake the continuation `k` is called; it must call tp_wait_values. Raises the cancel error at
 * once in a cancelled task, InvalidArgument where L cannot wait. The stack of L is kept as it is.
 */
int tp_wait_park(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context);

/* The same, but no longer than until the clock says `deadline` (seconds; HUGE_VAL: never). The
 * continuation sees by itself whether it was woken, or tp_wait_is_late. */
int tp_wait_park_until(tp_exec *exec, lua_State *L, double deadline, lua_KFunction k,
                       lua_KContext context);

/* Whether the clock has come to that deadline. */
bool tp_wait_is_late(const tp_exec *exec, double deadline);

/* In a continuation: how many values above `base` the wake brought. Raises the cancel error if a
 * cancel ended the wait. */
int tp_wait_values(tp_exec *exec, lua_State *L, int base);

/* In a continuation, before tp_wait_values: whether a cancel ended the wait. */
bool tp_wait_is_cut(const tp_exec *exec);

/* In a continuation whose wait a cancel has cut: goes on as if it had not, because what was waited
 * for has come all the same. */
void tp_wait_mend(tp_exec *exec);

/* In a continuation whose wait a cancel has cut: parks again, to wait for the end of what was
 * cancelled elsewhere. Only a wake, or the end of the grace, ends this. */
int tp_wait_again(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context);

/* Parks for that long (seconds; 0 or less: lets the others run first). Returns nothing to Lua. */
int tp_wait_sleep(tp_exec *exec, lua_State *L, double seconds);

/* For work that takes long and is done in pieces: whether the turn of the loop is over and L can
 * wait, so that it must let the others run. */
bool tp_wait_must_give_way(const tp_exec *exec, lua_State *L);

/* Lets the others run first, and goes on with `k`, which calls tp_wait_values. */
int tp_wait_give_way(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context);

/* As tp_wait_sleep, but goes on with `k`, which calls tp_wait_values. */
int tp_wait_pause(tp_exec *exec, lua_State *L, double seconds, lua_KFunction k,
                  lua_KContext context);

#endif
