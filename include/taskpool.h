/* SPDX-License-Identifier: MIT
 *
 * taskpool: a host for pools of tasks scripted in Lua.
 *
 * A C program embeds it in a few steps:
 *
 *     tp_error error;
 *     tp_host *host = tp_host_create(NULL, &error);                    a loop and a Lua state
 *     tp_host_run_file(host, "jobs.lua", 0, NULL, &error);             the script makes pools
 *     tp_host_serve(host, NULL, "unix:/run/jobs.sock", &error);        people control them
 *     tp_host_run(host, &error);                                       until all work is done
 *     tp_host_destroy(host);
 *
 * Errors. A function that can fail returns false (or NULL) and fills the tp_error it was given; the
 * pointer may be NULL. Any other pointer that is NULL where none is allowed gives InvalidArgument.
 * The library never exits, aborts or prints: what it has to say goes to the log function of the
 * options.
 *
 * Threads. A host belongs to the thread that calls it; only tp_host_stop and tp_host_stop_by may be
 * called from another thread or from a signal handler. Any number of hosts may live in one process.
 *
 * Ownership. Strings that are passed in are copied; strings that come back live as long as the
 * header says. */
#ifndef TASKPOOL_H
#define TASKPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; TP_VERSION is the same as text. Before 1.0, a new minor version may
 * change the interface. */
#define TP_VERSION_MAJOR 0
#define TP_VERSION_MINOR 1
#define TP_VERSION_PATCH 0
#define TP_VERSION TP_VERSION_TEXT(TP_VERSION_MAJOR, TP_VERSION_MINOR, TP_VERSION_PATCH)
#define TP_VERSION_TEXT(major, minor, patch) TP_VERSION_JOIN(major, minor, patch)
#define TP_VERSION_JOIN(major, minor, patch) #major "." #minor "." #patch

#if defined(__GNUC__)
#define TP_API __attribute__((visibility("default")))
#else
#define TP_API
#endif

/* The version of the library that runs, such as "0.1.0". Static. */
TP_API const char *tp_version(void);

/* What can go wrong. Each code has one name, the same in C, Lua, log and answers. */
#define TP_CODES(X)                                                                                \
  X(POOL_IS_CLOSED, PoolIsClosed)                      /* the pool was gathered and closed */      \
  X(POOL_IS_LOCKED, PoolIsLocked)                      /* the pool refuses new work */             \
  X(TASK_GROUP_ALREADY_EXISTS, TaskGroupAlreadyExists) /* the group name is taken */               \
  X(TASK_GROUP_NOT_FOUND, TaskGroupNotFound)           /* no group of that name */                 \
  X(TASK_NOT_FOUND, TaskNotFound)                      /* no task of that id */                    \
  X(ALREADY_CANCELLED, AlreadyCancelled)               /* the task was cancelled before */         \
  X(ALREADY_ENDED, AlreadyEnded)                       /* the task has ended */                    \
  X(INVALID_ARGUMENT, InvalidArgument)                 /* wrong type, range, name or spelling */   \
  X(NOT_FOUND, NotFound)                               /* no such function, module, command */     \
  X(NOT_AVAILABLE, NotAvailable)                       /* not possible now; may work later */      \
  X(CANCELLED, Cancelled)                              /* raised in a task that is cancelled */    \
  X(TIMED_OUT, TimedOut)                               /* the time limit was over */               \
  X(DENIED, Denied)                                    /* not allowed for this caller */           \
  X(TASK_FAILED, TaskFailed)                           /* tasks that were waited for failed */     \
  X(DEADLOCK, Deadlock)                                /* tasks wait and nothing can wake them */  \
  X(IO_ERROR, IOError)                                 /* file, socket or address failed */        \
  X(SCRIPT_ERROR, ScriptError)                         /* a script did not load or raised */       \
  X(NO_MEMORY, NoMemory)                               /* an allocation failed */

