/* SPDX-License-Identifier: MIT
 *
 * Values on a command line: each type of parameter (binding/method.h) has one reader, which takes
 * from the line what its type allows and pushes the value.
 *
 * To add a type of parameter: one member of tp_param_type, one reader, one row in `types`. */
#ifndef TP_COMMAND_READER_H
#define TP_COMMAND_READER_H

#include "binding/method.h"
#include "command/cursor.h"
#include "taskpool.h"
#include "value/name.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct tp_reader {
  lua_State *L;             /* where values are pushed */
  const tp_exposure *names; /* what may be named */
  tp_cursor cursor;         /* the line and how far it has been read */
  tp_module *missing;       /* gets the module that must be loaded first, see tp_parse_arguments */
  tp_error *error;          /* gets what is wrong */
} tp_reader;

/* Pushes the value of `param` that begins at the cursor and moves the cursor past it. The type is
 * not TP_PARAM_FLAG. False: it is not there; the stack may have more on it. May raise for lack of
 * memory. */
bool tp_reader_push(tp_reader *reader, const tp_param *param);

/* What a value of the type must be: "a whole number of 0 or more". */
const char *tp_reader_takes(tp_param_type type);

/* Fails: the value of `param` is missing or wrong at `at`; `what` says how ("has no value").
 * Returns false. */
bool tp_reader_fail(const tp_reader *reader, const tp_param *param, const char *what, size_t at);

#endif
