/* SPDX-License-Identifier: MIT
 *
 * pcall, xpcall and the coroutine library for code that runs in tasks. */
#ifndef TP_EXEC_LUASTD_H
#define TP_EXEC_LUASTD_H

#include "exec/types.h"

/* Opens pcall, xpcall and the coroutine functions that let waits and cancels pass, in place of the
 * standard ones. */
void tp_luastd_open(lua_State *L, tp_exec *exec);

/* Replaces the coroutine on top of the stack by a function that resumes it for its next values, and
 * returns nothing when it has ended. */
void tp_luastd_push_iterator(lua_State *L, tp_exec *exec);

#endif
