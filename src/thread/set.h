/* SPDX-License-Identifier: MIT
 *
 * Private to src/thread/: the records of sets, threads and errands.
 *
 * Who may touch what. An errand belongs to home, to a thread's mailbox, or to the thread, one after
 * the other; only the owner touches it, but for `place` and the cancel, which go with the lock. The
 * fields of a thread say which of the three they are.
 *
 * The files: threads.c sets from start to end; remote.c a call at home; dispatch.c which thread
 * gets what; worker.c the life of a thread; work.c what it does with an errand. */
#ifndef TP_THREAD_SET_H
#define TP_THREAD_SET_H

#include "exec/exec.h"
#include "host/host.h"
#include "thread/threads.h"
#include "value/pack.h"
#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

#define TP_MILLISECOND UINT64_C(1000000)

/* Work that goes to a thread, and is taken there, at a time; and how many errands at most. */
#define TP_BATCH (TP_MILLISECOND / 4)
#define TP_BATCH_MAX 256

typedef struct tp_threads tp_threads;
typedef struct tp_thread tp_thread;
typedef struct tp_errand tp_errand;

/* A function that threads are asked for. Lives as long as the set. */
typedef struct tp_remote {
  unsigned index;    /* its number, from 1 on: how threads remember it */
  uint64_t cost;     /* home: nanoseconds of work in one call, moving average */
  bool is_known;     /* home: a call has come back; until then each is a batch of its own */
  tp_module *module; /* where the name is found, if `require` might find another file; else NULL */
  char name[];       /* package.module.function */
} tp_remote;

/* Where an errand is. */
typedef enum tp_place {
  TP_PLACE_HOME,    /* waits for a thread, or has come back */
  TP_PLACE_MAILBOX, /* sent, and can be taken back */
  TP_PLACE_THREAD,  /* the thread has taken it */
  TP_PLACE_BACK,    /* it is done, and on its way home */
} tp_place;

/* How an errand has ended; what its bytes are then. */
typedef enum tp_return {
  TP_RETURN_RESULTS,   /* the results */
  TP_RETURN_ERROR,     /* the error value and where it comes from */
  TP_RETURN_CANCELLED, /* nothing: the cancel has ended it */
  TP_RETURN_LOST,      /* nothing: its thread has ended */
} tp_return;

/* One call that crosses. */
struct tp_errand {
  TAILQ_ENTRY(tp_errand) link;        /* in the list of where it is */
  tp_threads *set;                    /* whose it is */
  tp_remote *function;                /* what is called */
  tp_thread *thread;                  /* who has it; NULL until it is sent */
  tp_bytes bytes;                     /* the arguments; then see tp_return */
  tp_place place;                     /* with the lock, while it is away */
  tp_return came;                     /* once it is back */
  tp_wake_id wake;                    /* home: the park of its call */
  bool is_back;                       /* home: it is among those that have landed */
  bool abandoned;                     /* home: nobody waits for it any more */
  uint64_t cost;                      /* what it was taken to cost when it was sent */
  uint64_t sent;                      /* when that was, nanoseconds */
  uint64_t spent;                     /* thread: what it did cost */
  uint32_t tries;                     /* which try of its task it is */
  bool is_final;                      /* its error says that it is not to be tried again */
  tp_coro *coro;                      /* thread: what runs it */
  tp_cancel *cancel;                  /* with the lock: a cancel for it; then the thread's */
  bool is_listed;                     /* with the lock: among the cancels of its thread */
  TAILQ_ENTRY(tp_errand) cancel_link; /* there */
};

typedef TAILQ_HEAD(tp_errand_list, tp_errand) tp_errand_list;

/* A line for home's log, or the name of a module. */
typedef struct tp_note {
  STAILQ_ENTRY(tp_note) link;
  tp_log_level level; /* of a line */
  char text[];
} tp_note;

typedef STAILQ_HEAD(tp_note_list, tp_note) tp_note_list;

struct tp_thread {
  tp_threads *set;  /* whose it is */
  uv_thread_t id;   /* to be joined */
  uv_sem_t opened;  /* posted once it runs, or has failed to */
  unsigned number;  /* from 1 on */
  tp_error failure; /* why; set before that */

  /* with the lock */
  uv_mutex_t lock;
  uv_cond_t changed;      /* it has ended */
  tp_errand_list inbox;   /* sent, not taken */
  uint64_t inbox_cost;    /* what they cost, nanoseconds */
  tp_errand_list cancels; /* errands that are to be cancelled there */
  tp_errand_list outbox;  /* back, not collected */
  tp_note_list reloads;   /* modules to load anew */
  tp_note_list lines;     /* for home's log */
  unsigned inbox_count;   /* errands in the inbox */
  unsigned line_count;    /* lines */
  unsigned lost_lines;    /* too many */
  tp_log_level level;     /* of home's log */
  bool is_open;           /* `wake` may be sent */
  bool is_stopping;       /* it is to end */
  bool has_ended;         /* it has: it does not touch the set any more */
  bool is_detached;       /* home has given it up: it must not touch home's loop */
  bool is_idle;           /* it has nothing that could run */
  bool is_hungry;         /* it runs what never waits, and could take more */
  uint64_t seen;          /* when it was last between two turns, nanoseconds */

