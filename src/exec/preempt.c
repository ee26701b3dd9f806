/* SPDX-License-Identifier: MIT
 *
 * Preemption; see preempt.h. */
#define _GNU_SOURCE /* RUSAGE_THREAD */
#include "exec/preempt.h"
#include "exec/cancel.h"
#include "exec/park.h"
#include "exec/ready.h"
#include "exec/report.h"
#include "exec/sampler.h"
#include "exec/state.h"
#include "exec/watchdog.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND UINT64_C(1000000)

/* From one signal to the next; a slice is over at the second one that finds it. */
#define TICK (5 * MILLISECOND)

/* The ticks of one resume grow further apart, up to this. */
#define TICK_MAX (500 * MILLISECOND)

/* A slice under the virtual clock, in time of the processor: so that the order in which tasks run
 * does not depend on how fast or how busy the machine is. */
#define VIRTUAL_SLICE (1000 * MILLISECOND)

/* How long code that cannot yield may go on. */
#define BURST (1000 * MILLISECOND)

/* After so many errors for that, every instruction raises. */
#define BURSTS_MAX 8

/* Instructions after which the hook tries again where it could not yield, and in functions of our
 * own. Primes, so that a loop does not keep step. */
#define RETRY 997
#define RETRY_OWN 97

/* Frames that are looked through for C functions. */
#define ABANDON_LEVELS 200

/* How long the <close> variables of a killed coroutine may take. */
#define CLOSING (100 * MILLISECOND)

/* How long the cleanup of a cancelled coroutine may go on without a wait, before the cancel is
 * raised in the middle of it. */
#define CLEANUP (50 * MILLISECOND)

/* When the watchdog speaks up, … */
#define STUCK (1000 * MILLISECOND)

/* … if the thread has used the processor for so long meanwhile, or has waited. */
#define STUCK_USED (20 * MILLISECOND)

/* A hook of the user's that ours stands in for. */
typedef struct tp_user_hook {
  lua_State *thread; /* where; NULL: nowhere */
  lua_Hook hook;     /* as lua_gethook tells them */
  int mask;
  int count;
} tp_user_hook;

struct tp_preempt {
  tp_signal_target target;       /* what the timer's signal carries; the first member */
  tp_exec *exec;                 /* whose slices */
  tp_user_hook user;             /* to be put back when ours has done its work */
  pid_t thread;                  /* whom the timer signals: who runs the host; 0: nobody yet */
  bool has_timer;                /* `timer` was made */
  timer_t timer;                 /* one shot, set again by each signal */
  volatile sig_atomic_t armed;   /* it is set */
  volatile sig_atomic_t turning; /* a turn is running, or other Lua code that is watched */
  uint64_t seen;                 /* the resume that the last signal found */
  uint64_t since;                /* when a signal found it first, nanoseconds */
  uint64_t used;                 /* the time of the processor that the thread had used then */
  uint64_t tick;                 /* until the next signal */
  uint64_t burst_at;             /* when what cannot be interrupted in it is ended, by `spent` */
  int bursts;                    /* how often that was done */
  uint64_t closing_until; /* a killed coroutine is being closed, until then by `spent`; 0: none is
                           */
  lua_State *abandoned;   /* the inner coroutine that the hook has just left for good */
  lua_State *raised_in;   /* the thread in which the hook has raised an error last */
  volatile sig_atomic_t hooked; /* the hook has fired since the last signal: Lua code runs */
  uint64_t still;               /* since when it has not, although it was set, nanoseconds */
  uint64_t still_used;          /* the time of the processor that the thread had used then */
  long still_waits;             /* how often it had waited then */
  bool reported;                /* the watchdog was told of this resume */
  int forced;                   /* see tp_preempt_force */
  tp_watchdog watchdog;         /* is rung when something is stuck */
};

static uint64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000 * MILLISECOND + (uint64_t)time.tv_nsec;
}

static uint64_t now(void) {
  return read_clock(CLOCK_MONOTONIC);
}

/* The time of the processor that the thread has used. */
static uint64_t used(void) {
  return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/* How often the thread has waited for something in the system. */
static long waits(void) {
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

/* The clock of what may take so long: that of the processor, so that a busy machine ends nothing
 * too early; and a twentieth of the time that passes, so that what blocks is ended too. */
static uint64_t spent(void) {
  return used() + now() / 20;
}

static void set_timer(tp_preempt *slice, uint64_t nanoseconds) {
  const struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(nanoseconds / (1000 * MILLISECOND)),
                   .tv_nsec = (long)(nanoseconds % (1000 * MILLISECOND))}};
  slice->armed = nanoseconds != 0;
  timer_settime(slice->timer, 0, &when, NULL);
}

/* ---- the hook ---- */

