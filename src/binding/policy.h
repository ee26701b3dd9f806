/* SPDX-License-Identifier: MIT
 *
 * Options that are a policy of several numbers, such as retries = {n = 3, backoff = 0.5}: what was
 * given for a TP_PARAM_POLICY becomes the record of the part that follows it.
 *
 * To add a policy: its list of fields and a function in policy.c. */
#ifndef TP_BINDING_POLICY_H
#define TP_BINDING_POLICY_H

#include "exec/retry.h"
#include <lua.h>

/* Reads the option `retries` of `what` at `index`; nil: `fallback`. Raises InvalidArgument that
 * names the field. */
tp_retry tp_policy_retries(lua_State *L, int index, const char *what, const tp_retry *fallback);

/* Reads the option `rate` of `what` at `index`; nil: no limit. Raises the same. */
tp_rate tp_policy_rate(lua_State *L, int index, const char *what);

#endif
