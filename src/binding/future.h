/* SPDX-License-Identifier: MIT
 *
 * Futures: what will come of a call that was submitted to a pool, or of a coroutine of its own. */
#ifndef TP_BINDING_FUTURE_H
#define TP_BINDING_FUTURE_H

#include "host/host.h"
#include <lua.h>

/* Makes the class. */
void tp_future_open(lua_State *L);

/* Pushes a new future, which does not wait for anything yet. */
tp_future *tp_future_push(lua_State *L, tp_host *host);

/* Has C code be told of the end of the future on top of the stack: with the `count` results on top
 * of L (ok), or one error value (not ok). It takes note of the error. */
typedef void (*tp_future_fn)(void *context, lua_State *L, bool ok, int count);
void tp_future_listen(lua_State *L, tp_future_fn listener, void *context);

/* Has a future wait for the one task of a group, whose call keeps it alive. */
void tp_future_expect_call(tp_future *future, tp_group *group);

/* A tp_coro_done whose context is a future: keeps the results, and wakes what waits. */
void tp_future_done(void *context, lua_State *L, bool ok, int count);

/* Pushes the name of the group that a future waits for, in place of the future: the group stays
 * until a flush, and its failure is reported as those of other groups are. Returns false and pushes
 * nothing for a future that is done, or is not of a call. */
bool tp_future_push_group(lua_State *L, int index);

/* The failures of a group (NULL: none) of the pool at `index` were reported. If it is a kept call,
 * its failure counts as seen, as if its future was awaited. Allocates nothing. */
void tp_future_see_call(lua_State *L, int index, const tp_group *group);

/* Forgets the calls of the pool at `index` that tp_future_see_call finds. */
void tp_future_forget_calls(lua_State *L, int index);

/* Waits for the future in slot 1, for at most `seconds` (HUGE_VAL: any time), and returns its
 * results, or raises its error or TimedOut: `return tp_future_await(…)`. With `owned`, a cancel of
 * the wait cancels what is waited for. */
int tp_future_await(lua_State *L, double seconds, bool owned);

/* Replaces a function and the `nargs` arguments above it by the future of a job that calls it.
 * `what` names it in messages; after `limit` seconds (0: never) it is cancelled. Raises for lack of
 * memory. */
void tp_future_start(lua_State *L, int nargs, const char *what, double limit);

/* Whether the future at `index` is done. */
bool tp_future_is_done(lua_State *L, int index);

/* Must precede a park that waits for the future at `index`, among others. Raises Deadlock. */
void tp_future_prepare_wait(lua_State *L, int index);

/* Lua: on_end(future, f), share_pool(futures) and cancel(future, message, timed_out) of
 * taskpool.core. */
int l_core_on_end(lua_State *L);
int l_core_share_pool(lua_State *L);
int l_core_cancel(lua_State *L);

#endif
