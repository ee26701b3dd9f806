/* SPDX-License-Identifier: MIT
 *
 * What people see of a pool's groups and tasks.
 *
 * A caller makes strings and tables between two calls, or lets the loop go on. That may run
 * finalizers and tasks, which may flush the pool or cancel tasks. So each function here reads all
 * that it returns at once, and each step of a walk looks at one group or task. */
#ifndef TP_POOL_VIEW_H
#define TP_POOL_VIEW_H

#include "pool/state.h"

/* How far a group is. */
typedef struct tp_view {
  uint64_t running; /* tasks that hold a place */
  uint64_t waiting; /* tasks that have not started, as far as is known */
  uint64_t ended;   /* tasks that have ended, however they did */
  uint64_t ok;      /* those of them that have ended well */
  tp_ends ends;     /* the others */
  uint64_t limit;   /* tasks at a time, TP_UNLIMITED for no limit */
  double weight;    /* a smaller one comes sooner */
  double seconds;   /* from the start of its first task until now, or until its end; 0: none has
                       started */
  bool is_over;     /* nothing of it is to come */
  bool is_exact;    /* `waiting` counts all of them; an iterator does not say how many */
  char why[64];     /* what holds the group back */
} tp_view;

tp_view tp_view_group(const tp_group *group);

/* What a step of a walk has found. */
typedef enum tp_view_step {
  TP_VIEW_PASSED,    /* a group or task that is not asked for */
  TP_VIEW_FOUND,     /* one that is */
  TP_VIEW_CALLS,     /* the end of the walk over groups: all submitted calls without a name */
  TP_VIEW_END,       /* the end */
  TP_VIEW_NO_MEMORY, /* the walk cannot go on */
} tp_view_step;

/* A walk over the groups that are there when it begins, by age. */
typedef struct tp_view_groups {
  tp_walk walk;    /* where it stands */
  uint64_t until;  /* groups from this number on are new */
  bool also_ended; /* also finds groups that have ended */
  tp_view calls;   /* the submitted calls without a name so far, as one */
  bool has_calls;  /* there are some */
  bool calls_run;  /* what holds them back is that of one that runs; one that waits says more */
} tp_view_groups;

/* Begins a walk, which must stay where it is until it is closed. */
void tp_view_open_groups(tp_view_groups *of, tp_pool *pool, bool also_ended);

/* Takes a step. FOUND: `*found` is the group. */
tp_view_step tp_view_next_group(tp_view_groups *of, const tp_group **found);

void tp_view_close_groups(tp_view_groups *of);

/* Which tasks are asked for. */
typedef struct tp_view_filter {
  const tp_group *group; /* NULL: those of all groups */
  tp_task_state state;   /* TP_TASK_NEW: in any state */
} tp_view_filter;

/* A walk over the tasks that have started when it begins and are not done when it comes to them:
 * the running ones by age, then the others. */
typedef struct tp_view_tasks {
  tp_walk walk;        /* where it stands */
  bool has_group;      /* only tasks of one group */
  uint64_t group;      /* its number, which no other group ever has */
  tp_task_state state; /* only those in this state; TP_TASK_NEW: in any */
  uint64_t until;      /* running ones from this id on are new; others from this ticket on */
  bool finishing;      /* it has come to the others */
  tp_idset found;      /* running ones that were found: they may be among the others later */
} tp_view_tasks;

/* Begins a walk, which must stay where it is until it is closed. */
void tp_view_open_tasks(tp_view_tasks *of, tp_pool *pool, const tp_view_filter *filter);

/* Takes a step. FOUND: `*found` is the task. */
tp_view_step tp_view_next_task(tp_view_tasks *of, tp_task **found);

void tp_view_close_tasks(tp_view_tasks *of);

/* Which tasks that have ended are asked for. */
typedef struct tp_view_ended {
  tp_pool *pool;         /* of this pool */
  bool has_group;        /* only those of one group */
  uint64_t group;        /* its number */
  tp_task_end end;       /* only those that have ended so */
  tp_record_place place; /* the last one that was looked at */
} tp_view_ended;

/* Takes a step to the next record of a task that has ended. FOUND: `*found` is the record. The pool
 * must be there. */
tp_view_step tp_view_next_ended(tp_view_ended *of, const tp_record **found);

/* The newest of the running tasks; NULL: none runs. */
tp_task *tp_view_newest(const tp_pool *pool);

#endif
