/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the end of a task's function. Says how it has ended, tells those who wait
 * for it, and keeps the record of a task that did not end well. */
#ifndef TP_EXEC_ENDING_H
#define TP_EXEC_ENDING_H

#include "exec/types.h"

/* The body of a task is over that did not end well, or was cancelled, or whose end somebody asks
 * for. Its results are on its stack, or its error is on top of that. */
void tp_ending_run(tp_coro *coro, lua_State *L, bool ok);

/* Reports the error on top of L, which `part` of a task has raised, such as "the end callback of ";
 * "": its function. */
void tp_ending_report(tp_coro *coro, lua_State *L, const char *part);

#endif
