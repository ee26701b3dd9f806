/* SPDX-License-Identifier: MIT
 *
 * Tasks that are tried again when their function has failed. */
#ifndef TP_EXEC_RETRY_H
#define TP_EXEC_RETRY_H

#include "exec/types.h"

/* How a task is tried again. */
typedef struct tp_retry {
  uint32_t n;     /* tries after the first one; 0: none */
  double backoff; /* seconds before the first of them, doubled each time up to an hour */
  double jitter;  /* the part of it, 0 to 1, by which each pause is longer or shorter at random */
} tp_retry;

/* Wraps the error value on top of the stack, so that a task which it ends is not tried again. */
void tp_retry_refuse(lua_State *L);

/* Whether the value on top is such an error. */
bool tp_retry_is_refused(lua_State *L);

/* Replaces a wrapped error value on top of the stack by the value itself, where an error leaves the
 * task. Never raises. */
void tp_retry_unwrap(lua_State *L);

/* ---- for the files of exec/ ---- */

/* Pushes the body of a task that is tried again as `policy` says, which must outlive the task; the
 * function and its arguments go above. Returns how many values it has pushed. */
int tp_retry_push_body(lua_State *L, const tp_retry *policy);

#endif
