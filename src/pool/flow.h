/* SPDX-License-Identifier: MIT
 *
 * How tasks move through a pool: what starts them, cancels them, and says how far they are. */
#ifndef TP_POOL_FLOW_H
#define TP_POOL_FLOW_H

#include "pool/state.h"

/* ---- what the binding calls ---- */

/* Changes the weight of a group, which counts from now on. */
void tp_flow_weigh_group(tp_pool *pool, tp_group *group, double weight);

/* Changes how many tasks of a group may run at a time. Those that run go on. */
void tp_flow_limit_group(tp_pool *pool, tp_group *group, uint64_t limit);

/* Cancels a running task; its state changes at once, the task ends later. */
void tp_flow_cancel_task(tp_pool *pool, tp_task *task, tp_cancel *reason);

/* Cancels the `count` newest of the running tasks; there must be that many. */
void tp_flow_cancel_newest(tp_pool *pool, uint64_t count, tp_cancel *reason);

/* Stops the feed of a group, frees its name, and cancels its running tasks: the oldest 500 at
 * once, the others from tp_flow_feed. */
void tp_flow_cancel_group(tp_pool *pool, tp_group *group, tp_cancel *reason);

/* The same for every group. */
void tp_flow_cancel_all(tp_pool *pool, tp_cancel *reason);

/* Whether nothing starts now because of the pool's rate: places are free and groups wait, but there
 * is no token. */
bool tp_flow_is_throttled(const tp_pool *pool);

/* ---- what the executor calls ---- */

/* Starts up to `most` tasks, one of each waiting group in turn, and cancels up to as many of groups
 * that are being cancelled. Returns whether it could go on at once. */
bool tp_flow_feed(tp_pool *pool, unsigned most);

/* Cancels up to `most` tasks of the groups that are being cancelled, and starts nothing. Returns
 * the same. */
bool tp_flow_cancel_more(tp_pool *pool, unsigned most);

/* An error has jumped out of tp_flow_feed while it asked that group for a task. The group gives up
 * what it has not started. */
void tp_flow_feed_failed(tp_pool *pool, tp_group *group);

/* The feed of a group that said WAITING has a value or has come to its end; one that was STOPPING
 * has stopped. */
void tp_flow_feed_ready(tp_pool *pool, tp_group *group);

/* The time that `wake_at` was given has come. */
void tp_flow_go_on(tp_pool *pool);

/* A task's call has come to this state. States only rise; TP_TASK_ENDED may be left out where there
 * are no callbacks. After TP_TASK_DONE the record is the executor's. */
void tp_flow_enter(tp_pool *pool, tp_task *task, tp_task_state state);

/* A running task's function is called once more. */
void tp_flow_count_retry(tp_pool *pool);

/* Calls `visit` for each group. A visit may end any group, because the end of one may make callers
 * cancel others. If a visit calls this function, the outer walk ends with the inner one. */
void tp_flow_visit(tp_pool *pool, void (*visit)(tp_group *group, void *context), void *context);

/* ---- what pool.c and scale.c call ---- */

/* Puts a group into the queue if it could start a task were there room, and wakes the executor if
 * there is. */
void tp_flow_offer(tp_pool *pool, tp_group *group);

/* A new group has tasks to come. */
void tp_flow_begin_feeding(tp_pool *pool, tp_group *group);

/* Has the executor call tp_flow_feed if it could start a task. */
void tp_flow_wake(tp_pool *pool);

/* Whether one more submitted call may wait. */
bool tp_flow_has_place(const tp_pool *pool);

/* A new submitted call asks for a place, after those that already wait for one. */
void tp_flow_enter_queue(tp_pool *pool, tp_group *group);

/* Lets blocked calls into the queue, as far as there are places. */
void tp_flow_admit(tp_pool *pool);

/* Frees a group. */
void tp_flow_drop_group(tp_pool *pool, tp_group *group);

#endif
