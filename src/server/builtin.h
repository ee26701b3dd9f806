/* SPDX-License-Identifier: MIT
 *
 * The commands of a session itself, such as "use". To add one: a record in builtin.c and its
 * function. */
#ifndef TP_SERVER_BUILTIN_H
#define TP_SERVER_BUILTIN_H

#include "binding/method.h"

/* The records, ended by one whose name is NULL. Their functions find the session at 1 (light
 * userdata) in place of the pool. */
extern const tp_method tp_builtins[];

/* The tables of every command that there may be, ended by NULL: those of pools and these. */
extern const tp_method *const tp_builtin_tables[];

/* The record of that name; NULL: there is none. */
const tp_method *tp_builtin_find(const char *name);

#endif
