/* SPDX-License-Identifier: MIT
 *
 * Private to src/thread/: the records of a set and its threads.
 *
 * The floors, from the top: threads.c starts and closes sets; worker.c is the life of a thread, and
 * handler.c what it does with a request; remote.c is the call that the owner sees, and dispatch.c
 * decides which thread gets what; set.c, function.c and request.c keep the records.
 *
 * The fields of a thread say who may touch them: who has the lock, or the thread alone. Those of a
 * set are the owner's. */
#ifndef TP_THREAD_SET_H
#define TP_THREAD_SET_H

#include "exec/types.h"
#include "host/host.h"
#include "thread/function.h"
#include "thread/request.h"
#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

#define TP_MILLISECOND UINT64_C(1000000)

/* How much work one batch holds, in nanoseconds, and how many requests at most. */
#define TP_BATCH (TP_MILLISECOND / 4)
#define TP_BATCH_MAX 256

/* A line for the owner's log, or the name of a module. */
typedef struct tp_note {
  STAILQ_ENTRY(tp_note) link; /* in one of the lists of a thread */
  tp_log_level level;         /* of a line */
  char error[48];             /* the code of the error that the line tells of; "": none */
  char text[];                /* the line, or the name */
} tp_note;

typedef STAILQ_HEAD(tp_note_list, tp_note) tp_note_list;

struct tp_thread {
  tp_threads *set;  /* its set */
  uv_thread_t id;   /* to be joined */
  uv_sem_t opened;  /* posted once it runs, or has failed to start */
  unsigned number;  /* from 1 on */
  tp_error failure; /* why it failed; set before that */

  /* with the lock */
  uv_mutex_t lock;
  uv_cond_t changed;       /* signalled when it has ended */
  tp_request_list inbox;   /* sent, not taken */
  uint64_t inbox_cost;     /* nanoseconds that they are expected to take */
  tp_request_list cancels; /* requests to be cancelled in the thread */
  tp_request_list outbox;  /* completed, not collected */
  tp_note_list reloads;    /* modules to load anew */
  tp_note_list lines;      /* for the owner's log */
  unsigned inbox_count;    /* requests in the inbox */
  unsigned line_count;     /* lines */
  unsigned lost_lines;     /* lines that found no room */
  tp_log_level level;      /* of the owner's log */
  bool is_open;            /* `wake` may be sent */
  bool is_stopping;        /* it has been asked to end */
  bool has_ended;          /* it does not touch the set any more */
  bool is_detached;        /* the owner has given it up: it must not touch the owner's loop */
  bool is_idle;            /* it has nothing that could run */
  bool wants_work;         /* it runs tasks that never wait, and could share its time */
  uint64_t seen;           /* when it was last between two turns, nanoseconds */

  /* the owner's */
  unsigned held_count; /* requests sent to it that are not back */

  /* the thread adds; who has the lock takes */
  tp_request_stack done; /* requests to be published */

  /* the thread's */
  bool is_over;          /* it ends when the turn is over */
  int functions;         /* registry reference: index of a tp_function -> function */
  tp_host *host;         /* its own */
  uv_async_t wake;       /* sent when there is something in the mailbox */
  uv_prepare_t prepare;  /* between a turn and the wait for I/O: sends and takes requests */
  uv_check_t check;      /* after the wait for I/O: work begins */
  tp_request_list taken; /* requests that run */
  uint64_t mark;         /* up to when work was accounted for, nanoseconds */
  uint64_t took;         /* when it took the last batch, or asked for one, nanoseconds */
};

struct tp_threads {
  atomic_uint references;    /* the owner, the userdata, threads that were given up */
  tp_host *host;             /* the owner */
  tp_exec *exec;             /* the owner's */
  tp_resource resource;      /* of the owner, until the threads have ended */
  tp_pool *pool;             /* see tp_threads_options; NULL once the set is closing */
  char *label;               /* the same */
  double grace;              /* the same */
  const char *paths[2];      /* the owner's package.path and cpath, while threads are started */
  unsigned count;            /* threads */
  tp_thread **threads;       /* the threads; NULL for one that was joined or given up */
  tp_function **functions;   /* index - 1 -> function */
  size_t function_count;     /* how many */
  size_t function_capacity;  /* how many fit */
  tp_request_list pending;   /* requests to be sent */
  unsigned pending_count;    /* how many */
  tp_request_list completed; /* requests that are back and whose calls have not gone on */
  tp_request_list reusable;  /* records to be used again */
  unsigned reusable_count;   /* how many */
  uint64_t in_flight;        /* requests between their call and its end */
  bool is_closing;           /* takes no more requests; the threads end */
  bool shutting_down;        /* the host is closed: no coroutine is woken */
  unsigned handles;          /* handles of the owner's loop that are not closed */
  uv_async_t completion;     /* sent when an outbox is no longer empty, or a thread idle */
  uv_prepare_t prepare;      /* active while requests are in flight: sends them after a turn */
  uv_timer_t look_timer;     /* set while a thread may get stuck with several requests */
  uv_timer_t shutdown_timer; /* how long threads that end are waited for */
};

/* A set without threads and handles, with one reference. NULL: no memory. */
tp_threads *tp_set_create(tp_host *host, unsigned count, const char *label);

/* Gives a reference back; the last one frees the set. */
void tp_set_release(tp_threads *set);

/* The set of a userdata; raises NotAvailable for one that is closed. */
tp_threads *tp_set_check(lua_State *L, int index);

/* A request is in flight from its call until the call goes on, is cancelled or killed. Meanwhile
 * the set keeps the owner's loop alive, which calls `after_turn` after each turn. */
void tp_set_begin_flight(tp_threads *set, uv_prepare_cb after_turn);
void tp_set_end_flight(tp_threads *set);

/* Moves what a thread has done to its outbox. With its lock. True: the outbox was empty, and the
 * owner must be told. */
bool tp_set_publish(tp_thread *thread);

/* Completes a request that is in no list: its call goes on. */
void tp_set_complete(tp_request *request);

/* Recycles a request whose result nobody takes. */
void tp_set_drop(tp_request *request);

#endif
