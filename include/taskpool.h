/* SPDX-License-Identifier: MIT
 *
 * taskpool: a host for pools of tasks scripted in Lua.
 *
 * A C program embeds it in a few steps:
 *
 *     tp_error error;
 *     tp_host *host = tp_host_create(NULL, &error);                    a loop and a Lua state
 *     tp_pool *pool = tp_pool_create(host, NULL, &error);              work for its functions
 *     tp_value args = tp_integer(7);
 *     tp_pool_submit(pool, "jobs.fetch", &args, 1, NULL, on_result, NULL, &error);
 *     tp_host_serve(host, NULL, "unix:/run/jobs.sock", &error);        people control it
 *     tp_host_run(host, &error);                                       until all work is done
 *     tp_host_destroy(host);
 *
 * Errors. A function that can fail returns false (or NULL) and fills the tp_error it was given; the
 * pointer may be NULL. Any other pointer that is NULL where none is allowed gives InvalidArgument.
 * The library never exits, aborts or prints: what it has to say goes to the log function of the
 * options.
 *
 * Threads. A host belongs to the thread that calls it; between two calls it may go to another one.
 * From any thread: tp_host_post; tp_work_return, tp_work_fail and tp_work_is_cancelled; tp_version
 * and what needs no host; tp_host_stop and tp_host_stop_by, these also from a signal handler.
 * Callbacks come on the host's thread. Any number of hosts may live in one process.
 *
 * Callbacks get the pointer `context` that was given with them. A callback may call any function
 * for the host except those that run it.
 *
 * Ownership. What is passed in is copied, except options.loop and options.lua_state. What comes
 * back lives as long as the header says. */
#ifndef TASKPOOL_H
#define TASKPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
  unsigned column;             /* the place in the text that was read, from 1; 0: there is none */
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

/* ---- values ---- */

typedef enum tp_type {
  TP_NIL,
  TP_BOOLEAN,
  TP_INTEGER,
  TP_NUMBER,
  TP_STRING,
  TP_LIST,
  TP_MAP,
} tp_type;

typedef struct tp_value tp_value;
typedef struct tp_pair tp_pair;

/* A value of Lua. Make one with the functions below; read `type`, then the member that goes with
 * it. */
struct tp_value {
  tp_type type;
  size_t count; /* bytes of a string, items of a list, pairs of a map */
  union {
    bool boolean;
    int64_t integer;
    double number;
    const char *string; /* any bytes; one that comes from the library has a zero byte after them */
    const tp_value *items;
    const tp_pair *pairs;
  } as;
};

/* An entry of a map. */
struct tp_pair {
  tp_value key;
  tp_value value;
};

/* Values that point to what they are given, which must outlive them. */
static inline tp_value tp_nil(void) {
  tp_value value;
  value.type = TP_NIL;
  value.count = 0;
  value.as.integer = 0;
  return value;
}

static inline tp_value tp_boolean(bool boolean) {
  tp_value value = tp_nil();
  value.type = TP_BOOLEAN;
  value.as.boolean = boolean;
  return value;
}

static inline tp_value tp_integer(int64_t integer) {
  tp_value value = tp_nil();
  value.type = TP_INTEGER;
  value.as.integer = integer;
  return value;
}

static inline tp_value tp_number(double number) {
  tp_value value = tp_nil();
  value.type = TP_NUMBER;
  value.as.number = number;
  return value;
}

/* A string of `length` bytes. */
static inline tp_value tp_string_of(const char *bytes, size_t length) {
  tp_value value = tp_nil();
  value.type = TP_STRING;
  value.count = length;
  value.as.string = bytes;
  return value;
}

/* A string that ends with a zero byte. */
static inline tp_value tp_string(const char *text) {
  size_t length = 0;
  while (text[length] != '\0')
    length++;
  return tp_string_of(text, length);
}

static inline tp_value tp_list(const tp_value *items, size_t count) {
  tp_value value = tp_nil();
  value.type = TP_LIST;
  value.count = count;
  value.as.items = items;
  return value;
}

static inline tp_value tp_map(const tp_pair *pairs, size_t count) {
  tp_value value = tp_nil();
  value.type = TP_MAP;
  value.count = count;
  value.as.pairs = pairs;
  return value;
}

