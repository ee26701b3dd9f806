/* SPDX-License-Identifier: MIT
 *
 * What could stand at the end of a line of the control port: the answer to `complete LINE`.
 *
 * The last word of the line decides: it is a command, an option of the line's command, or the value
 * of one of its parameters. Groups, tasks, pools and functions are those that there are.
 *
 * To complete another kind of value: a case in add_values, or the `of` or the `choices` of its
 * parameter (binding/method.h). */
#ifndef TP_COMMAND_COMPLETE_H
#define TP_COMMAND_COMPLETE_H

#include "binding/method.h"
#include "value/exposure.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Where candidates come from. */
typedef struct tp_complete {
  const tp_method *const *tables; /* the commands; ended by NULL */
  tp_role role;                   /* what the session may use */
  tp_pool *pool;                  /* that of the session; NULL: there is none */
  const tp_exposure *names;       /* what it may name */
  const void *pools;              /* for the next two */
  tp_pool *(*pool_at)(const void *pools, size_t index);       /* NULL after the last */
  tp_pool *(*find_pool)(const void *pools, const char *word); /* NULL: none is called so */
} tp_complete;

/* Pushes the candidates for the last word of the line, perhaps an empty one, as rows of the fields
 * tp_candidates_fields. Any bytes are allowed. Raises only for lack of memory. */
void tp_complete_push(lua_State *L, const tp_complete *from, const char *line, size_t length);

#endif
