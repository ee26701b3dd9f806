/* SPDX-License-Identifier: MIT
 *
 * Private to src/exec/: the records of an executor and its coroutines, and which coroutine runs.
 * Each part of tp_exec belongs to the file of its name. */
#ifndef TP_EXEC_STATE_H
#define TP_EXEC_STATE_H

#include "exec/report.h"
#include "exec/run.h"
#include "exec/sampler.h"
#include "exec/signal.h"
#include "exec/timer.h"

#include <uv.h>

/* A wake id: the coroutine's slot in the upper bits, the number of the park, which rises, in the
 * lower. */
#define TP_PARK_BITS 40
#define TP_PARK_MASK ((UINT64_C(1) << TP_PARK_BITS) - 1)

typedef struct tp_cancelling tp_cancelling;
typedef struct tp_preempt tp_preempt;

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

/* The stack of a coroutine's thread while it runs: the message handler and the coroutine; the
 * worker function and what it keeps of a group (see source.h): the items for the next task, or the
 * values of an iterator; above this base the function and arguments, or the results, of the present
 * call. At rest the stack is empty. */
enum { TP_STACK_HANDLER = 1, TP_STACK_CORO, TP_STACK_FUNCTION, TP_STACK_ITEMS };

/* One call being run. A million of them may sleep at once, so every byte counts. */
struct tp_coro {
  tp_exec *exec; /* whose it is */
  lua_State *L;  /* its thread; its stack is empty at rest */
  union {
    tp_coro *next;    /* in the run queue or the free list */
    tp_pool *awaited; /* while it is parked and `awaits`: work of this pool */
    uint64_t kept;    /* while it has not waited: the number of the call whose function and items
                         it keeps; 0: of none */
  };
  tp_cancelling *cancelling; /* its cancel, time limit or shield; NULL: none of them */
  tp_wake_id park;           /* the id of the present park, or of the next one */
  uint32_t timer;            /* its place in the heap of timers + 1; 0: none */
  uint16_t nargs;            /* values on its stack for the next resume */
  uint8_t state : 3;         /* a tp_coro_state */
  uint8_t phase : 3;         /* a tp_coro_phase */
  bool keeps : 1;            /* task: a function, and as many values as it says, are kept */
  bool awaits : 1;           /* `awaited` is set, if it is parked (deadlock.c) */
  bool is_task : 1;          /* `task` is used, not `job` */
  bool urgent : 1;           /* runs before those that are not */
  bool cut : 1;              /* a cancel has ended the wait; its continuation raises */
  bool failed : 1;           /* task: the body did not return */
  bool cancelled : 1;        /* task: the cancel has ended the body */
  bool reported : 1;         /* the error that is being raised has its traceback already */
  bool traced : 1;           /* a traceback of it is kept (report.c) */
  bool fresh : 1;            /* task: counted in the executor's `fresh` */
  union {
    tp_task task; /* a pool's task */
    struct {
      tp_coro_done done; /* told at the end; may be NULL */
      void *context;     /* for it */
      const char *what;  /* names it in messages */
    } job;               /* any other call */
  } as;
};

/* What is known of the cancel of one coroutine; made when it is cancelled, shielded or limited. */
struct tp_cancelling {
  tp_cancel *reason;      /* why it is cancelled; NULL while it is not */
  uint64_t since;         /* clock when it was, nanoseconds */
  uint64_t shield_until;  /* clock until which nothing is raised; 0: no shield */
  uint64_t cleanup_until; /* when slices raise again (preempt.c); 0: at once */
  uint32_t timer;         /* its place in the heap of timers + 1; 0: none */
  uint8_t raises;         /* how often the cancel error was raised */
  uint8_t kills;          /* how often it could not be killed for lack of memory */
  bool to_kill;           /* it is killed at its next turn */
  bool killed;            /* it was */
};