/* The value in a map under the key `name`, and the one at `index` of a list, from 0 on. NULL: there
 * is none, or `value` is not a map or a list. */
TP_API const tp_value *tp_value_get(const tp_value *value, const char *name);
TP_API const tp_value *tp_value_at(const tp_value *value, size_t index);

/* A copy with all that it points to, for tp_value_free. NULL: no memory. */
TP_API tp_value *tp_value_copy(const tp_value *value);

/* The value of a literal in Lua, Python or JSON spelling, such as "['a', {'k': 1}]", for
 * tp_value_free. NULL: InvalidArgument, NoMemory. Needs no host. */
TP_API tp_value *tp_value_parse(const char *text, tp_error *error);

/* Frees what another function returned for it. NULL is allowed. */
TP_API void tp_value_free(tp_value *value);

/* Receives what a call has come to, once: its `count` results, or an error (NULL: none). All of it
 * is valid during the call. */
typedef void (*tp_done_fn)(void *context, const tp_error *error, const tp_value *results,
                           size_t count);

/* ---- a host: making, running, ending ---- */

struct lua_State;
struct uv_loop_s;

/* How a host is made. Begin with tp_host_options_init. */
typedef struct tp_host_options {
  size_t size;            /* of this struct; set by tp_host_options_init */
  tp_log_fn log;          /* where log records go; default: nowhere */
  void *log_context;      /* passed to `log` */
  tp_log_level log_level; /* the lowest that `log` gets; default: TP_LOG_WARNING */
  bool preempt; /* workers that never wait are interrupted; default: false. This is done by … */
  int preempt_signal; /* … this signal, sent to the thread that runs the host, whether that blocks
                         it or not. It is taken for the whole process, and restored by
                         tp_host_destroy, unless another host was told to use the same; default:
                         0, the first real-time signal that has no handler */
  const char *modules; /* directory whose modules may be named in control commands, and from which
                          tp_pool_apply and the like load theirs; default: NULL, the directory of
                          the first script that runs */
  struct uv_loop_s *loop;      /* the host also runs while this loop of yours runs, which needs no
                                  tp_host_run then; it must outlive the host, and run once more
                                  after tp_host_destroy; default: NULL */
  struct lua_State *lua_state; /* the main thread of your Lua 5.4 state, in which the host lives. It
                                  must outlive the host, and its `coroutine` library, pcall and
                                  xpcall are replaced by ones that can wait; default: NULL, a new
                                  state with the standard libraries */
  void *(*allocate)(void *context, void *block, size_t old_size, size_t new_size);
  /* allocates the memory of a new Lua state, as lua_Alloc does; default: NULL, realloc and free */
  void *allocate_context; /* passed to `allocate` */
} tp_host_options;

/* Fills in the defaults. */
TP_API void tp_host_options_init(tp_host_options *options);

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

/* What a session of a control server may do. Each role may do what those before it may. */
typedef enum tp_role {
  TP_ROLE_NONE = -1, /* before it has shown a token: show one, ping, help, exit */
  TP_ROLE_READ,      /* look at pools, groups and tasks, and wait for them */
  TP_ROLE_OPERATE,   /* start, change and cancel them */
} tp_role;

/* Who may use a control server, and how much of it. Begin with tp_serve_options_init. A number that
 * is 0 stands for its default. */
typedef struct tp_serve_options {
  size_t size;            /* of this struct; set by tp_serve_options_init */
  tp_role role;           /* the most that its sessions may do; default: TP_ROLE_OPERATE */
  const char *token;      /* a session may do nothing before it has shown this, or one of … */
  const char *token_file; /* … these: a file that only its owner may read, with a line for each,
                             "TOKEN", "read TOKEN" or "operate TOKEN". A token has 16 to 255 visible
                             ASCII characters; default: NULL, no token is needed */
  const unsigned *uids;   /* users whom a Unix socket admits, beside its own and root; it has mode
                             0666 if there are any. Default: NULL, none */
  size_t uid_count;       /* how many */
  uint64_t max_clients;   /* how many are served at a time; default: 128 */
  uint64_t max_line;      /* bytes of a line; default: 65536; without a token it is 1024 */
  uint64_t max_unread;    /* bytes of answers that wait for a client; default: 8 MiB */
  double line_timeout;    /* seconds from the first byte of a line to its end, and for a token to
                             come; default: 10 */
  double unread_timeout;  /* seconds that answers may stay unread; default: 30 */
  double idle_timeout;    /* seconds without a command; default: any time */
} tp_serve_options;