typedef enum tp_code {
  TP_OK = 0,
#define TP_CODE_MEMBER(code, name) TP_##code,
  TP_CODES(TP_CODE_MEMBER)
#undef TP_CODE_MEMBER
} tp_code;

/* The printed name of a code, such as "PoolIsClosed". Static; never NULL. */
TP_API const char *tp_code_name(tp_code code);

#define TP_ERROR_SIZE 4096

/* One failure: what kind, and a text that says what was wrong, where, and what to do. */
typedef struct tp_error {
  tp_code code;
  char message[TP_ERROR_SIZE]; /* cut where it would not fit; always terminated */
} tp_error;

typedef enum tp_log_level {
  TP_LOG_DEFAULT, /* in options: TP_LOG_WARNING */
  TP_LOG_DEBUG,
  TP_LOG_INFO,
  TP_LOG_WARNING,
  TP_LOG_ERROR,
  TP_LOG_NONE,
} tp_log_level;

/* One record of the log. The strings are valid during the call that gets it; those that are NULL
 * have nothing to say. */
typedef struct tp_log_record {
  size_t size;         /* of this struct; a later version may add fields at its end */
  tp_log_level level;  /* how bad it is */
  double time;         /* wall clock, seconds since 1970 */
  const char *pool;    /* the pool that it is about, such as "TaskPool-jobs"; NULL: none */
  const char *group;   /* the name of the group; NULL: none, or one without a name */
  long long task;      /* the id of the task in its pool, from 0; -1: none */
  unsigned thread;     /* the number of the thread that it comes from, from 1; 0: the host's own */
  const char *error;   /* the code of the error that it tells of, such as "TimedOut"; an error that
                          has no code is "ScriptError"; NULL: none */
  const char *message; /* the text; never NULL. Each line break in it is followed by two blanks;
                          other control bytes, and bytes that are not UTF-8, are escaped */
} tp_log_record;

/* Receives each log record at or above the level asked for: one call for each record, on the host's
 * thread. Only the record that a worker is stuck in C code comes from a thread of the library. It
 * must not call back into the host. */
typedef void (*tp_log_fn)(void *context, const tp_log_record *record);

/* The name of a level ("debug"), and the level of a name; -1 for an unknown one. Static; never
 * NULL. */
TP_API const char *tp_log_level_name(tp_log_level level);
TP_API int tp_log_level_of(const char *name);

/* The context of tp_log_to_file. Start from {.file = …}. */
typedef struct tp_log_file {
  FILE *file;       /* where records go */
  unsigned dropped; /* records that it did not take, since the last one that it took */
  bool json;        /* each record is one JSON object; default: text */
} tp_log_file;

/* A tp_log_fn to use as it is: writes a record to the file of the tp_log_file that is its context.
 * As text it is "YYYY-MM-DD HH:MM:SS.mmm level message", in local time. As JSON it is one line with
 * the members "time" (such as "2026-01-31T12:00:00.000Z", in UTC), "level", "pool", "group",
 * "task", "thread", "error" and "message"; those that have nothing to say are left out.
 * It never waits: while a pipe or a terminal takes nothing, because nobody reads it, records are
 * dropped. A line that says how many comes before the next record that is taken, or at the end of
 * the host. */
TP_API void tp_log_to_file(void *log_file, const tp_log_record *record);

/* How a host is made. Start from {0}: every zero is a default. */
typedef struct tp_host_options {
  tp_log_fn log;          /* where log records go; default: nowhere */
  void *log_context;      /* passed to `log` */
  tp_log_level log_level; /* the lowest that `log` gets; default: TP_LOG_WARNING */
  bool no_preempt;    /* workers that never wait are not interrupted; default: they are, by … */
  int preempt_signal; /* … this signal, sent to the thread that runs the host, whether that blocks
                         it or not. It is taken for the whole process, and restored by
                         tp_host_destroy, unless another host was told to use the same; default:
                         the first real-time signal that has no handler */
  const char *modules; /* directory whose modules may be named in control commands;
                          default: the directory of the first script that runs */
} tp_host_options;

