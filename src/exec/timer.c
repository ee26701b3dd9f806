/* SPDX-License-Identifier: MIT
 *
 * Sleeping: a binary heap of deadlines over one uv timer, and the clock, which may be virtual.
 *
 * The uv timer is set to the first deadline; it counts in milliseconds and may fire early, then it
 * is set again. Under the virtual clock it is not used: the turn jumps to the first deadline when
 * nothing is runnable. Who went to sleep earlier wakes first, and all that this leads to happens
 * before the next; those who went to sleep at the same instant wake together. So a script does
 * under the virtual clock what it does under the real one, which never stops; and it does so
 * in the same order each time, because neither the end of a turn (turn.c) nor that of a slice
 * (preempt.c) changes what runs next.
 *
 * Pools have alarms in the same heap. One that nothing waits for (is_idle) neither keeps the loop
 * alive nor makes the virtual clock jump: it rings if something else lets the time come. */
#include "exec/timer.h"
#include "base/heap.h"
#include "base/seconds.h"
#include "base/vec.h"
#include "exec/ready.h"
#include "exec/state.h"

#define MILLISECOND UINT64_C(1000000)

/* ---- the clock ---- */

uint64_t tp_timer_now(const tp_exec *exec) {
  return exec->clock.is_virtual ? exec->clock.virtual_now : uv_hrtime();
}

uint64_t tp_timer_steady(const tp_exec *exec) {
  return tp_timer_now(exec) + exec->clock.skew;
}

void tp_timer_look(tp_exec *exec, uint64_t real) {
  tp_clock *clock = &exec->clock;
  clock->recent = (clock->is_virtual ? clock->virtual_now : real) + clock->skew;
}

double tp_timer_seconds(const tp_exec *exec) {
  return tp_seconds_of(tp_timer_now(exec));
}

void tp_timer_begin_outside(tp_exec *exec) {
  exec->clock.outside++;
}

void tp_timer_end_outside(tp_exec *exec) {
  exec->clock.outside--;
  tp_ready_poke(exec);
}

/* ---- the heap ---- */

/* Where a timer notes its place in the heap. Most are sleeps. */
static uint32_t *place_of(tp_timer timer) {
  if (timer.kind == TP_TIMER_SLEEP)
    return &timer.of.coro->timer;
  return timer.kind == TP_TIMER_CANCEL ? &timer.of.coro->cancelling->timer : &timer.of.alarm->place;
}

/* Rises with each wait that begins. */
static uint64_t order_of(tp_timer timer) {
  return timer.kind == TP_TIMER_ALARM ? timer.of.alarm->order : timer.of.coro->park & TP_PARK_MASK;
}

/* Whether `a` fires before `b`: at the same instant, those whose wait began first. */
static bool is_before(tp_timer a, tp_timer b) {
  if (a.deadline != b.deadline)
    return a.deadline < b.deadline;
  return order_of(a) < order_of(b);
}

static void put(tp_timer *heap, size_t index, tp_timer timer) {
  heap[index] = timer;
  *place_of(timer) = (uint32_t)index + 1;
}

TP_HEAP(heap, tp_timer, is_before, put)

/* Each coroutine may sleep, may have a cancel or a time limit that is due, and each pool has its
 * alarms: the places are reserved when these are made, so that to set a timer cannot fail. */
bool tp_timer_reserve(tp_exec *exec, uint32_t count) {
  tp_clock *clock = &exec->clock;
  void *heap =
      tp_vec_reserve(clock->heap, &clock->capacity, clock->reserved + count, sizeof *clock->heap);
  if (!heap)
    return false;
  clock->heap = heap;
  clock->reserved += count;
  return true;
}

void tp_timer_release(tp_exec *exec, uint32_t count) {
  exec->clock.reserved -= count;
}

/* ---- the uv timer ---- */

static void on_timer(uv_timer_t *timer);

/* Sets the uv timer to the first deadline. */
static void arm(tp_exec *exec) {
  if (exec->closing)
    return;
  (tp_timer_is_awaited(exec) ? uv_ref : uv_unref)((uv_handle_t *)&exec->clock.timer);
  if (exec->clock.is_virtual || !exec->clock.count) {
    uv_timer_stop(&exec->clock.timer);
    if (tp_timer_can_jump(exec))
      tp_ready_poke(exec);
    return;
  }
  uint64_t now = uv_hrtime(), deadline = exec->clock.heap[0].deadline;
  uint64_t wait = deadline > now ? (deadline - now + MILLISECOND - 1) / MILLISECOND : 0;
  uv_update_time(exec->loop);
  uv_timer_start(&exec->clock.timer, on_timer, wait, 0);
}

/* ---- what the others call ---- */

