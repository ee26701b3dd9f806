/* SPDX-License-Identifier: MIT
 *
 * A pool: a limit, groups, and the count of what became of each task. Pure bookkeeping: it knows
 * neither Lua nor libuv.
 *
 * How it works. A method adds a group and calls the executor's `wake`; later the executor's turn
 * calls tp_flow_feed, which starts tasks, one of each waiting group in turn, while there is room.
 * The executor tells the pool what became of a task with tp_flow_enter. Nothing here waits: a
 * caller that must wait parks until `event` says that the pool has moved on, and looks again.
 *
 * The files: task.c and group.c the records; idset.c and cancel.c what they hold; record.c what
 * became of cancelled tasks; queue.c who is next, rate.c how soon; flow.c how tasks move through
 * the pool; pool.c the methods on top; scale.c its size; state.h the record of a pool. */
#ifndef TP_POOL_POOL_H
#define TP_POOL_POOL_H

#include "pool/state.h"

/* The name of an order. */
const char *tp_pool_order_name(tp_order order);

/* Whether a pool is called that, with its class or without: "TaskPool-jobs", "jobs". */
bool tp_pool_is_called(const tp_pool *pool, const char *name);

/* ---- lifetime ---- */

/* A new pool. `label` is copied. NULL: no memory. */
tp_pool *tp_pool_make(const tp_pool_ops *ops, void *owner, int kind, const char *label,
                      uint64_t size);

/* Frees a pool of which nothing runs. Reports no event. */
void tp_pool_destroy(tp_pool *pool);

/* ---- methods: what Lua and the control port call ---- */

/* Whether a new group is taken: false with PoolIsClosed, PoolIsLocked, NotAvailable (the pool is
 * paused or its queue is full, and the group does not wait), TaskGroupAlreadyExists,
 * InvalidArgument (an empty name). */
bool tp_pool_check_group(const tp_pool *pool, const tp_group_options *options, tp_error *error);

/* Adds a group. `call` passes to it on success. NULL: what tp_pool_check_group says, NoMemory. */
tp_group *tp_pool_add_group(tp_pool *pool, const tp_group_options *options, void *call,
                            tp_error *error);

/* Has a submitted call that has not ended be known by its name, not by a future. It gets the name
 * "<prefix>-<i>" if it has none. False: no memory. */
bool tp_pool_keep_group(tp_pool *pool, tp_group *group, const char *prefix);

/* The group of that name; NULL: TaskGroupNotFound. */
tp_group *tp_pool_find_group(const tp_pool *pool, const char *name, tp_error *error);

/* The group of that number; NULL: it is freed. */
tp_group *tp_pool_find_number(const tp_pool *pool, uint64_t number);

/* The running task of that id. NULL: TaskNotFound, AlreadyCancelled, AlreadyEnded. */
tp_task *tp_pool_find_running(const tp_pool *pool, uint64_t id, tp_error *error);

/* Whether the task of that id, which was started, has ended; its callbacks may still run. */
bool tp_pool_has_ended(const tp_pool *pool, uint64_t id);

/* Whether there was such a task since the last flush; `*group` is its group, NULL if that is gone
 * (a submitted call that has ended). False: TaskNotFound. */
bool tp_pool_remembers(const tp_pool *pool, uint64_t id, tp_group **group, tp_error *error);

/* Refuses new work, or takes it again; a closed pool stays locked. */
void tp_pool_set_locked(tp_pool *pool, bool locked);

/* Stops taking new work, or goes on. */
void tp_pool_set_paused(tp_pool *pool, bool paused);

/* Sets the rate of the starts of all tasks. */
void tp_pool_set_rate(tp_pool *pool, const tp_rate *rate);

/* Sets the limit of tasks at a time; tasks that wait for room start at the next turn, none is
 * cancelled. */
void tp_pool_resize(tp_pool *pool, uint64_t size);

/* Tasks accepted but not started, as far as their feeds know. */
uint64_t tp_pool_waiting(const tp_pool *pool);

/* Tasks that have ended well, ever. */
uint64_t tp_pool_ok(const tp_pool *pool);

/* Somebody has looked at the failures of a group, or at that of a task, given its record and its
 * group (NULL: that is gone). */
void tp_pool_see_group(tp_group *group);
void tp_pool_see_task(tp_group *group, tp_record *record);

/* ---- flush and close, in steps for callers that wait between them ---- */

/* Whether all tasks that were finishing when `next_ticket` was `ticket` are done. */
bool tp_pool_is_flushable(const tp_pool *pool, uint64_t ticket);

/* Closes an idle pool: everything is forgotten. */
void tp_pool_close(tp_pool *pool);

#endif
