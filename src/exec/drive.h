/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: what a coroutine runs from the start of a call to its end: the body, the
 * callbacks, and then perhaps the next task of the same pool. */
#ifndef TP_EXEC_DRIVE_H
#define TP_EXEC_DRIVE_H

#include "exec/types.h"

/* Lua: the function that a thread at rest is resumed with. Stack: as state.h says, up to the base;
 * the function of the call, the arguments. */
int tp_drive_main(lua_State *L);

/* Lua: goes on with a killed coroutine after its body, in a new thread. Stack: the same up to the
 * base. */
int tp_drive_after_kill(lua_State *L);

/* A call that is not a task has ended, with its results above the base of the stack (state.h), or
 * with the error on top of L. */
void tp_drive_end_job(tp_coro *coro, lua_State *L, bool ok);

#endif
