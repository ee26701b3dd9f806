/* SPDX-License-Identifier: MIT
 *
 * The functions that a set of threads was asked for, by name and module. */
#ifndef TP_THREAD_FUNCTION_H
#define TP_THREAD_FUNCTION_H

#include "thread/request.h"
#include "value/module.h"

/* A function that threads call. Lives as long as the set. */
struct tp_function {
  unsigned index;    /* its number, from 1 on: threads remember it by that */
  uint64_t cost;     /* owner: nanoseconds of work in one call, moving average */
  bool is_known;     /* owner: a call was completed; until then each call is a batch of its own */
  tp_module *module; /* where the name is found if `require` might find another file; else NULL */
  char name[];       /* package.module.function */
};

/* The record of the function called `name` in that module (NULL: as `require` finds it), made when
 * it is asked for the first time. NULL: no memory. */
tp_function *tp_function_find(tp_threads *set, const char *name, const tp_module *module);

/* Frees the records of all functions of a set. */
void tp_function_free_all(tp_threads *set);

#endif