static void on_hook(lua_State *L, lua_Debug *info);

/* Sets our hook. Called by the signal handler too. */
static void set_hook(tp_preempt *slice, lua_State *L, int mask, int count) {
  lua_Hook hook = lua_gethook(L);
  if (hook && hook != on_hook)
    slice->user = (tp_user_hook){L, hook, lua_gethookmask(L), lua_gethookcount(L)};
  lua_sethook(L, on_hook, mask, count);
}

/* Takes our hook away. */
static void unset_hook(tp_preempt *slice, lua_State *L) {
  if (slice->user.thread != L) {
    lua_sethook(L, NULL, 0, 0);
    return;
  }
  lua_sethook(L, slice->user.hook, slice->user.mask, slice->user.count);
  slice->user.thread = NULL;
}

/* Has the hook look again, where the function cannot be left now: after so many instructions, or
 * when a C function has returned to where it can. */
static void look_again(tp_preempt *slice, lua_State *L, int instructions) {
  if (!slice->forced)
    set_hook(slice, L, LUA_MASKCOUNT | LUA_MASKRET, instructions);
}

/* The next signal comes soon: what catches an error of ours is found again. */
static void look_soon(tp_preempt *slice) {
  slice->tick = TICK;
  set_timer(slice, TICK);
}

/* Whether the function that runs is of our own Lua files, which others must not see half way. */
static bool is_own(const tp_exec *exec, lua_State *L, lua_Debug *info) {
  return exec->preemption.library[0] && lua_getinfo(L, "S", info) && tp_report_is_own(exec, info);
}

/* Whether the resume that runs now has run too long for code that cannot be interrupted. A hook may
 * fire late, in another resume than the one that it was set for. */
static bool is_bursting(const tp_preempt *slice) {
  return !slice->forced && slice->seen == slice->exec->preemption.resumes &&
         spent() > slice->burst_at;
}

/* What ran too long cannot be interrupted: ends it with an error. Its cleanup has some time then;
 * code that catches one error after the other has none. */
static void raise_burst(tp_preempt *slice, lua_State *L) {
  bool has_time = ++slice->bursts < BURSTS_MAX;
  if (has_time)
    slice->burst_at = spent() + CLOSING;
  look_soon(slice);
  look_again(slice, L, has_time ? RETRY : 1);
  slice->raised_in = L;
  tp_raise(L, TP_TIMED_OUT,
           slice->exec->context.coro
               ? "ran for a second inside a C function that cannot be left (a "
                 "sort or gsub callback, a metamethod)"
               : "ran for a second outside of a task, where nothing can go on "
                 "meanwhile; start a task for it");
}

/* Whether the thread of an inner coroutine can be left for good by a yield, its resume raising the
 * cancel instead. That keeps its hooks alive for closing it, where an error that a hook raises does
 * not. A C function in the thread may be one that wants to see the error. */
static bool can_abandon(const tp_exec *exec, lua_State *L) {
  lua_Debug info;
  if (L == exec->context.coro->L || L != exec->context.thread || !lua_isyieldable(L))
    return false;
  for (int level = 0; lua_getstack(L, level, &info); level++) {
    lua_getinfo(L, "S", &info);
    if (*info.what == 'C' || level == ABANDON_LEVELS)
      return false;
  }
  return true;
}

/* Ends the slice of a cancelled coroutine: raises the cancel. */
static void raise_cancel(tp_exec *exec, lua_State *L) {
  tp_preempt *slice = exec->preemption.slice;
  bool is_exhausted = tp_exec_cancel_is_exhausted(exec->context.coro);
  look_soon(slice);
  if (is_exhausted && tp_park_is_possible(exec, L)) {
    tp_exec_cancel_raise(exec, L);
    return;
  }
  tp_exec_cancel_count_raise(exec);
  exec->context.coro->cancelling->cleanup_until = is_exhausted ? 0 : spent() + CLEANUP;
  if (!is_exhausted && can_abandon(exec, L)) {
    slice->abandoned = L;
    lua_yield(L, 0);
    return;
  }
  if (is_exhausted)
    look_again(slice, L, 1);
  slice->raised_in = L;
  tp_exec_cancel_push(L, exec->context.coro->cancelling->reason);
  lua_error(L);
}

/* Whether the running coroutine is to be ended: it is cancelled, and has had time for its cleanup
 * since that was raised last. */
static bool is_due(const tp_coro *coro) {
  return coro && tp_exec_cancel_is_raising(coro) && spent() >= coro->cancelling->cleanup_until;
}

