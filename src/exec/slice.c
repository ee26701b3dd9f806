/* SPDX-License-Identifier: MIT
 *
 * Slices; see slice.h. */
#include "exec/slice.h"
#include "exec/ending.h"
#include "value/error.h"

#include <lauxlib.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND UINT64_C(1000000)

/* From one signal to the next; a slice is over at the second one that finds it. */
#define TICK (5 * MILLISECOND)

/* The ticks of one resume grow further apart, up to this. */
#define TICK_MAX (500 * MILLISECOND)

/* How long code that cannot yield may go on. */
#define BURST (1000 * MILLISECOND)

/* Instructions after which the hook tries again where it could not yield. */
#define RETRY 997

/* How long the <close> variables of a killed coroutine may take. */
#define CLOSING (100 * MILLISECOND)

/* When the watchdog speaks up. */
#define STUCK (5000 * MILLISECOND)

struct tp_slice {
  tp_exec *exec;                 /* whose slices */
  int signal;                    /* what the timer sends */
  bool has_timer;                /* `timer` was made, for the thread that runs the host */
  timer_t timer;                 /* one shot, set again by each signal */
  volatile sig_atomic_t armed;   /* it is set */
  volatile sig_atomic_t turning; /* a turn is running */
  uint64_t seen;                 /* the resume that the last signal found */
  uint64_t since;                /* when a signal found it first, nanoseconds */
  uint64_t tick;                 /* until the next signal */
  uint64_t closing_until;        /* a killed coroutine is being closed, until then; 0: none is */
  bool reported;                 /* the watchdog was told of this resume */
  int forced;                    /* see tp_slice_force */
  /* The watchdog's; the signal handler fills `place` before it posts. */
  bool has_thread;    /* `thread` was started */
  pthread_t thread;   /* waits for `bell` */
  sem_t bell;         /* rung when something is stuck, and at the end */
  atomic_bool ending; /* the thread is to return */
  char place[256];    /* what is stuck, and where */
};

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000 * MILLISECOND + (uint64_t)time.tv_nsec;
}

static void set_timer(tp_slice *slice, uint64_t nanoseconds) {
  const struct itimerspec when = {
      .it_value = {.tv_sec = (time_t)(nanoseconds / (1000 * MILLISECOND)),
                   .tv_nsec = (long)(nanoseconds % (1000 * MILLISECOND))}};
  slice->armed = nanoseconds != 0;
  timer_settime(slice->timer, 0, &when, NULL);
}

/* ---- the hook ---- */

/* What ran too long cannot be interrupted: ends it with an error. */
static int raise_burst(lua_State *L) {
  return tp_raise(
      L, TP_TIMED_OUT,
      "ran for a second inside of a C function that cannot be left (a sort or gsub callback, a "
      "metamethod)");
}

/* Whether the resume that runs now has run too long for code that cannot be interrupted. A hook may
 * fire late, in another resume than the one that it was set for. */
static bool is_bursting(const tp_slice *slice) {
  return !slice->forced && slice->seen == slice->exec->resumes && now() - slice->since > BURST;
}

static void on_count(lua_State *L, lua_Debug *info);

/* The slice of the running coroutine is over. */
static void end_slice(tp_exec *exec, lua_State *L) {
  tp_coro *coro = exec->current;
  if (tp_ending_is_raising(coro)) {
    exec->slice->tick = TICK; /* code that catches the error is soon found again */
    set_timer(exec->slice, TICK);
    tp_ending_raise(exec, L);
  } else if (exec->waitable && lua_isyieldable(L)) {
    tp_coro_renew_park(coro);
    tp_exec_queue(coro, 0);
    lua_yield(L, 0);
  } else if (is_bursting(exec->slice)) {
    raise_burst(L);
  } else if (!exec->slice->forced) {
    lua_sethook(L, on_count, LUA_MASKCOUNT, RETRY);
  }
}

/* A killed coroutine has had its time for closing: every instruction raises from now on. */
static void end_closing(tp_exec *exec, lua_State *L);

static void on_count(lua_State *L, lua_Debug *info) {
  (void)info;
  tp_exec *exec = tp_exec_of(L);
  if (!exec->current)
    return;
  if (exec->slice->closing_until) {
    end_closing(exec, L);
    return;
  }
  if (!exec->slice->forced)
    lua_sethook(L, NULL, 0, 0);
  end_slice(exec, L);
}

static void end_closing(tp_exec *exec, lua_State *L) {
  if (now() < exec->slice->closing_until)
    return;
  lua_sethook(L, on_count, LUA_MASKCOUNT, 1);
  tp_ending_push(L, exec->current->ending->reason);
  lua_error(L);
}

/* ---- the signal ---- */

/* Notes where a resume is stuck, for the watchdog. Nothing is allocated, and the coroutine has been
 * inside of a C function for long, so its frames stand still. */
