/* SPDX-License-Identifier: MIT
 *
 * A call into a thread, as the owner sees it. */
#ifndef TP_THREAD_REMOTE_H
#define TP_THREAD_REMOTE_H

#include "thread/set.h"

/* Tells the owner's executor how a traceback shows what calls into threads wait for. */
void tp_remote_open(tp_threads *set);

/* Pushes a C function that calls `function` in a thread; `index` is the set's userdata. */
void tp_remote_push(lua_State *L, int index, tp_function *function);

#endif
