/* SPDX-License-Identifier: MIT
 *
 * What a call has come to; see results.h. */
#include "lib/results.h"
#include "base/fail.h"
#include "lib/convert.h"

#include <stdlib.h>

/* Told where there is no memory for an error. */
static const tp_error no_memory = {.code = TP_NO_MEMORY,
                                   .message = "no memory for what a call has come to"};

static bool read_few(lua_State *L, int first, int count, tp_results *results) {
  if (count > TP_RESULTS_FEW)
    return false;
  for (int i = 0; i < count; i++)
    if (!tp_convert_view(L, first + i, &results->few[i]))
      return false;
  return true;
}

/* Why there are no results. */
static const tp_error *read_error(lua_State *L, bool ok, int first, int count, tp_value **block) {
  tp_error *error = malloc(sizeof *error);
  if (ok)
    *block = tp_convert_read(L, first, count, "result", error);
  else if (error)
    tp_convert_error(L, first, error);
  if (!*block)
    return error ? error : &no_memory;
  free(error);
  return NULL;
}

tp_results tp_results_read(lua_State *L, bool ok, int first, int count) {
  tp_results results = {.block = NULL};
  if (!ok || !read_few(L, first, count, &results))
    results.error = read_error(L, ok, first, count, &results.block);
  results.count = results.error ? 0 : (size_t)count;
  return results;
}

const tp_value *tp_results_values(const tp_results *results) {
  return results->block ? results->block : results->few;
}

void tp_results_clear(tp_results *results) {
  free(results->block);
  if (results->error != &no_memory)
    free((void *)results->error);
}