/* A queue of coroutines through `next`. */
typedef struct tp_coro_queue {
  tp_coro *first; /* next to run */
  tp_coro *last;  /* undefined while it is empty */
  tp_coro *end;   /* the last one of the present round; NULL: the round is over */
} tp_coro_queue;

/* What can run at once. */
typedef struct tp_ready {
  uv_idle_t idle;                        /* active while there is something to run */
  void (*on_turn)(uv_idle_t *idle);      /* what it calls */
  tp_coro_queue queue;                   /* coroutines */
  tp_coro_queue urgent;                  /* those that run before them: control sessions */
  unsigned fresh;                        /* tasks in the queue that were never resumed */
  TAILQ_HEAD(tp_run_list, tp_run) pools; /* pools with something to start */
} tp_ready;

/* Where coroutines are kept. */
typedef struct tp_slots {
  lua_CFunction main;     /* what a thread at rest is resumed with, above it the stack up to the
                             base, the function and the arguments */
  lua_CFunction handler;  /* the message handler on that stack */
  tp_coro *free;          /* coroutines at rest */
  uint32_t free_count;    /* how many */
  tp_coro **coros;        /* all by the slot in their wake ids; NULL: a free slot */
  uint32_t count;         /* slots in use or used before */
  size_t capacity;        /* slots allocated */
  uint32_t *unused;       /* slots to use again */
  size_t unused_capacity; /* how many fit */
  uint32_t unused_count;  /* how many */
  int anchors;            /* registry reference: slot + 1 -> thread */
  uint64_t next_park;     /* number of the next park */
  uint64_t live;          /* coroutines not at rest */
} tp_slots;

/* Timers and the clock. */
typedef struct tp_clock {
  uv_timer_t timer;     /* set to the first deadline */
  tp_timer *heap;       /* the first deadline first */
  uint32_t count;       /* entries */
  size_t capacity;      /* entries allocated: */
  uint32_t reserved;    /* at least as many as there may ever be at a time */
  uint32_t idle_count;  /* entries that are alarms for which nothing needs to go on */
  uint64_t outside;     /* parks that only the world outside can end */
  bool is_virtual;      /* the virtual clock counts */
  uint64_t virtual_now; /* that clock, nanoseconds */
  uint64_t recent;      /* tp_timer_steady when a turn looked at the clock last */
  uint64_t skew;        /* what the steady clock is ahead of the present one */
  void (*due[TP_TIMER_ALARM])(tp_coro *coro); /* called when a timer of that kind is due */
} tp_clock;

/* What runs now. */
typedef struct tp_context {
  tp_coro *coro;              /* the coroutine; NULL: none */
  lua_State *volatile thread; /* the innermost thread; NULL: none. Read by the signal of preemption
                               */
  bool waitable;              /* no C boundary between the coroutine and that thread */
} tp_context;

/* A task that is about to start. */
typedef struct tp_handover {
  tp_coro *reusable; /* has just ended a task, and can take the next one */
  tp_group *group;   /* is being asked for its next task; NULL: none is */
  tp_coro *taken;    /* what was taken for that task; NULL: none yet */
} tp_handover;

/* How long a turn may take. */
typedef struct tp_budget {
  unsigned stride;              /* resumes between two looks at the clock */
  volatile unsigned until_look; /* resumes until the next one */
  uint64_t looked;              /* when the last one was, nanoseconds */
  uint64_t deadline;            /* when the present turn is over */
  tp_coro *last;                /* the task that was resumed last and has not ended; NULL: it has */
} tp_budget;

/* Preemption, and what it needs to know. */
typedef struct tp_preemption {
  tp_preempt *slice;         /* NULL: it is off */
  tp_signal signal;          /* its signal, once it was on */
  volatile uint64_t resumes; /* how often a coroutine was resumed; read by the signal */
  int closes;                /* how many threads are being closed, each inside the one before */
  lua_State *(*waited_in)(lua_State *L); /* the inner coroutine that a thread waits in; NULL: none
                                          */
  char library[256]; /* chunk names of our own Lua files begin so; "": none are known */
} tp_preemption;

