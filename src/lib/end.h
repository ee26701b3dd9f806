/* SPDX-License-Identifier: MIT
 *
 * The end of a host that C code destroys while it runs. */
#ifndef TP_LIB_END_H
#define TP_LIB_END_H

#include "taskpool.h"

/* What has run the host returns, with `ok`. If the host was to be destroyed meanwhile, it is now,
 * and the run was cancelled. */
bool tp_end_run(tp_host *host, bool ok, tp_error *error);

#endif
