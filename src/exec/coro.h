/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the records of the executor and of its coroutines. */
#ifndef TP_EXEC_CORO_H
#define TP_EXEC_CORO_H

#include "exec/exec.h"
#include "exec/signal.h"

/* A wake id: the coroutine's slot in the upper bits, the number of the park, which rises, in the
 * lower. */
#define TP_PARK_BITS 40
#define TP_PARK_MASK ((UINT64_C(1) << TP_PARK_BITS) - 1)

typedef struct tp_ending tp_ending;
typedef struct tp_slice tp_slice;

/* Where a coroutine is. */
typedef enum tp_coro_state {
  TP_CORO_REST,     /* on the free list */
  TP_CORO_QUEUED,   /* in the run queue */
  TP_CORO_RUNNING,  /* being resumed, or resuming another */
  TP_CORO_PARKED,   /* waits for its wake id */
  TP_CORO_OFFERING, /* an iterator that holds the values of one step for its group */
} tp_coro_state;

/* Which part of a call a coroutine runs. */
typedef enum tp_coro_phase {
  TP_PHASE_REST,            /* none: the next resume brings a function and its arguments */
  TP_PHASE_BODY,            /* the function */
  TP_PHASE_PAUSE,           /* the pause between two tries of the function */
  TP_PHASE_CANCEL_CALLBACK, /* the cancel callback of a task */
  TP_PHASE_END_CALLBACK,    /* the end callback of a task */
} tp_coro_phase;

/* One call being run. A million of them may sleep at once, so every byte counts. */
struct tp_coro {
  tp_exec *exec; /* whose it is */
  lua_State *L;  /* its thread; its stack is empty at rest */
  union {
    tp_coro *next;    /* in the run queue or the free list */
    tp_pool *awaited; /* while it is parked and `awaits`: work of this pool */
  };
  tp_ending *ending;  /* its cancel, time limit or shield; NULL: none of them */
  tp_wake_id park;    /* the id of the present park, or of the next one */
  uint32_t timer;     /* its place in the heap of timers + 1; 0: none */
  uint16_t nargs;     /* values on its stack for the next resume */
  uint8_t state : 3;  /* a tp_coro_state */
  uint8_t phase : 4;  /* a tp_coro_phase */
  bool awaits : 1;    /* `awaited` is set, if it is parked (deadlock.c) */
  bool is_task : 1;   /* `task` is used, not `job` */
  bool urgent : 1;    /* runs before those that are not */
  bool cut : 1;       /* the wait was ended by a cancel; its continuation raises */
  bool failed : 1;    /* task: the body did not return */
  bool cancelled : 1; /* task: the body was ended by the cancel */
  bool reported : 1;  /* the error that is being raised has its traceback already */
  bool traced : 1;    /* a traceback of it is kept (report.c) */
  bool fresh : 1;     /* task: counted in the executor's `fresh` */
  union {
    tp_task task; /* a pool's task */
    struct {
      tp_coro_done done; /* told at the end; may be NULL */
      void *context;     /* for it */
      const char *what;  /* names it in messages */
      uint32_t tries;    /* see tp_exec_set_tries */
    } job;               /* any other call */
  } as;
};

/* What a timer is set for. */
typedef enum tp_timer_kind {
  TP_TIMER_SLEEP,  /* the end of a sleep */
  TP_TIMER_ENDING, /* the end of a time limit, a shield or a grace */
  TP_TIMER_ALARM,  /* an alarm of a pool */
} tp_timer_kind;

/* A clock that is never reached; a sum of two is no overflow. */
#define TP_FOREVER (UINT64_MAX / 4)

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

/* A queue of coroutines through `next`. */
typedef struct tp_coro_queue {
  tp_coro *first; /* next to run */
  tp_coro *last;  /* undefined while it is empty */
  tp_coro *end;   /* the last one of the present round; NULL: the round is over */
} tp_coro_queue;

