/* SPDX-License-Identifier: MIT
 *
 * What a table looks like: a list, a set, or another table. What prints values walks it
 * accordingly.
 */
#ifndef TP_VALUE_SHAPE_H
#define TP_VALUE_SHAPE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum tp_shape_kind {
  TP_SHAPE_TABLE, /* keys and values */
  TP_SHAPE_LIST,  /* items from 1 on, perhaps with nil among them */
  TP_SHAPE_SET,   /* its keys are its members */
} tp_shape_kind;

typedef struct tp_shape {
  tp_shape_kind kind;
  size_t keys;        /* how many keys it has */
  lua_Integer length; /* of a list */
  lua_Integer nils;   /* among the items of a list */
} tp_shape;

/* The shape of the table at `table`; the metatable of sets, or nil where no set was ever made, is
 * at `sets`. Allocates nothing, and raises nothing. */
tp_shape tp_shape_of(lua_State *L, int table, int sets);

/* Whether a table is among the `depth` ones that are being walked: it would be met inside itself.
 */
bool tp_shape_is_open(const void *const *open, int depth, const void *table);

#endif