  /* the thread's */
  bool is_over;         /* it ends when the turn is over */
  int functions;        /* registry reference: index of a tp_remote -> function */
  tp_host *host;        /* its own */
  uv_async_t wake;      /* sent when there is something in the mailbox */
  uv_prepare_t prepare; /* between a turn and the wait for I/O: sends and takes errands */
  uv_check_t check;     /* behind the wait: work begins */
  tp_errand_list taken; /* errands that run */
  tp_errand_list done;  /* errands to be sent home */
  uint64_t mark;        /* up to when work was accounted for, nanoseconds */
  uint64_t took;        /* when it took the last batch, or asked for one, the same */
};

struct tp_threads {
  atomic_uint references;     /* home, the userdata, threads that were given up */
  tp_host *host;              /* home */
  tp_exec *exec;              /* home's */
  tp_guest guest;             /* in home's list until the threads have ended */
  tp_service service;         /* keeps home running while they end */
  tp_pool *pool;              /* see tp_threads_options; NULL once it is closing */
  char *label;                /* the same */
  double grace;               /* the same */
  const char *paths[2];       /* home's package.path and cpath, while threads are started */
  unsigned count;             /* threads */
  tp_thread **threads;        /* the threads */
  tp_remote **functions;      /* index - 1 -> function */
  unsigned function_count;    /* how many */
  unsigned function_capacity; /* how many fit */
  tp_errand_list pending;     /* errands that are to be sent */
  unsigned pending_count;     /* how many */
  tp_errand_list landed;      /* errands that have come back and whose calls have not gone on */
  tp_errand_list spare;       /* records to use again */
  unsigned spare_count;       /* how many */
  uint64_t away;              /* errands between their call and its end */
  bool is_closing;            /* nothing is taken any more; the threads end */
  bool is_deaf;               /* the host is closed: nobody is woken */
  unsigned handles;           /* handles of home's loop that are not closed */
  uv_async_t news;            /* sent when an outbox is no longer empty, or a thread idle */
  uv_prepare_t prepare;       /* active while errands are away: sends them when a turn is over */
  uv_timer_t patience;        /* how long threads that end are waited for */
};

/* ---- threads.c ---- */

/* Gives a reference back; the last one frees the set. */
void tp_threads_release(tp_threads *set);

/* The set of a userdata; raises NotAvailable for one that is closed. */
tp_threads *tp_threads_check(lua_State *L, int index);

/* ---- remote.c ---- */

/* Has home's executor know what calls in threads wait for. */
void tp_remote_open(tp_threads *set);

/* Frees the record of a function. */
void tp_remote_free(tp_remote *function);

/* The errand has come back: its call goes on. */
void tp_errand_land(tp_errand *errand);

/* Frees an errand, or keeps it to be used again. It is in no list. */
void tp_errand_drop(tp_errand *errand);

/* Frees it for good. */
void tp_errand_free(tp_errand *errand);

/* ---- dispatch.c ---- */

/* Queues an errand for the next round of sending. */
void tp_dispatch_add(tp_threads *set, tp_errand *errand);

/* Sends what is pending to the threads that have room, and takes from those that are stuck what
 * others could do. */
void tp_dispatch(tp_threads *set);

/* Lets the pool of the threads start tasks if not too much is pending for that. */
void tp_dispatch_let_go(const tp_threads *set);

/* Takes back an errand that no thread has taken. False: one has, or had. */
bool tp_dispatch_withdraw(tp_errand *errand);

/* Collects what has come back from all threads, and what they have to say. */
void tp_dispatch_collect(tp_threads *set);

/* An errand is away no more. */
void tp_dispatch_settle(tp_threads *set);

/* ---- worker.c ---- */

/* Starts a thread and waits until it runs. False: NotAvailable, IOError, NoMemory. */
bool tp_worker_start(tp_thread *thread, tp_error *error);

/* Frees the record of a thread that has ended or never begun. */
void tp_worker_free(tp_thread *thread);

/* Tells home, with the lock, that there is news. */
void tp_worker_tell(tp_thread *thread);

/* ---- work.c ---- */

/* Starts what the errands in the list ask for. */
void tp_work_start(tp_thread *thread, tp_errand_list *errands);

/* Loads a module anew, and resolves names anew. */
void tp_work_reload(tp_thread *thread, const char *module);

/* Makes an errand one that has ended without being run. */
void tp_work_lose(tp_errand *errand);

#endif