struct tp_exec {
  lua_State *L;              /* the main thread: what is resumed from, never by Lua code */
  uv_loop_t *loop;           /* the loop that turns run on */
  tp_exec_listener listener; /* who is told */
  tp_coro *caused;           /* raises an error whose cause is known (report.c) */
  lua_CFunction place_of;    /* see tp_exec_set_place; NULL: none */
  tp_exec_place push_place;  /* the same */
  uv_idle_t idle;            /* active while there is something to run */
  uv_timer_t timer;          /* set to the first deadline */
  tp_coro *spare;            /* has just ended a task, and can take the next one */
  tp_group *feeding;         /* is being asked for its next task; NULL: none is */
  tp_coro *taken;            /* what was taken for that task; NULL: none yet */
  tp_coro *current;          /* the coroutine that runs; NULL outside */
  int closes;                /* how many coroutine.close run, each inside of the one before */
  bool waitable;             /* no C boundary between the current coroutine and its innermost one */
  tp_coro_queue queue;       /* ready to run */
  tp_coro_queue urgent;      /* ready to run before them: control sessions */
  TAILQ_HEAD(tp_run_list, tp_run) pools; /* pools with something to start */
  tp_coro *free;                         /* coroutines at rest */
  uint32_t free_count;                   /* how many */
  tp_coro **slots;             /* all coroutines by the slot in their wake ids; NULL: a free slot */
  uint32_t slot_count;         /* slots in use or used before */
  uint32_t slot_capacity;      /* slots allocated */
  uint32_t *free_slots;        /* slots to use again */
  uint32_t free_slot_count;    /* how many */
  int anchors;                 /* registry reference: slot + 1 -> thread */
  uint64_t next_park;          /* number of the next park */
  uint64_t live;               /* coroutines not at rest */
  unsigned fresh;              /* tasks in the run queue that were never resumed */
  tp_timer *timers;            /* heap: the first deadline first */
  uint32_t timer_count;        /* entries */
  uint32_t timer_capacity;     /* entries allocated: */
  uint32_t timer_reserved;     /* at least as many as there may ever be at a time */
  uint32_t idle_count;         /* entries that are alarms for which nothing needs to go on */
  uint64_t outside;            /* parks that only the world outside can end */
  uint64_t virtual_now;        /* the virtual clock, nanoseconds */
  uint64_t skew;               /* what the steady clock is ahead of the present one */
  tp_cancel *spare_reasons[2]; /* for lack of memory: Cancelled, TimedOut */
  bool is_virtual;             /* that clock counts */
  bool looping;                /* tp_exec_run is on the C stack */
  unsigned errors; /* turns and runs of the loop that have raised, one after the other */
  bool in_state;   /* the record is memory of the Lua state */
  bool closing;    /* no turn any more */
  unsigned stride; /* resumes between two looks at the clock */
  volatile unsigned until_look; /* resumes until the next one */
  uint64_t looked;              /* when the last one was, nanoseconds */
  char library[256];            /* chunk names of our own Lua files begin so; "": none are known */
  tp_signal signal;             /* of preemption, once that was on */
  tp_slice *slice;              /* preemption; NULL: there is none */
  lua_State *volatile running;  /* the innermost thread that runs, read by the signal of the slices
                                 */
  volatile uint64_t resumes;    /* how often a coroutine was resumed, read by the same */
  uint64_t deadline;            /* when the present turn is over */
};

/* ---- exec.c ---- */

/* The executor of a Lua state. */
tp_exec *tp_exec_of(lua_State *L);

/* Appends to the run queue; `nargs` values for it are on its stack already. */
void tp_exec_queue(tp_coro *coro, int nargs);

/* Makes sure that a turn comes. */
void tp_exec_poke(tp_exec *exec);

/* ---- slot.c ---- */

/* A coroutine with an empty call, from the free list or new. Its L takes the function and the
 * arguments next, then tp_coro_begin. Raises in L, for lack of memory. */
tp_coro *tp_coro_take(tp_exec *exec, lua_State *L);

/* The same for a task: the coroutine that has just ended one, if there is one. */
tp_coro *tp_coro_take_next(tp_exec *exec);

/* Puts a coroutine whose stack is empty to rest. */
void tp_coro_give_back(tp_coro *coro);

/* Frees a coroutine whose thread is of no more use. */
void tp_coro_destroy(tp_coro *coro);

/* Gives it the thread on top of L, which is popped. Raises for lack of memory; nothing has changed
 * then. */
void tp_coro_set_thread(tp_coro *coro, lua_State *L);

/* The coroutine whose present or next park has that id; NULL: the id is old. */
tp_coro *tp_coro_find(const tp_exec *exec, tp_wake_id id);

/* Makes the present id old. */
void tp_coro_renew_park(tp_coro *coro);

/* ---- coro.c ---- */

/* Has the Lua state know its executor. Raises for lack of memory, but not a second time. */
void tp_coro_open(lua_State *L, tp_exec *exec);

/* Lua: the function that a thread at rest is resumed with. Stack: its coroutine, the function of
 * the call, the arguments. */
int tp_coro_main(lua_State *L);

/* Queues a coroutine whose stack has the function and `nargs` arguments on top. */
void tp_coro_begin(tp_coro *coro, int nargs);

/* Resumes it until it yields or ends. True: it is an iterator that holds values for its group. */
bool tp_coro_resume(tp_coro *coro);

/* The coroutine that a task is a part of. */
tp_coro *tp_coro_of(tp_task *task);

/* ---- threads that are held ---- */

/* A thread that stands still and is not the user's to resume or close is *held*: that of a
 * coroutine that is queued or waits, an inner coroutine in which one waits, and one that must not
 * be closed (closing.c). It is marked in the space that Lua gives to each thread; otherwise that is
 * a copy of the main thread's. */
extern const char tp_thread_mark;

static inline const void **tp_thread_space(lua_State *L) {
  return lua_getextraspace(L);
}

static inline void tp_thread_hold(lua_State *L) {
  *tp_thread_space(L) = &tp_thread_mark;
}

static inline void tp_thread_let_go(const tp_exec *exec, lua_State *L) {
  *tp_thread_space(L) = *tp_thread_space(exec->L);
}

static inline bool tp_thread_is_held(lua_State *L) {
  return *tp_thread_space(L) == &tp_thread_mark;
}

