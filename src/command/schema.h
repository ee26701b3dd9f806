/* SPDX-License-Identifier: MIT
 *
 * All commands as a value, for programs: what `help --json` answers. */
#ifndef TP_COMMAND_SCHEMA_H
#define TP_COMMAND_SCHEMA_H

#include "binding/method.h"
#include <lua.h>

/* Pushes a table with the `version` of the library, the `protocol` of framed answers, and the list
 * `commands` of all records in `tables` (pool methods, then commands of a session; ended by NULL).
 * docs/control.md says what is in it. Raises only for lack of memory. */
void tp_schema_push(lua_State *L, const tp_method *const *tables, int protocol);

#endif
