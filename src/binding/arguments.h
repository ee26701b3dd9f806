/* SPDX-License-Identifier: MIT
 *
 * Arguments of a method call in Lua: checked by the method's record and laid out in its slots. */
#ifndef TP_BINDING_ARGUMENTS_H
#define TP_BINDING_ARGUMENTS_H

#include "binding/method.h"
#include <lua.h>

/* Turns the stack `pool, arguments…, {options}` into `pool, one slot a parameter…` as tp_method
 * says. Raises InvalidArgument that names the method and the parameter, NotFound for a name. */
void tp_arguments_lay_out(lua_State *L, const tp_method *method);

/* How many options a table may have. */
#define TP_OPTIONS_MAX 20

/* Pushes the options of `what` from the table at `table` (or nil), checked, a slot each in the
 * order of `options`, which ends with one without a name. */
void tp_arguments_lay_out_options(lua_State *L, int table, const char *what,
                                  const tp_param *options);

/* Replaces the table of options at `index` by a copy whose `pool`, if that is a pool, is its name.
 */
void tp_arguments_name_pool(lua_State *L, int index);

/* Checks the value at `index` against a parameter of `what`, and replaces a function's name by the
 * function. */
void tp_arguments_check(lua_State *L, int index, const char *what, const tp_param *param);

/* The size that a checked number at `index` means: nil and infinity are no limit. */
uint64_t tp_arguments_to_size(lua_State *L, int index);

/* How many rows of a list the same at `index`, or nil, allows. */
uint64_t tp_arguments_to_limit(lua_State *L, int index);

#endif
