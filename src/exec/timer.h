/* SPDX-License-Identifier: MIT
 *
 * Timers of coroutines and of pools, and the clock, which may be virtual. */
#ifndef TP_EXEC_TIMER_H
#define TP_EXEC_TIMER_H

#include "base/seconds.h"
#include "exec/types.h"

/* What a timer is set for. */
typedef enum tp_timer_kind {
  TP_TIMER_SLEEP,  /* the end of a sleep */
  TP_TIMER_CANCEL, /* the end of a time limit, a shield or a grace */
  TP_TIMER_ALARM,  /* an alarm of a pool */
} tp_timer_kind;

/* A timer of a pool, beside those of its tasks. */
typedef struct tp_alarm {
  void (*ring)(tp_run *run); /* what happens then, from the loop: must not raise or wait */
  tp_exec *exec;             /* whose clock it goes by */
  tp_run *run;               /* for `ring` */
  uint64_t order; /* number among the parks: of those due at one instant the first set is first */
  uint32_t place; /* in the heap of timers + 1; 0: not set */
  bool is_idle;   /* nothing waits for it: neither the host nor its clock goes on for it alone */
} tp_alarm;

/* A time and whom it is for. */
typedef struct tp_timer {
  uint64_t deadline;   /* clock, nanoseconds */
  uint64_t began : 62; /* the same, when it was set */
  uint64_t kind : 2;   /* a tp_timer_kind */
  union {
    tp_coro *coro;   /* whose it is */
    tp_alarm *alarm; /* the same of a TP_TIMER_ALARM */
  } of;
} tp_timer;

/* ---- the clock ---- */

/* The clock in seconds, monotone. */
double tp_timer_seconds(const tp_exec *exec);

/* The same in nanoseconds. */
uint64_t tp_timer_now(const tp_exec *exec);

/* The same without the jump from one clock to another: it goes on where the other one was. */
uint64_t tp_timer_steady(const tp_exec *exec);

/* Switches to a virtual clock that starts at 0 and jumps to the next timer when nothing is
 * runnable, or back to the real one. Timers that are set keep their distance. */
void tp_timer_set_virtual(tp_exec *exec, bool on);

/* Parks of the running coroutine that only the world outside can end are counted between these two,
 * so that a virtual clock does not run ahead of them. */
void tp_timer_begin_outside(tp_exec *exec);
void tp_timer_end_outside(tp_exec *exec);

/* ---- alarms of pools ---- */

/* Has the alarm ring in so many seconds, instead of when it was set for before. */
void tp_timer_set_alarm(tp_alarm *alarm, double seconds, bool is_idle);

/* The same at a time of tp_timer_now. */
void tp_timer_set_alarm_at(tp_alarm *alarm, uint64_t deadline, bool is_idle);

/* Changes whether something waits for one that is set. */
void tp_timer_set_alarm_idle(tp_alarm *alarm, bool is_idle);

/* Stops it, whether it is set or not. */
void tp_timer_stop_alarm(tp_alarm *alarm);

/* ---- for the files of exec/ ---- */

/* Makes sure that `count` more timers have a place, or gives these places back. False: no memory.
 */
bool tp_timer_reserve(tp_exec *exec, uint32_t count);
void tp_timer_release(tp_exec *exec, uint32_t count);

/* Sets a timer of that kind, one at a time, for which a place is reserved. A deadline from
 * TP_FOREVER on is never reached and sets none. The clock's function of
 * that kind is called when it is due. */
void tp_timer_start(tp_coro *coro, tp_timer_kind kind, uint64_t deadline);
void tp_timer_stop(tp_coro *coro, tp_timer_kind kind);

/* Sets `recent` of the clock, given the time of uv_hrtime. */
void tp_timer_look(tp_exec *exec, uint64_t real);

/* Whether a timer is set that something waits for. */
bool tp_timer_is_awaited(const tp_exec *exec);

/* Whether the virtual clock is on, and nothing but a timer can happen next. */
bool tp_timer_can_jump(const tp_exec *exec);

/* Jumps to the first deadline of the virtual clock, and wakes those who went to sleep first. */
void tp_timer_jump(tp_exec *exec);

#endif