/* What error reports need to know. */
typedef struct tp_reporting {
  tp_coro *caused;            /* raises an error whose cause is known */
  lua_CFunction place_of;     /* see tp_report_set_place; NULL: none */
  tp_report_place push_place; /* the same */
} tp_reporting;

/* How long coroutines run at a time, if somebody wants to know. */
typedef struct tp_runs {
  bool are_watched; /* somebody does */
  uint64_t since;   /* since when the present one runs, nanoseconds; 0: none does */
} tp_runs;

struct tp_exec {
  lua_State *L;                   /* the main thread: what is resumed from, never by Lua code */
  uv_loop_t *loop;                /* the loop that turns run on */
  tp_exec_listener listener;      /* who is told */
  bool (*resume)(tp_coro *coro);  /* resumes a coroutine until it yields or ends. True: it is an
                                     iterator that holds values for its group */
  tp_context context;             /* what runs now */
  tp_ready ready;                 /* what runs next */
  tp_budget budget;               /* how long */
  tp_handover handover;           /* what starts */
  tp_slots slots;                 /* all coroutines */
  tp_clock clock;                 /* all timers */
  tp_preemption preemption;       /* what interrupts */
  tp_reporting report;            /* what is told of errors */
  tp_sampler sampler;             /* takes samples of what runs */
  tp_runs runs;                   /* how long it runs */
  tp_cancel *fallback_reasons[2]; /* for lack of memory: Cancelled, TimedOut */
  bool looping;                   /* tp_exec_run is on the C stack */
  bool in_state;                  /* the record is memory of the Lua state */
  bool closing;                   /* no more turns */
  uint64_t calls;                 /* of groups, made so far: the number of the newest one */
  unsigned errors; /* turns and runs of the loop that have raised, one after the other */
};

/* ---- the executor of a state ---- */

/* Has the Lua state know its executor. Raises for lack of memory, but not a second time. */
void tp_state_open(lua_State *L, tp_exec *exec);

/* The executor of a Lua state. */
tp_exec *tp_state_exec_of(lua_State *L);

/* The coroutine that a task is a part of. */
tp_coro *tp_state_coro_of(tp_task *task);

/* The base of the stack of a coroutine that runs. */
static inline int tp_state_base(const tp_coro *coro) {
  return coro->keeps ? TP_STACK_FUNCTION + coro->as.task.kept : TP_STACK_CORO;
}

/* ---- what runs ---- */

/* `thread` begins to run, as a part of `coro` (NULL: of none); waits are possible in it if
 * `waitable`. Returns what tp_state_leave puts back. */
static inline tp_context tp_state_enter(tp_exec *exec, tp_coro *coro, lua_State *thread,
                                        bool waitable) {
  tp_context before = exec->context;
  exec->context.coro = coro;
  exec->context.thread = thread;
  exec->context.waitable = waitable;
  return before;
}

static inline void tp_state_leave(tp_exec *exec, tp_context before) {
  exec->context = before;
}

/* ---- threads that are held ---- */

/* A thread that stands still and is not the user's to resume or close is *held*: that of a
 * coroutine that is queued or waits, an inner coroutine in which one waits, and one that must not
 * be closed (closing.c). It is marked in the space that Lua gives to each thread; otherwise that is
 * a copy of the main thread's. */
extern const char tp_state_held_mark;

static inline const void **tp_state_space(lua_State *L) {
  return lua_getextraspace(L);
}

static inline void tp_state_hold(lua_State *L) {
  *tp_state_space(L) = &tp_state_held_mark;
}

static inline void tp_state_release(const tp_exec *exec, lua_State *L) {
  *tp_state_space(L) = *tp_state_space(exec->L);
}

static inline bool tp_state_is_held(lua_State *L) {
  return *tp_state_space(L) == &tp_state_held_mark;
}

#endif
