/* SPDX-License-Identifier: MIT
 *
 * What a host says of itself in the status of a pool: how long it runs, which versions, how quick
 * and how large it is. To add a figure: set it in figures.c, and add its name to tp_status_fields.
 */
#ifndef TP_BINDING_FIGURES_H
#define TP_BINDING_FIGURES_H

#include "pool/pool.h"
#include <lua.h>

/* Sets the figures in the table on top. */
void tp_figures_set(lua_State *L, const tp_pool *pool);

#endif
