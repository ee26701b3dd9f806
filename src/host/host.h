/* SPDX-License-Identifier: MIT
 *
 * A host: the loop, the Lua state, the executor, the pools and the services (control servers), with
 * their lifetime. The public face of it is taskpool.h, written in src/lib/; this is what the
 * other parts of src/ see.
 *
 * A host either owns its Lua state and loop (tp_host_create), or lives in the state of a stock
 * interpreter that required the module, on luv's loop if luv was loaded first. */
#ifndef TP_HOST_HOST_H
#define TP_HOST_HOST_H

#include "exec/exec.h"
#include "host/failures.h"
#include "host/interrupt.h"
#include "host/log.h"
#include "pool/pool.h"
#include "taskpool.h"
#include "value/name.h"
#include <lua.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <uv.h>

/* Something that lives beside the pools and keeps the host running while it is open, as a control
 * server. Embedded in the owner's own struct. */
typedef struct tp_service {
  /* Called when the host stops, perhaps more than once: start closing. The owner calls
   * tp_host_remove_service when its last handle is closed. */
  void (*close)(struct tp_service *service);
  LIST_ENTRY(tp_service) link; /* in the host's list */
} tp_service;

/* Something that lives beside the pools, does not keep the host running, and must be gone before
 * the Lua state is, as a set of threads. Embedded in the owner's own struct. */
typedef struct tp_guest {
  void *owner; /* that struct */
  /* The host is being closed: the guest is gone, but for its handles, when this returns. Perhaps
   * called more than once. */
  void (*close)(struct tp_guest *guest);
  /* A module has new text. */
  void (*reload)(struct tp_guest *guest, const char *module);
  LIST_ENTRY(tp_guest) link; /* in the host's list */
} tp_guest;

struct tp_host {
  uv_loop_t *loop;                       /* own_loop, or luv's where luv was loaded first */
  uv_loop_t own_loop;                    /* used unless luv brought its own */
  uv_async_t stop;                       /* sent by tp_host_stop_by */
  _Atomic(const char *) stopper;         /* who did that */
  tp_interrupt interrupt;                /* ^C of a stock interpreter */
  lua_State *L;                          /* the main state; nothing runs on it while a task does */
  bool owns_state;                       /* L is closed with the host */
  bool closing;                          /* Lua is not called any more */
  tp_exec *exec;                         /* runs every coroutine */
  tp_log log;                            /* where records go, from which level on */
  tp_log default_log;                    /* where they went before Lua took them */
  tp_log_file log_file;                  /* stderr, for a host in a stock interpreter */
  uint64_t dropped_results;              /* of calls whose wait was cancelled */
  tp_failures failures;                  /* of submitted calls that nobody has awaited */
  tp_names names;                        /* what control sessions may name */
  tp_pool_list pools;                    /* all pools not yet freed, oldest first */
  uint64_t next_pool;                    /* index of the next pool */
  uint64_t busy_pools;                   /* pools that are not idle */
  LIST_HEAD(, tp_service) services;      /* open services */
  LIST_HEAD(, tp_guest) guests;          /* guests that are not gone */
  void (*preload)(struct tp_host *host); /* gives a host's state the modules of taskpool; may raise
                                          */
};

/* ---- lifetime ---- */

/* A Lua state with the standard libraries. NULL: NoMemory. */
lua_State *tp_host_new_state(tp_error *error);

/* Makes a host in the state L, which must be its main thread, and opens luv there. NULL: NoMemory,
 * IOError. */
tp_host *tp_host_open(lua_State *L, bool owns_state, tp_error *error);

/* Ends what runs, as far as it lets itself be ended, and closes the host; a state of its own too.
 */
void tp_host_close(tp_host *host);

/* The host that a Lua state belongs to. Never NULL in a state that taskpool was opened in. */
tp_host *tp_host_of(lua_State *L);

/* The directory of a file, from malloc. NULL: no memory. */
char *tp_host_directory_of(const char *path);

/* ---- running ---- */

/* Asks everything to end: services close, tasks are cancelled. */
void tp_host_end(tp_host *host, const char *who, tp_code code);

/* Runs the loop until `*done` is true; where `done` is NULL, until no task is left and no service
 * is open. False: Deadlock; everything has been ended then. */
bool tp_host_run_until(tp_host *host, const bool *done, tp_error *error);

/* ---- parts ---- */

/* A new pool; its label is "<class>-<name or index>". NULL: no memory, or the host is closing. */
tp_pool *tp_host_add_pool(tp_host *host, int kind, const char *class_name, const char *name,
                          uint64_t size);

/* Changes the level of the log, and what pools tell with it. */
void tp_host_set_log_level(tp_host *host, tp_log_level level);

/* Frees a pool. */
void tp_host_remove_pool(tp_host *host, tp_pool *pool);

void tp_host_add_service(tp_host *host, tp_service *service);
void tp_host_remove_service(tp_host *host, tp_service *service);

void tp_host_add_guest(tp_host *host, tp_guest *guest);
void tp_host_remove_guest(tp_host *host, tp_guest *guest);

#endif