/* ---- coroutine.c ---- */

/* The inner coroutine that a thread waits in; NULL: none. */
lua_State *tp_coroutine_waited_in(lua_State *L);

/* ---- report.c ---- */

/* Lua: the message handler of every body; keeps message and traceback for tp_exec_push_traceback.
 */
int tp_report_handler(lua_State *L);

/* Pushes what the handler has kept for a coroutine; without that, or without a coroutine, what the
 * error value on top of L says. */
void tp_report_push(tp_coro *coro, lua_State *L);

/* Lets go of what the handler has kept. Allocates nothing. */
void tp_report_forget(tp_coro *coro, lua_State *L);

/* Tells the listener of the error value on top of L, in the words that the handler has kept for the
 * coroutine (NULL: there is none), or in its own. Never raises. */
void tp_report_tell(tp_exec *exec, tp_coro *coro, lua_State *L, const char *who);

/* ---- wait.c ---- */

/* Whether the running coroutine can be left from L: it is the thread that we resumed, and no C
 * function is in between. */
bool tp_wait_is_possible(const tp_exec *exec, lua_State *L);

/* Makes a parked or offering coroutine ready. */
void tp_wait_end(tp_coro *coro, int nargs);

/* Parks for that long as tp_wait_sleep does, but goes on with `k`, which calls tp_wait_values. */
int tp_wait_pause(tp_exec *exec, lua_State *L, double seconds, lua_KFunction k,
                  lua_KContext context);

/* ---- timer.c ---- */

/* Nanoseconds. */
uint64_t tp_timer_now(const tp_exec *exec);

/* The same without the jump from one clock to another: it goes on where the other one was. */
uint64_t tp_timer_steady(const tp_exec *exec);

/* Makes sure that `count` more timers have a place, or gives these places back. False: no memory.
 */
bool tp_timer_reserve(tp_exec *exec, uint32_t count);
void tp_timer_release(tp_exec *exec, uint32_t count);

/* Sets a timer of that kind, one at a time, for which a place is reserved. A deadline from
 * TP_FOREVER on is never reached and sets none. */
void tp_timer_start(tp_coro *coro, tp_timer_kind kind, uint64_t deadline);
void tp_timer_stop(tp_coro *coro, tp_timer_kind kind);

/* Whether a timer is set that something waits for. */
bool tp_timer_is_awaited(const tp_exec *exec);

/* Whether the virtual clock is on, and nothing but a timer can happen next. */
bool tp_timer_can_jump(const tp_exec *exec);

/* Jumps to the first deadline of the virtual clock, and wakes those who went to sleep first. */
void tp_timer_jump(tp_exec *exec);

/* ---- call.c ---- */

/* The group's next task: see tp_pool_ops. */
tp_feed_state tp_call_start(tp_group *group, tp_task **task);
uint64_t tp_call_waiting(const tp_group *group);
uint64_t tp_call_wanting(const tp_group *group);
tp_feed_state tp_call_stop(tp_group *group, tp_cancel *reason);
tp_feed_state tp_call_fail(tp_group *group);
void tp_call_release(tp_group *group);

/* An error has ended what asked a group for its next task, if anything did: the group fails. */
void tp_call_recover(tp_exec *exec);

/* The group's pool is about to go, with what has not ended. */
void tp_call_abandon(const tp_group *group);

/* Hands the `count` results (or the error) on top of L to who is told of the end of the group's one
 * task. False: nobody is, or was already. */
bool tp_call_tell(const tp_group *group, lua_State *L, bool ok, int count);

/* The coroutine of an iterator, resumed by a turn, offers the values of a step. */
void tp_call_offered(tp_coro *coro);

/* Whether the tasks of a group have a callback for that phase, and pushes it. */
bool tp_call_has_callback(const tp_group *group, tp_coro_phase phase);
void tp_call_push_callback(const tp_group *group, lua_State *L, tp_coro_phase phase);

/* ---- retry.c ---- */

/* Lua: the body of a task that is tried again. Stack: the function, its arguments. */
int l_retry(lua_State *L);

/* ---- task.c ---- */

/* Queues the pool for the next turn to feed. */
void tp_run_queue(tp_run *run);

/* Tells the pool which events matter: those that are listened to, those that somebody waits for,
 * and those that its scaling depends on. */
void tp_run_update_wanted(tp_run *run);

/* Tells the listener, and who waits for the pool, of an event. */
void tp_run_event(tp_pool *pool, tp_event event, tp_task *task);

/* The same with words for the listener. */
void tp_run_tell(tp_pool *pool, tp_event event, tp_task *task, const char *words);

/* Counts an error of a task or of the iterator of a group, which somebody else is told of or not;
 * the error value is on top of L and stays there. Never raises. */
void tp_run_count_error(tp_group *group, lua_State *L, bool is_unseen);

/* ---- scale.c ---- */

/* The events that a pool's scaling has to be told of, as bits. */
unsigned tp_run_scale_events(const tp_run *run);

/* An event of a pool that scales itself. */
void tp_run_scale_note(tp_run *run, tp_event event);

#endif
