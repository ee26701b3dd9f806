/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: how a coroutine is brought to its end.
 *
 * A cancel marks the coroutine; from then on every wait of it raises the cancel error, also in code
 * that has caught it before. It has a grace to end by itself, and a number of raises; after either
 * it is killed: not resumed again, its <close> variables closed within a budget. A shield holds the
 * raising off for a while; a time limit is a cancel that comes by itself. */
#ifndef TP_EXEC_ENDING_H
#define TP_EXEC_ENDING_H

#include "exec/coro.h"

/* What is known of the end of one coroutine; made when it is cancelled, shielded or limited. */
struct tp_ending {
  tp_cancel *reason;     /* why it is cancelled; NULL while it is not */
  uint64_t since;        /* clock when it was, nanoseconds */
  uint64_t shield_until; /* clock until which nothing is raised; 0: no shield */
  uint64_t spared_until; /* when slices raise again, in the time of slices; 0: at once */
  uint32_t timer;        /* its place in the heap of timers + 1; 0: none */
  uint8_t raises;        /* how often the cancel error was raised */
  uint8_t kills;         /* how often it could not be killed for lack of memory */
  bool doomed;           /* killed at its next turn */
  bool killed;           /* it was */
};

/* Whether the coroutine's waits raise now. */
bool tp_ending_is_raising(const tp_coro *coro);

/* Whether a cancel or a time limit ends what the coroutine does, now or later. */
bool tp_ending_is_coming(const tp_coro *coro);

/* Whether the cancel error was raised as often as it may be. */
bool tp_ending_is_exhausted(const tp_coro *coro);

/* Counts a raise of the cancel error, and tells of the first one. */
void tp_ending_count(tp_exec *exec);

/* Raises the cancel error in the running coroutine, or dooms it if that has been of no use; does
 * not return then either. */
int tp_ending_raise(tp_exec *exec, lua_State *L);

/* The coroutine has been resumed and has not ended: its grace is watched from now on. Most end at
 * once when they are cancelled, so a timer for each would be for nothing. */
void tp_ending_watch(tp_coro *coro);

/* The timer of an ending is due: the time limit, the shield or the grace is over. */
void tp_ending_due(tp_coro *coro);

/* Pushes the error by which a cancelled coroutine ends; NULL: one that is lost. */
void tp_ending_push(lua_State *L, const tp_cancel *reason);

/* Writes into the cancel error on top of L how the coroutine came to its end: `killed`, and `took`,
 * the seconds since the cancel. */
void tp_ending_record(const tp_coro *coro, lua_State *L);

/* The body of a cancelled task is over, its coroutine's `cancelled` and `failed` say how: keeps a
 * record of that in the pool, and tells if it was killed, or ignored the cancel. */
void tp_ending_keep_record(tp_coro *coro);

/* Whether the coroutine was cancelled, or limited, without the memory for that: it is given up at
 * its next turn. */
bool tp_ending_is_lost(const tp_coro *coro);

/* Forgets it all: the body is over. */
void tp_ending_clear(tp_coro *coro);

#endif