/* The slice of the running coroutine is over. */
static void end_slice(tp_exec *exec, lua_State *L, lua_Debug *info) {
  tp_preempt *slice = exec->preemption.slice;
  if (is_own(exec, L, info)) {
    look_again(slice, L, RETRY_OWN);
  } else if (is_due(exec->context.coro)) {
    raise_cancel(exec, L);
  } else if (exec->context.coro && tp_park_is_possible(exec, L)) {
    exec->context.coro->urgent = false; /* what needs more than a slice is not */
    tp_ready_add(exec->context.coro, 0);
    lua_yield(L, 0);
  } else if (is_bursting(slice)) {
    raise_burst(slice, L);
  } else {
    look_again(slice, L, RETRY);
  }
}

/* A killed coroutine is being closed: when it has had its time, every instruction raises. */
static void end_closing(tp_exec *exec, lua_State *L) {
  if (spent() < exec->preemption.slice->closing_until)
    return;
  lua_sethook(L, on_hook, LUA_MASKCOUNT, 1);
  exec->preemption.slice->raised_in = L;
  tp_exec_cancel_push(L, exec->context.coro->cancelling->reason);
  lua_error(L);
}

static void on_hook(lua_State *L, lua_Debug *info) {
  tp_exec *exec = tp_state_exec_of(L);
  tp_preempt *slice = exec->preemption.slice;
  tp_sampler_take(exec, L);
  if (slice)
    slice->hooked = 1;
  if (!slice) {
    lua_sethook(L, NULL, 0, 0);
  } else if (!exec->context.thread) {
    unset_hook(slice, L);
  } else if (info->event != LUA_HOOKCOUNT) {
    if (tp_park_is_possible(exec, L))
      lua_sethook(L, on_hook, LUA_MASKCOUNT, 1);
  } else if (slice->closing_until) {
    end_closing(exec, L);
  } else {
    if (!slice->forced)
      unset_hook(slice, L);
    end_slice(exec, L, info);
  }
}

/* ---- inner coroutines ---- */

bool tp_preempt_has_abandoned(tp_exec *exec, lua_State *L) {
  tp_preempt *slice = exec->preemption.slice;
  if (!slice || slice->abandoned != L)
    return false;
  slice->abandoned = NULL;
  return true;
}

bool tp_preempt_has_raised(tp_exec *exec, lua_State *L) {
  tp_preempt *slice = exec->preemption.slice;
  if (!slice || slice->raised_in != L)
    return false;
  slice->raised_in = NULL;
  return true;
}

void tp_preempt_hand_on(const tp_exec *exec, lua_State *from, lua_State *to) {
  if (lua_gethook(from) != on_hook || !exec->preemption.slice || exec->preemption.slice->forced)
    return;
  unset_hook(exec->preemption.slice, from);
  if (to)
    set_hook(exec->preemption.slice, to, LUA_MASKCOUNT, 1);
}

/* ---- the signal ---- */

/* Whether the resume that has been found again has had its slice. */
static bool has_had_slice(const tp_preempt *slice) {
  return !slice->exec->clock.is_virtual || slice->closing_until ||
         used() - slice->used > VIRTUAL_SLICE;
}

/* Whether the hook has not fired for long, as C code runs, or waits. A busy machine may not have
 * let the thread run: then it has not used the processor, and has not waited for anything. */
static bool is_stuck(tp_preempt *slice, uint64_t time) {
  if (slice->hooked) {
    slice->hooked = 0;
    slice->still = time;
    slice->still_used = used();
    slice->still_waits = waits();
  }
  return time - slice->still > STUCK &&
         (used() - slice->still_used > STUCK_USED || waits() > slice->still_waits);
}

/* The same resume has been found again: sets the hook, waits longer for the next look, and rings
 * the bell. */
static void overrun(tp_preempt *slice, uint64_t time) {
  tp_exec *exec = slice->exec;
  if (!has_had_slice(slice))
    slice->hooked = 1; /* nothing has been set that could fire */
  else if (exec->context.thread)
    set_hook(slice, exec->context.thread, LUA_MASKCOUNT, 1);
  bool goes_on = time - slice->since > 4 * TICK; /* the hook could not end it */
  if (goes_on && !slice->closing_until && slice->tick < TICK_MAX)
    slice->tick *= 2;
  if (is_stuck(slice, time) && !slice->reported) {
    slice->reported = true;
    tp_watchdog_ring(&slice->watchdog, exec->context.coro, exec->context.thread);
  }
}

/* What the signal's handler calls. */
static void tick(tp_signal_target *target) {
  tp_preempt *slice = (tp_preempt *)target;
  if (!slice->turning) {
    slice->armed = 0;
    return;
  }
  uint64_t time = now(), resume = slice->exec->preemption.resumes;
  slice->exec->budget.until_look = 1; /* the turn looks at the clock before it resumes another one
                                       */
  if (resume == slice->seen) {
    overrun(slice, time);
  } else {
    slice->seen = resume;
    slice->since = time;
    slice->used = used();
    slice->burst_at = spent() + BURST;
    slice->bursts = 0;
    slice->tick = TICK;
    slice->reported = false;
    slice->hooked = 1;
  }
  set_timer(slice, slice->tick);
}