/* Fills in the defaults. */
TP_API void tp_serve_options_init(tp_serve_options *options);

/* Opens a control server for the pool that prints as `pool` ("TaskPool-jobs"), or for every pool
 * when it is NULL, the oldest being the one a session starts with. `address` is "unix:PATH" (mode
 * 0600) or "tcp://HOST:PORT", on loopback unless a token is needed: what goes over TCP is not
 * encrypted. `options` may be NULL. It answers while tp_host_run_* run, until the host is
 * destroyed. False: InvalidArgument, Denied (an address beyond loopback without a token, a file of
 * tokens that others may read), IOError, NotFound. */
TP_API bool tp_host_serve(tp_host *host, const char *pool, const char *address,
                          const tp_serve_options *options, tp_error *error);

/* Runs the host until no task is left and no server is open, or until it is stopped. `Deadlock`:
 * tasks are left, and nothing that the host knows of can wake them. */
TP_API bool tp_host_run(tp_host *host, tp_error *error);

/* Runs what is ready, after waiting `seconds` at most for it (0: not at all). For programs with a
 * loop of their own, which need no tp_host_run:
 *
 *     poll tp_host_fd(host) for reading, for tp_host_timeout(host) milliseconds at most;
 *     tp_host_run_once(host, 0, &error);
 *
 * False: InvalidArgument (inside a run), NoMemory. */
TP_API bool tp_host_run_once(tp_host *host, double seconds, tp_error *error);

/* A descriptor that is readable when tp_host_run_once has something to do. It is the host's; ask it
 * once. */
TP_API int tp_host_fd(const tp_host *host);

/* When tp_host_run_once must be called even if the descriptor is not readable: in so many
 * milliseconds; 0: at once; -1: never. Ask again after each call of a function for the host. */
TP_API int tp_host_timeout(tp_host *host);

/* Whether a task is left or a server is open, so that tp_host_run would not return at once. */
TP_API bool tp_host_is_busy(const tp_host *host);

/* Ends the work in good order: locks all pools, runs for `seconds` at most until their tasks have
 * ended, and then stops the host. `TimedOut`: tasks had to be cancelled. */
TP_API bool tp_host_drain(tp_host *host, double seconds, tp_error *error);

/* Calls `call` on the host's thread, when that runs the host. From any thread, until
 * tp_host_destroy is called. Each call is made once, in the order of posting; tp_host_destroy makes
 * those that are left, with `host` NULL. False: NoMemory, and the call will not be made. */
TP_API bool tp_host_post(tp_host *host, void (*call)(void *context, tp_host *host), void *context,
                         tp_error *error);

/* The Lua state of a host, which has taskpool's modules; nothing must be left on its stack. The
 * libuv loop of a host, which runs whenever the host does: handles that are put there must be
 * closed before tp_host_destroy. For programs that include lua.h or uv.h. */
TP_API struct lua_State *tp_host_lua_state(tp_host *host);
TP_API struct uv_loop_s *tp_host_loop(tp_host *host);

/* Something that has happened in a pool. The strings are valid during the call that gets it; those
 * that are NULL have nothing to say. */
typedef struct tp_event_record {
  size_t size;        /* of this struct; a later version may add fields at its end */
  const char *event;  /* of a pool: "initialized", "locked", "unlocked", "scaled", "closed"; of a
                         group: "finished"; of a task: "started", "cancelling", "cancelled",
                         "retried", "killed", "ignored" (its cancel), "ended" */
  double time;        /* wall clock, seconds since 1970 */
  const char *pool;   /* what the pool prints as */
  const char *group;  /* the name of the group; NULL: none, or one without a name */
  long long task;     /* the id of the task; -1: none */
  const char *detail; /* what more there is to say, such as how a task has ended; or NULL */
} tp_event_record;

/* Receives each event, on the host's thread. It must not call back into the host. */
typedef void (*tp_event_fn)(void *context, const tp_event_record *record);