/* Adds an entry, for which there is room. */
static void insert(tp_exec *exec, tp_timer timer) {
  heap_rise(exec->clock.heap, exec->clock.count++, timer);
  if (*place_of(timer) == 1 || exec->clock.count - exec->clock.idle_count == 1)
    arm(exec);
}

/* Takes out the entry whose place is noted in `*place`, if it is in the heap. */
static void take_out(tp_exec *exec, uint32_t *place) {
  if (!*place)
    return;
  uint32_t index = *place - 1;
  *place = 0;
  heap_remove(exec->clock.heap, --exec->clock.count, index);
  if (!tp_timer_is_awaited(exec))
    arm(exec);
}

void tp_timer_start(tp_coro *coro, tp_timer_kind kind, uint64_t deadline) {
  if (deadline >= TP_FOREVER) /* it would only keep the loop alive */
    return;
  insert(coro->exec, (tp_timer){.deadline = deadline,
                                .began = tp_timer_now(coro->exec),
                                .kind = kind,
                                .of.coro = coro});
}

void tp_timer_stop(tp_coro *coro, tp_timer_kind kind) {
  take_out(coro->exec, kind == TP_TIMER_SLEEP ? &coro->timer : &coro->cancelling->timer);
}

void tp_timer_set_alarm_at(tp_alarm *alarm, uint64_t deadline, bool is_idle) {
  tp_exec *exec = alarm->exec;
  tp_timer_stop_alarm(alarm);
  if (deadline >= TP_FOREVER)
    return;
  alarm->order = exec->slots.next_park++;
  alarm->is_idle = is_idle;
  exec->clock.idle_count += is_idle;
  insert(exec, (tp_timer){.deadline = deadline,
                          .began = tp_timer_now(exec),
                          .kind = TP_TIMER_ALARM,
                          .of.alarm = alarm});
}

void tp_timer_set_alarm(tp_alarm *alarm, double seconds, bool is_idle) {
  tp_timer_set_alarm_at(alarm, tp_timer_now(alarm->exec) + tp_seconds_to_nanoseconds(seconds),
                        is_idle);
}

void tp_timer_set_alarm_idle(tp_alarm *alarm, bool is_idle) {
  tp_exec *exec = alarm->exec;
  if (!alarm->place || alarm->is_idle == is_idle)
    return;
  alarm->is_idle = is_idle;
  exec->clock.idle_count += is_idle ? 1 : -1;
  arm(exec);
}

void tp_timer_stop_alarm(tp_alarm *alarm) {
  if (!alarm->place || alarm->exec->closing)
    return;
  alarm->exec->clock.idle_count -= alarm->is_idle;
  take_out(alarm->exec, &alarm->place);
}

/* Does what the first timer was set for. */
static void fire_first(tp_exec *exec) {
  tp_timer first = exec->clock.heap[0];
  if (first.kind == TP_TIMER_ALARM) {
    tp_timer_stop_alarm(first.of.alarm);
    first.of.alarm->ring(first.of.alarm->run);
    return;
  }
  tp_timer_stop(first.of.coro, (tp_timer_kind)first.kind);
  exec->clock.due[first.kind](first.of.coro);
}

/* Fires all whose deadline has come. */
static void fire(tp_exec *exec) {
  uint64_t now = uv_hrtime();
  while (exec->clock.count && exec->clock.heap[0].deadline <= now)
    fire_first(exec);
  if (exec->clock.count)
    arm(exec);
}

static void on_timer(uv_timer_t *timer) {
  fire(timer->data);
}

bool tp_timer_is_awaited(const tp_exec *exec) {
  return exec->clock.count > exec->clock.idle_count;
}

bool tp_timer_can_jump(const tp_exec *exec) {
  return exec->clock.is_virtual && tp_timer_is_awaited(exec) && !exec->clock.outside;
}

void tp_timer_jump(tp_exec *exec) {
  tp_timer first = exec->clock.heap[0];
  if (exec->clock.virtual_now < first.deadline)
    exec->clock.virtual_now = first.deadline;
  do
    fire_first(exec);
  while (exec->clock.count && exec->clock.heap[0].deadline <= exec->clock.virtual_now &&
         exec->clock.heap[0].began == first.began);
}

void tp_timer_set_virtual(tp_exec *exec, bool on) {
  if (on == exec->clock.is_virtual)
    return;
  uint64_t before = tp_timer_now(exec);
  exec->clock.is_virtual = on;
  exec->budget.until_look = 1;
  exec->clock.virtual_now = 0;
  uint64_t after = tp_timer_now(exec);
  exec->clock.skew += before - after;
  for (uint32_t i = 0; i < exec->clock.count; i++) {
    exec->clock.heap[i].deadline += after - before;
    exec->clock.heap[i].began += after - before;
  }
  arm(exec);
}