/* A loop, a Lua state, its pools and its control servers. */
typedef struct tp_host tp_host;

/* Makes a host. `options` may be NULL. Returns NULL with NoMemory, IOError, InvalidArgument
 * (impossible options) or NotAvailable. */
TP_API tp_host *tp_host_create(const tp_host_options *options, tp_error *error);

/* Runs the Lua file `path` as the host's main task, with `argv[0..argc-1]` as its arguments (also
 * in the global `arg`), and returns when it has returned; tasks it left in pools stay.
 * `ScriptError` carries the message and the traceback, laid out as in the log, `Cancelled` says
 * that the host was stopped, `Deadlock` as below. The loop runs meanwhile. */
TP_API bool tp_host_run_file(tp_host *host, const char *path, int argc, char *const argv[],
                             tp_error *error);

/* The same for Lua text in memory; `name` appears in messages, such as "=jobs". */
TP_API bool tp_host_run_text(tp_host *host, const char *text, const char *name, tp_error *error);

/* Lets control sessions use `name`: "package.module.function", or "package.*" for all Lua functions
 * that the module and those below it define. The first call replaces the default, the modules below
 * the modules directory. Nothing is looked up yet: what is not there when a session asks for it is
 * NotFound. (taskpool.expose in Lua also gives functions of a script a name.) */
TP_API bool tp_host_expose(tp_host *host, const char *name, tp_error *error);

/* Opens a control server for the pool that prints as `pool` ("TaskPool-jobs"), or for every pool
 * when it is NULL, the oldest being the one a session starts with. `address` is "unix:PATH" (mode
 * 0600) or "tcp://HOST:PORT" on loopback. It answers while tp_host_run_* run, until the host is
 * destroyed. */
TP_API bool tp_host_serve(tp_host *host, const char *pool, const char *address, tp_error *error);

/* Runs the host until no task is left and no server is open, or until it is stopped. `Deadlock`:
 * tasks are left, and nothing that the host knows of can wake them. */
TP_API bool tp_host_run(tp_host *host, tp_error *error);

/* Whether each failure of a task has been looked at: by flush, gather-and-close, wait, task, an end
 * callback or the await of its future. If not, the message of TaskFailed says in one line how many
 * were not, in which pools and groups. */
TP_API bool tp_host_check_failures(const tp_host *host, tp_error *error);

/* Asks the host to stop: its tasks are cancelled, tp_host_run_* return. From any thread or signal
 * handler, any number of times. */
TP_API void tp_host_stop(tp_host *host);

/* The same, saying who stops it: tasks see "cancelled by <who>". `who` is not copied; it must live
 * as long as the host. */
TP_API void tp_host_stop_by(tp_host *host, const char *who);

/* Closes servers, ends what still runs and frees everything. NULL is allowed. Not from inside a
 * task. */
TP_API void tp_host_destroy(tp_host *host);

/* The control client of the command line, for programs that need their own. */
typedef struct tp_client_options {
  const char *address; /* "unix:PATH" or "tcp://HOST:PORT" */
  const char *command; /* one command to send; NULL: read lines from `in` until its end or "exit" */
  FILE *in, *out, *err; /* default: stdin, stdout, stderr; a prompt appears when `in` and `out` are
                           terminals */
} tp_client_options;

/* What a client run came to; also the exit codes of `taskpool control`. */
typedef enum tp_client_result {
  TP_CLIENT_DONE = 0,          /* every command was answered; none failed */
  TP_CLIENT_FAILED = 1,        /* a command was answered with an error */
  TP_CLIENT_USAGE = 2,         /* the options are wrong */
  TP_CLIENT_NO_CONNECTION = 3, /* nothing answers there, or the connection broke */
  TP_CLIENT_DENIED = 4,        /* the server or the system refuses this client */
} tp_client_result;

/* Runs a client to its end. Blocks; owns nothing after it returns. Needs no host. */
TP_API tp_client_result tp_client_run(const tp_client_options *options);

#ifdef __cplusplus
}
#endif
#endif
