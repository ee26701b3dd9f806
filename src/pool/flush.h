/* SPDX-License-Identifier: MIT
 *
 * A flush: a pool forgets the tasks that have ended, and the groups of which nothing is left. A
 * pool may have millions of them, so it is done in short steps, and tasks may start and end between
 * two of them. */
#ifndef TP_POOL_FLUSH_H
#define TP_POOL_FLUSH_H

#include "pool/state.h"

typedef struct tp_flush {
  tp_walk walk;          /* where it stands: a group, and in that group a task */
  tp_idset living;       /* the ids that are kept, so far */
  tp_record_place place; /* the last record that was kept */
  uint64_t records;      /* records after this one are new; 0: all were looked at */
  uint64_t from;         /* ids of submitted calls below it were looked at */
  uint64_t groups;       /* groups from this number on are new */
  uint64_t group;        /* number of the group that `living` is of */
  uint64_t until;        /* tasks of it from this id on are newer than the last step */
  bool is_inside;        /* it stands inside of that group */
  bool has_failed;       /* there was no memory for one of the ids */
  bool has_calls;        /* the submitted calls were looked at, all of them */
} tp_flush;

/* Begins a flush, which must stay where it is until it is closed. */
void tp_flush_open(tp_flush *of, tp_pool *pool);

/* Takes a step. False: it is over. */
bool tp_flush_step(tp_flush *of);

/* Ends it, wherever it is. */
void tp_flush_close(tp_flush *of);

#endif
