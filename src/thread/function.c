/* SPDX-License-Identifier: MIT
 *
 * The functions that a set of threads was asked for; see function.h. */
#include "thread/function.h"
#include "base/vec.h"
#include "thread/set.h"

#include <stdlib.h>
#include <string.h>

static void free_function(tp_function *function) {
  free(function->module);
  free(function);
}

static tp_function *create(const char *name, const tp_module *module) {
  tp_function *function = calloc(1, sizeof *function + strlen(name) + 1);
  if (!function)
    return NULL;
  if (module && !(function->module = malloc(sizeof *module))) {
    free(function);
    return NULL;
  }
  if (module)
    *function->module = *module;
  strcpy(function->name, name);
  function->cost = TP_BATCH;
  return function;
}

static bool is_that(const tp_function *function, const char *name, const tp_module *module) {
  const char *known = function->module ? function->module->path : "";
  return strcmp(function->name, name) == 0 && strcmp(known, module ? module->path : "") == 0;
}

/* Makes room for one more. False: no memory. */
static bool reserve(tp_threads *set) {
  tp_function **functions = tp_vec_reserve(set->functions, &set->function_capacity,
                                           set->function_count + 1, sizeof *functions);
  if (!functions)
    return false;
  set->functions = functions;
  return true;
}

tp_function *tp_function_find(tp_threads *set, const char *name, const tp_module *module) {
  for (size_t i = 0; i < set->function_count; i++)
    if (is_that(set->functions[i], name, module))
      return set->functions[i];
  tp_function *function = reserve(set) ? create(name, module) : NULL;
  if (!function)
    return NULL;
  set->functions[set->function_count++] = function;
  function->index = (unsigned)set->function_count;
  return function;
}

void tp_function_free_all(tp_threads *set) {
  for (size_t i = 0; i < set->function_count; i++)
    free_function(set->functions[i]);
  free(set->functions);
}
