/* SPDX-License-Identifier: MIT
 *
 * A host: the loop, the Lua state, the executor, the pools and the resources beside them (control
 * servers, sets of threads), with their lifetime. Its public interface is taskpool.h, implemented
 * in src/lib/; this is what the other parts of src/ see.
 *
 * A host either owns its Lua state and loop (tp_host_create), or lives in the state of a stock
 * interpreter that required the module, on luv's loop if luv was loaded first. */
#ifndef TP_HOST_HOST_H
#define TP_HOST_HOST_H

#include "exec/types.h"
#include "host/failures.h"
#include "host/follower.h"
#include "host/interrupt.h"
#include "host/log.h"
#include "host/mailbox.h"
#include "host/meter.h"
#include "host/state.h"
#include "pool/pool.h"
#include "taskpool.h"
#include "value/name.h"
#include <lua.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

/* Something that lives beside the pools, such as a control server or a set of threads. It is
 * embedded in the owner's own struct; functions that are not needed are NULL. */
typedef struct tp_resource {
  void *owner;        /* that struct */
  bool keeps_running; /* the host runs on until the resource is removed */
  /* Everything is asked to end: begin to close. May be called more than once. */
  void (*end)(struct tp_resource *resource);
  /* The host is being closed: only handles of the loop may be left when this returns. May be called
   * more than once. */
  void (*close)(struct tp_resource *resource);
  /* A module has new text. */
  void (*reload)(struct tp_resource *resource, const char *module);
  /* How many clients it serves. */
  unsigned (*count_clients)(const struct tp_resource *resource);
  LIST_ENTRY(tp_resource) link; /* in the host's list */
} tp_resource;

struct tp_host {
  uv_loop_t *loop;                    /* own_loop, or luv's where luv was loaded first */
  uv_loop_t own_loop;                 /* used unless luv brought its own */
  uv_async_t wake;                    /* sent by tp_host_stop_by, and for the mailbox */
  _Atomic(const char *) stopper;      /* what asks the host to stop; NULL: nothing */
  tp_mailbox *mailbox;                /* what other threads ask for */
  uint64_t outside;                   /* calls that something outside will finish */
  tp_interrupt interrupt;             /* ^C of a stock interpreter */
  lua_State *L;                       /* the main state; nothing runs on it while a task does */
  bool owns_state;                    /* L is closed with the host */
  bool is_unwanted;                   /* to be destroyed when its loop returns */
  bool state_ends;                    /* the state that it does not own is being closed */
  bool closing;                       /* Lua is no longer called */
  bool is_ready;                      /* a control server listens, or the script says so */
  tp_exec *exec;                      /* runs every coroutine */
  tp_log log;                         /* where records go, from which level on */
  tp_log default_log;                 /* where they went before Lua took them */
  tp_log_file log_file;               /* stderr, for a host in a stock interpreter */
  tp_event_fn on_event;               /* C code that is told of events; NULL: nobody is */
  void *event_context;                /* for that */
  tp_follower_list followers;         /* of events */
  struct tp_trace *trace;             /* of what happens; NULL: there is none */
  tp_meter meter;                     /* what the host measures of itself */
  uint64_t dropped_results;           /* of calls whose wait was cancelled */
  tp_failures failures;               /* of submitted calls that nobody has awaited */
  tp_exposure names;                  /* what control sessions may name */
  tp_pool_list pools;                 /* all pools not yet freed, oldest first */
  uint64_t next_pool;                 /* index of the next pool */
  uint64_t busy_pools;                /* pools that are not idle */
  LIST_HEAD(, tp_resource) resources; /* open resources */
  struct tp_attachment *attachment;   /* to a loop of the embedder's; NULL: there is none */
  void (*work_came)(struct tp_host *host); /* told when there may be work outside of a run, or NULL
                                            */
  void (*preload)(struct tp_host *host);   /* gives a state taskpool's modules; may raise */
};

/* ---- lifetime ---- */

/* Makes a host in the state L, which must be its main thread, and opens luv there. NULL: NoMemory,
 * IOError. */
tp_host *tp_host_open(lua_State *L, bool owns_state, tp_error *error);

/* Ends what runs, kills what does not end, and closes the host, and its Lua state if it owns it. */
void tp_host_close(tp_host *host);

/* The state of a closed host lives on without it, if the host does not own it. Raises nothing. */
void tp_host_leave_state(tp_host *host);

/* The directory of a file, from malloc. NULL: no memory. */
char *tp_host_directory_of(const char *path);

/* ---- running ---- */

/* Asks everything to end: resources close, tasks are cancelled. */
void tp_host_end(tp_host *host, const char *who, tp_code code);

/* Runs the loop until `*done` is true; where `done` is NULL, until no task is left and no
 * resource keeps it running. False: Deadlock; everything has been ended then. */
bool tp_host_run_until(tp_host *host, const bool *done, tp_error *error);

/* One round of the loop, which waits for nothing. False: NoMemory. */
bool tp_host_turn(tp_host *host, tp_error *error);

/* A task waits for something that will come through the mailbox: the host runs on until then. */
void tp_host_begin_outside(tp_host *host);
void tp_host_end_outside(tp_host *host);

/* Work may have come outside of a run: a loop of the embedder's must not end. */
void tp_host_note_work(tp_host *host);

/* ---- parts ---- */

/* A new pool; its label is "<class>-<name or index>". NULL: no memory, or the host is closing. */
tp_pool *tp_host_add_pool(tp_host *host, int kind, const char *class_name, const char *name,
                          uint64_t size);

/* Changes the level of the log, and with it which events pools report. */
void tp_host_set_log_level(tp_host *host, tp_log_level level);

/* Frees a pool. */
void tp_host_remove_pool(tp_host *host, tp_pool *pool);

/* Adds a resource, and removes one whose last handle is closed. */
void tp_host_add_resource(tp_host *host, tp_resource *resource);
void tp_host_remove_resource(tp_resource *resource);

/* Tells all resources that a module has new text. */
void tp_host_reload(tp_host *host, const char *module);

#endif
