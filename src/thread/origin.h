/* SPDX-License-Identifier: MIT
 *
 * The task that a call in a thread is a part of: noted by the owner, told in the thread. */
#ifndef TP_THREAD_ORIGIN_H
#define TP_THREAD_ORIGIN_H

#include "thread/request.h"

/* What is known of a task. The strings live as long as the call runs. */
typedef struct tp_origin_facts {
  uint64_t id;       /* of the task */
  uint64_t number;   /* its place in its group */
  const char *group; /* the name of that; NULL: it has none */
  const char *pool;  /* the label of its pool */
  uint32_t tries;    /* which try it is */
} tp_origin_facts;

/* Notes which task runs, after the arguments of a new request. False: no memory. */
bool tp_origin_write(tp_request *request);

/* What is known of the task that runs, or that the running call in a thread is a part of. False:
 * there is none. */
bool tp_origin_read(const tp_exec *exec, tp_origin_facts *facts);

/* Pushes a list of the arguments of the running call in a thread, its length at "n". Raises for
 * lack of memory. */
void tp_origin_push_arguments(lua_State *L, const tp_exec *exec);

#endif