static void note_place(tp_slice *slice) {
  const tp_coro *coro = slice->exec->current;
  lua_State *L = slice->exec->running;
  lua_Debug info;
  const char *source = "?";
  int line = 0;
  for (int level = 0; L && lua_getstack(L, level, &info); level++) {
    lua_getinfo(L, "Sl", &info);
    if (info.currentline > 0) {
      source = info.short_src;
      line = info.currentline;
      break;
    }
  }
  if (coro && coro->is_task)
    snprintf(slice->place, sizeof slice->place, "%.100s_Task-%llu at %.60s:%d",
             coro->as.task.group->pool->label, (unsigned long long)coro->as.task.id, source, line);
  else
    snprintf(slice->place, sizeof slice->place, "%.100s at %.60s:%d",
             coro ? coro->as.job.what : "the host", source, line);
}

/* The same resume has been found again: sets the hook, waits longer for the next look, and rings
 * the bell. */
static void overrun(tp_slice *slice, uint64_t time) {
  tp_exec *exec = slice->exec;
  if (exec->running)
    lua_sethook(exec->running, on_count, LUA_MASKCOUNT, 1);
  if (!slice->closing_until && slice->tick < TICK_MAX)
    slice->tick *= 2;
  if (time - slice->since > STUCK && !slice->reported) {
    slice->reported = true;
    note_place(slice);
    sem_post(&slice->bell);
  }
}

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  tp_slice *slice = info->si_value.sival_ptr;
  if (info->si_code != SI_TIMER || !slice)
    return;
  if (!slice->turning) {
    slice->armed = 0;
    return;
  }
  uint64_t time = now(), resume = slice->exec->resumes;
  slice->exec->until_look = 1; /* the turn looks at the clock before it resumes another one */
  if (resume == slice->seen) {
    overrun(slice, time);
  } else {
    slice->seen = resume;
    slice->since = time;
    slice->tick = TICK;
    slice->reported = false;
  }
  set_timer(slice, slice->tick);
}

/* ---- the watchdog ---- */

static void *watch(void *argument) {
  tp_slice *slice = argument;
  const tp_exec_listener *listener = &slice->exec->listener;
  for (;;) {
    while (sem_wait(&slice->bell) != 0)
      ;
    if (atomic_load(&slice->ending))
      return NULL;
    listener->stuck(listener->context, slice->place);
  }
}

/* Starts the thread of the watchdog, with all signals blocked. */
static void start_watch(tp_slice *slice) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  slice->has_thread = pthread_create(&slice->thread, NULL, watch, slice) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- the timer ---- */

/* Makes the timer for the thread that runs the host; without one there is no preemption. */
static void make_timer(tp_slice *slice) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = slice->signal};
  event.sigev_value.sival_ptr = slice;
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  sigemptyset(&action.sa_mask);
  if (sigaction(slice->signal, &action, NULL) == 0)
    slice->has_timer = timer_create(CLOCK_MONOTONIC, &event, &slice->timer) == 0;
  if (slice->has_timer)
    start_watch(slice);
}

void tp_slice_enter(tp_slice *slice) {
  if (!slice)
    return;
  slice->turning = 1;
  if (slice->armed)
    return;
  if (!slice->has_timer)
    make_timer(slice);
  slice->tick = TICK;
  if (slice->has_timer)
    set_timer(slice, TICK);
}

void tp_slice_leave(tp_slice *slice) {
  if (slice)
    slice->turning = 0;
}

tp_slice *tp_slice_create(tp_exec *exec, int signal) {
  tp_slice *slice = calloc(1, sizeof *slice);
  if (!slice)
    return NULL;
  slice->exec = exec;
  slice->signal = signal ? signal : SIGRTMIN;
  atomic_init(&slice->ending, false);
  sem_init(&slice->bell, 0, 0);
  return slice;
}

void tp_slice_destroy(tp_slice *slice) {
  if (!slice)
    return;
  if (slice->has_timer)
    timer_delete(slice->timer);
  if (slice->has_thread) {
    atomic_store(&slice->ending, true);
    sem_post(&slice->bell);
    pthread_join(slice->thread, NULL);
  }
  sem_destroy(&slice->bell);
  free(slice);
}

/* ---- closing and forcing ---- */

void tp_slice_begin_closing(tp_exec *exec, lua_State *L) {
  exec->running = L;
  exec->resumes++;
  if (exec->slice)
    exec->slice->closing_until = now() + CLOSING;
}

void tp_slice_end_closing(tp_exec *exec) {
  exec->running = NULL;
  if (exec->slice)
    exec->slice->closing_until = 0;
}

void tp_slice_force(tp_slice *slice, int instructions) {
  slice->forced = instructions;
}

void tp_slice_prepare(const tp_exec *exec, lua_State *L) {
  const tp_slice *slice = exec->slice;
  if (slice && slice->forced)
    lua_sethook(L, on_count, LUA_MASKCOUNT, slice->forced);
}
