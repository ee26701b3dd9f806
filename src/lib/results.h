/* SPDX-License-Identifier: MIT
 *
 * What a call has come to, for a callback in C. */
#ifndef TP_LIB_RESULTS_H
#define TP_LIB_RESULTS_H

#include "taskpool.h"
#include <lua.h>

/* How many results need no memory of their own if they are no tables. */
enum { TP_RESULTS_FEW = 8 };

typedef struct tp_results {
  size_t count;                 /* of results */
  tp_value few[TP_RESULTS_FEW]; /* the results, where they are few and no tables */
  tp_value *block;              /* else they are here, from malloc; NULL: they are not */
  const tp_error *error;        /* the error; NULL: there is none */
} tp_results;

/* Reads the `count` results from `first` on (ok), or the one error value (not ok). Strings of
 * results may be Lua's. */
tp_results tp_results_read(lua_State *L, bool ok, int first, int count);

/* The results. */
const tp_value *tp_results_values(const tp_results *results);

/* Frees what it holds. */
void tp_results_clear(tp_results *results);

#endif
