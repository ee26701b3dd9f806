/* SPDX-License-Identifier: MIT
 *
 * The main task of a host. */
#ifndef TP_BINDING_RUN_H
#define TP_BINDING_RUN_H

#include "host/host.h"

/* Calls the function below the `nargs` values on top of L as the main task, and runs the host until
 * it has returned; with `until_idle`, until nothing is left. An error ends everything else. Leaves
 * two values on L and nothing else: the list of its results (with n), or a list of its error alone;
 * nil, or message and traceback of the error. True if it returned. `deadlock` is TP_OK unless
 * tp_host_run_until failed. May raise for lack of memory. */
bool tp_run_main(tp_host *host, lua_State *L, int nargs, bool until_idle, tp_error *deadlock);

/* Lua: run(main, …) of taskpool.core. */
int l_core_run(lua_State *L);

#endif