/* ---- the timer ---- */

static void delete_timer(tp_preempt *slice) {
  if (slice->has_timer)
    timer_delete(slice->timer);
  slice->has_timer = false;
  slice->armed = 0;
}

/* Makes the timer for this thread, which runs the host now. */
static void make_timer(tp_preempt *slice) {
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID,
                           .sigev_signo = slice->exec->preemption.signal.number};
  event.sigev_value.sival_ptr = &slice->target;
  event._sigev_un._tid = slice->thread;
  slice->has_timer = timer_create(CLOCK_MONOTONIC, &event, &slice->timer) == 0;
  const tp_exec_listener *listener = &slice->exec->listener;
  if (!slice->has_timer)
    listener->failed(listener->context,
                     &(tp_exec_failure){.who = "preemption",
                                        .text = "the system has no timer for it, so workers that "
                                                "never wait are not interrupted"});
  else if (!slice->watchdog.is_running)
    tp_watchdog_start(&slice->watchdog, listener);
}

/* Has the timer signal the thread that runs the host, which may be another one than before. */
static void follow_thread(tp_preempt *slice) {
  pid_t thread = (pid_t)syscall(SYS_gettid);
  if (slice->thread == thread)
    return;
  delete_timer(slice);
  slice->thread = thread;
  make_timer(slice);
}

void tp_preempt_rest(tp_preempt *slice) {
  if (slice && slice->armed)
    set_timer(slice, 0);
}

bool tp_preempt_enter(tp_preempt *slice) {
  if (!slice)
    return false;
  bool before = slice->turning;
  slice->turning = 1;
  if (slice->armed)
    return before;
  follow_thread(slice);
  slice->seen = UINT64_MAX; /* the loop has waited since: what it found then is over */
  slice->tick = TICK;
  if (slice->has_timer)
    set_timer(slice, TICK);
  return before;
}

void tp_preempt_leave(tp_preempt *slice, bool before) {
  if (slice)
    slice->turning = before;
}

tp_preempt_scope tp_preempt_enter_outside(tp_exec *exec, lua_State *L) {
  bool slicing = tp_preempt_enter(exec->preemption.slice);
  if (!exec->context.thread)
    exec->preemption.resumes++;
  tp_context before = tp_state_enter(exec, NULL, L, exec->context.waitable);
  return (tp_preempt_scope){L, before.thread, before.coro, slicing};
}

void tp_preempt_leave_outside(tp_exec *exec, tp_preempt_scope before) {
  tp_preempt_hand_on(exec, before.L, before.running);
  tp_state_enter(exec, before.coro, before.running, exec->context.waitable);
  tp_preempt_leave(exec->preemption.slice, before.slicing);
}

int tp_preempt_call_outside(tp_exec *exec, lua_State *L, int nargs, int nresults, int handler) {
  if (exec->context.coro)
    return lua_pcall(L, nargs, nresults, handler);
  tp_preempt_scope before = tp_preempt_enter_outside(exec, L);
  int status = lua_pcall(L, nargs, nresults, handler);
  tp_preempt_leave_outside(exec, before);
  return status;
}

tp_preempt *tp_preempt_create(tp_exec *exec) {
  tp_preempt *slice = calloc(1, sizeof *slice);
  if (!slice)
    return NULL;
  slice->exec = exec;
  slice->target.come = tick;
  return slice;
}

void tp_preempt_destroy(tp_preempt *slice) {
  if (!slice)
    return;
  tp_preempt_rest(slice);
  delete_timer(slice);
  tp_signal_drop_pending(&slice->exec->preemption.signal);
  tp_watchdog_stop(&slice->watchdog);
  free(slice);
}

/* ---- closing and forcing ---- */

void tp_preempt_begin_closing(tp_exec *exec) {
  exec->preemption.resumes++;
  if (exec->preemption.slice)
    exec->preemption.slice->closing_until = spent() + CLOSING;
}

void tp_preempt_end_closing(tp_exec *exec) {
  if (exec->preemption.slice)
    exec->preemption.slice->closing_until = 0;
}

void tp_preempt_force(tp_preempt *slice, int instructions) {
  slice->forced = instructions;
}

void tp_preempt_prepare(const tp_exec *exec, lua_State *L) {
  const tp_preempt *slice = exec->preemption.slice;
  if (slice && slice->forced)
    lua_sethook(L, on_hook, LUA_MASKCOUNT, slice->forced);
}