/* Has `handler` (NULL: nobody) told of the events of all pools. */
TP_API void tp_host_on_event(tp_host *host, tp_event_fn handler, void *context);

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

/* Closes servers, ends what still runs and frees everything. NULL is allowed. In a callback it
 * stops the host, which is freed when the function that runs it returns, with Cancelled. */
TP_API void tp_host_destroy(tp_host *host);

/* ---- workers in C ---- */

/* A call of a worker in C that has not been finished. */
typedef struct tp_work tp_work;

/* Does the work of a task, on the host's thread, and should be as quick as a callback of a loop.
 * Each call must be finished once, by tp_work_return or tp_work_fail: before the function returns,
 * or later, from any thread; the task waits meanwhile. */
typedef void (*tp_worker_fn)(void *context, tp_work *work);

/* Gives a worker in C a name such as "jobs.fetch": pools, Lua code and control sessions call it as
 * any function of that name. Counts as tp_host_expose for control sessions. */
TP_API bool tp_host_register(tp_host *host, const char *name, tp_worker_fn worker, void *context,
                             tp_error *error);

/* The arguments of the call, and how many there are. They live until the call is finished. */
TP_API const tp_value *tp_work_args(const tp_work *work, size_t *count);

/* Finishes the call with `count` results. `work` is gone afterwards. From any thread. */
TP_API void tp_work_return(tp_work *work, const tp_value *results, size_t count);

/* Finishes the call with an error, which is raised in the task: a code and a text that is printed
 * as by printf. `work` is gone afterwards. From any thread. */
TP_API void tp_work_fail(tp_work *work, tp_code code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Whether the task has been cancelled, so that nobody waits for the results. The call must be
 * finished all the same. From any thread. */
TP_API bool tp_work_is_cancelled(const tp_work *work);

/* Has `on_cancel` called on the host's thread when the task is cancelled before the call is
 * finished. To be called by the worker itself, before it returns. */
TP_API void tp_work_on_cancel(tp_work *work, void (*on_cancel)(void *context, tp_work *work),
                              void *context);

/* ---- pools ---- */

/* A pool. It is valid until tp_pool_release, or until its host is destroyed.
 *
 * Each method of a pool in Lua is a function here, with the same name, errors and defaults;
 * docs/methods.md explains them. A function of a worker is named "package.module.function", or as
 * it was registered or exposed. */
typedef struct tp_pool tp_pool;

/* Told when a task has ended: its id, and what tp_done_fn gets. */
typedef void (*tp_end_fn)(void *context, uint64_t task, const tp_error *error,
                          const tp_value *results, size_t count);

/* What a pool is; docs/methods.md#taskpool. Begin with tp_pool_options_init. */
typedef struct tp_pool_options {
  size_t struct_size;      /* of this struct; set by tp_pool_options_init */
  const char *name;        /* what it prints as: "TaskPool-<name>"; default: NULL, an index */
  uint64_t size;           /* how many tasks may run at a time; default: TP_UNLIMITED */
  double cancel_grace;     /* seconds until a cancelled task is killed; default: 5 */
  const tp_value *retries; /* of its tasks: an integer, or a map {n, backoff, jitter}; default: 0 */
  const tp_value *rate;    /* of its starts: an integer, or a map {n, per, burst}; default: NULL */
  const char *executor;    /* "coroutine" or "thread"; default: NULL, "coroutine" */
  unsigned threads;        /* how many, with "thread"; default: 0, one for each core */
  const char *order;       /* "fifo", "lifo" or "priority"; default: NULL, "fifo" */
  uint64_t queue_limit;    /* submitted calls that may wait; default: TP_UNLIMITED */
  const tp_value *autoscale; /* a map {min, max, interval}; default: NULL */
  const char *function;   /* makes a SimpleTaskPool of this function, and not a TaskPool; default:
                             NULL */
  const tp_value *args;   /* list of the arguments of `function`; default: NULL, none */
  const tp_value *kwargs; /* map of arguments by name; default: NULL, none */
  tp_end_fn end_callback; /* with `function`: called when a task has ended; default: NULL */
  tp_end_fn cancel_callback; /* the same, before it for one that was cancelled; default: NULL */
  void *context;             /* passed to these two */
} tp_pool_options;

/* No limit, as math.huge in Lua. */
#define TP_UNLIMITED UINT64_MAX

/* Fills in the defaults. */
TP_API void tp_pool_options_init(tp_pool_options *options);

/* Makes a pool. `options` may be NULL. NULL: InvalidArgument, NotFound, NotAvailable, NoMemory. */
TP_API tp_pool *tp_pool_create(tp_host *host, const tp_pool_options *options, tp_error *error);

/* The pool that prints as `label`, such as "TaskPool-jobs", which a script may have made. NULL:
 * NotFound. */
TP_API tp_pool *tp_pool_find(tp_host *host, const char *label, tp_error *error);

/* Lets go of a pool, whose work goes on. NULL is allowed. */
TP_API void tp_pool_release(tp_pool *pool);

/* What a pool prints as. Lives as long as the pool. */
TP_API const char *tp_pool_label(const tp_pool *pool);

/* The host of a pool. */
TP_API tp_host *tp_pool_host(const tp_pool *pool);

/* The options of calls that add tasks; each takes those that docs/methods.md lists for it, and
 * refuses the others. Begin with tp_call_options_init. */
typedef struct tp_call_options {
  size_t size;             /* of this struct; set by tp_call_options_init */
  const char *group_name;  /* default: NULL, made of method, function and an index */
  uint64_t num;            /* apply: how many tasks; default: 1 */
  uint64_t num_concurrent; /* map and the like: how many at a time; default: 1 */
  const tp_value *kwargs;  /* map of arguments by name; default: NULL, none */
  double timeout;          /* seconds that a task may run; default: 0, any time */
  double weight;           /* a smaller one starts sooner, with the order "priority"; default: 4 */
  const tp_value *retries; /* as in tp_pool_options; default: NULL, the pool's */
  const tp_value *rate;    /* of the group's starts; default: NULL, any */
  const char *executor;    /* submit: what runs it; default: NULL, the pool's */
  tp_end_fn end_callback;  /* called when a task has ended; default: NULL */
  tp_end_fn cancel_callback; /* called before it for one that was cancelled; default: NULL */
  void *context;             /* passed to these two */
} tp_call_options;

/* Fills in the defaults. */
TP_API void tp_call_options_init(tp_call_options *options);

/* The elements of a map: a list, or an iterator. The other fields are zero. */
typedef struct tp_items {
  const tp_value *list;                           /* of the elements; is copied */
  bool (*next)(void *context, tp_value *element); /* called for each element when there is room for
                                                     its task; false: there are no more. `element`
                                                     must live until the next call */
  void (*close)(void *context); /* called once when no more will be asked for; may be NULL */
  void *context;                /* passed to both */
  const char *name;             /* of a Lua function that makes the iterator, or of a list */
} tp_items;

/* Run a function in tasks of one group, whose name they return. It lives until the next call of a
 * function for the host that returns text. `options` may be NULL. NULL: PoolIsLocked, PoolIsClosed,
 * NotAvailable (the pool is paused), TaskGroupAlreadyExists, NotFound, InvalidArgument. */
TP_API const char *tp_pool_apply(tp_pool *pool, const char *function, const tp_value *args,
                                 size_t count, const tp_call_options *options, tp_error *error);
TP_API const char *tp_pool_map(tp_pool *pool, const char *function, const tp_items *items,
                               const tp_call_options *options, tp_error *error);
TP_API const char *tp_pool_starmap(tp_pool *pool, const char *function, const tp_items *items,
                                   const tp_call_options *options, tp_error *error);
TP_API const char *tp_pool_doublestarmap(tp_pool *pool, const char *function, const tp_items *items,
                                         const tp_call_options *options, tp_error *error);

/* The same for `num` tasks of a SimpleTaskPool. */
TP_API const char *tp_pool_start(tp_pool *pool, uint64_t num, tp_error *error);

/* What will come of a submitted call. It is valid until `done` has been told. */
typedef struct tp_future tp_future;

/* Queue one call, and have `done` told of its results; NULL: its error is logged. Where the queue
 * is full or the pool is paused, the first one waits for a place, and the second fails with
 * NotAvailable. NULL: what tp_pool_apply returns NULL for. */
TP_API tp_future *tp_pool_submit(tp_pool *pool, const char *function, const tp_value *args,
                                 size_t count, const tp_call_options *options, tp_done_fn done,
                                 void *context, tp_error *error);
TP_API tp_future *tp_pool_submit_nowait(tp_pool *pool, const char *function, const tp_value *args,
                                        size_t count, const tp_call_options *options,
                                        tp_done_fn done, void *context, tp_error *error);

/* Cancels the call. `message` may be NULL. */
TP_API void tp_future_cancel(tp_future *future, const char *message);

/* Changes the weight of a call that waits; false: it has begun. */
TP_API bool tp_future_set_weight(tp_future *future, double weight);

/* Cancel tasks by their ids, those of a group, all of the pool, and the newest ones. `message` may
 * be NULL; `grace` in seconds, negative: the pool's. The last two store the ids in a list if
 * `stopped` is not NULL, for tp_value_free. */
TP_API bool tp_pool_cancel(tp_pool *pool, const uint64_t *tasks, size_t count, const char *message,
                           double grace, tp_error *error);
TP_API bool tp_pool_cancel_group(tp_pool *pool, const char *group, const char *message,
                                 double grace, tp_error *error);
TP_API bool tp_pool_cancel_all(tp_pool *pool, const char *message, double grace, tp_error *error);
TP_API bool tp_pool_stop(tp_pool *pool, uint64_t num, tp_value **stopped, tp_error *error);
TP_API bool tp_pool_stop_all(tp_pool *pool, tp_value **stopped, tp_error *error);

/* Wait, and tell `done`, which may be NULL: for the end of groups (a list of names) and tasks
 * (ids); for callbacks of ended tasks, which are then forgotten; for all work, to close the pool;
 * for that somebody else closes it. With `return_exceptions` the errors of tasks are no error of
 * the wait. `timeout` in seconds, 0: any time. */
TP_API bool tp_pool_wait(tp_pool *pool, const tp_value *targets, double timeout,
                         bool return_exceptions, tp_done_fn done, void *context, tp_error *error);
TP_API bool tp_pool_flush(tp_pool *pool, bool return_exceptions, tp_done_fn done, void *context,
                          tp_error *error);
TP_API bool tp_pool_gather_and_close(tp_pool *pool, bool return_exceptions, tp_done_fn done,
                                     void *context, tp_error *error);
TP_API bool tp_pool_until_closed(tp_pool *pool, tp_done_fn done, void *context, tp_error *error);

/* Look at a pool: return maps, or lists of them, with the fields that docs/methods.md#tables lists,
 * for tp_value_free. `state` and `group` may be NULL; `limit` is the most rows. NULL: TaskNotFound,
 * TaskGroupNotFound, InvalidArgument, NoMemory. */
TP_API tp_value *tp_pool_status(tp_pool *pool, tp_error *error);
TP_API tp_value *tp_pool_groups(tp_pool *pool, bool all, uint64_t limit, tp_error *error);
TP_API tp_value *tp_pool_tasks(tp_pool *pool, const char *group, const char *state, uint64_t limit,
                               tp_error *error);
TP_API tp_value *tp_pool_task(tp_pool *pool, uint64_t task, tp_error *error);

/* The ids of the tasks of a group, as a list in no order, for tp_value_free. */
TP_API tp_value *tp_pool_get_group_ids(tp_pool *pool, const char *group, tp_error *error);

/* Texts that live until the next call of a function for the host that returns text: where a task
 * is; the function of a SimpleTaskPool. */
TP_API const char *tp_pool_traceback(tp_pool *pool, uint64_t task, tp_error *error);
TP_API const char *tp_pool_func_name(tp_pool *pool, tp_error *error);

/* Counts of tasks; 0 if `pool` is NULL. */
TP_API uint64_t tp_pool_num_running(const tp_pool *pool);
TP_API uint64_t tp_pool_num_waiting(const tp_pool *pool);
TP_API uint64_t tp_pool_num_cancelled(const tp_pool *pool);
TP_API uint64_t tp_pool_num_ended(const tp_pool *pool);
TP_API uint64_t tp_pool_num_ok(const tp_pool *pool);
TP_API uint64_t tp_pool_num_failed(const tp_pool *pool);
TP_API uint64_t tp_pool_num_cancelled_total(const tp_pool *pool);
TP_API uint64_t tp_pool_num_timed_out(const tp_pool *pool);
TP_API uint64_t tp_pool_num_retried(const tp_pool *pool);

/* How many tasks may run at a time, under two names; TP_UNLIMITED: any number. */
TP_API uint64_t tp_pool_size(const tp_pool *pool);
TP_API uint64_t tp_pool_pool_size(const tp_pool *pool);
TP_API bool tp_pool_set_size(tp_pool *pool, uint64_t size, tp_error *error);

/* Adds `by`, which may be negative, to the size; with `hard`, tasks that are too many then are
 * cancelled. */
TP_API bool tp_pool_scale(tp_pool *pool, int64_t by, bool hard, tp_error *error);

/* The order of groups ("fifo"), and how many submitted calls may wait. */
TP_API const char *tp_pool_order(const tp_pool *pool);
TP_API uint64_t tp_pool_queue_limit(const tp_pool *pool);

/* Changes the weight of a group. */
TP_API bool tp_pool_set_weight(tp_pool *pool, const char *group, double weight, tp_error *error);

/* Changes how many tasks of a group may run at a time, 1 or more, TP_UNLIMITED: as many as the
 * pool's size. Tasks that run go on. */
TP_API bool tp_pool_set_concurrency(tp_pool *pool, const char *group, uint64_t num_concurrent,
                                    tp_error *error);

/* A locked pool refuses new work; a paused one too, and what has not started waits. False:
 * PoolIsClosed. */
TP_API bool tp_pool_lock(tp_pool *pool, tp_error *error);
TP_API bool tp_pool_unlock(tp_pool *pool, tp_error *error);
TP_API bool tp_pool_pause(tp_pool *pool, tp_error *error);
TP_API bool tp_pool_resume(tp_pool *pool, tp_error *error);

/* What state a pool is in; false if `pool` is NULL. */
TP_API bool tp_pool_is_full(const tp_pool *pool);
TP_API bool tp_pool_is_locked(const tp_pool *pool);
TP_API bool tp_pool_is_closed(const tp_pool *pool);
TP_API bool tp_pool_paused(const tp_pool *pool);

/* ---- the control client ---- */

/* The control client of the command line, for programs that need their own. */
/* Whether a client colours what it shows. */
typedef enum tp_client_color {
  TP_CLIENT_COLOR_AUTO,   /* on a terminal, unless the environment has NO_COLOR */
  TP_CLIENT_COLOR_ALWAYS, /* everywhere */
  TP_CLIENT_COLOR_NEVER,  /* nowhere */
} tp_client_color;

typedef struct tp_client_options {
  const char *address;      /* "unix:PATH" or "tcp://HOST:PORT" */
  const char *command;      /* one command to send, a line; NULL: `words` */
  const char *const *words; /* one command to send as these words, ended by NULL, each of which may
                               hold blanks; NULL: read lines from `in` until its end or "exit" */
  FILE *in, *out, *err; /* default: stdin, stdout, stderr; a prompt appears when `in` and `out` are
                           terminals */
  double timeout;    /* seconds that connecting may take, and each answer; default (0): any time */
  const char *token; /* shown to the server at the start; NULL: none */
  bool json;         /* answers are shown as the server sends them, one JSON object a line */
  bool quiet;        /* only errors are shown */
  tp_client_color color; /* default: TP_CLIENT_COLOR_AUTO */
} tp_client_options;

/* What a client run came to; also the exit codes of `taskpool control`. */
typedef enum tp_client_result {
  TP_CLIENT_DONE = 0,          /* every command was answered; none failed */
  TP_CLIENT_FAILED = 1,        /* a command was answered with an error; not at a prompt */
  TP_CLIENT_USAGE = 2,         /* the options are wrong */
  TP_CLIENT_NO_CONNECTION = 3, /* nothing answers there, or not in time */
  TP_CLIENT_DENIED = 4,        /* the server or the system refuses this client */
  TP_CLIENT_LOST = 5,          /* the connection was lost in the middle */
} tp_client_result;

/* Runs a client to its end. Blocks; owns nothing after it returns. Needs no host. */
TP_API tp_client_result tp_client_run(const tp_client_options *options);

#ifdef __cplusplus
}
#endif
#endif
