/* SPDX-License-Identifier: MIT
 *
 * The coroutine executor: runs Lua functions as coroutines on the host's loop.
 *
 * A *coroutine* here (tp_coro) is one call being run: a pool's task, a control session, the main
 * chunk, an iterator that feeds a group. It is in the run queue, running, parked (waiting for a
 * wake), offering (an iterator with a value), or at rest, to be used again.
 *
 * How it works. The loop calls a turn while there is something to run. A turn lets pools start what
 * they have room for, then resumes a snapshot of the run queue, again and again until a time budget
 * is spent; then I/O gets its turn. Nothing is ever resumed from inside Lua: calls of the API only
 * mark.
 *
 * Each park has a wake id (slot of the coroutine, number of the park); a wake with an old id does
 * nothing. Sleeps share one uv timer over a heap.
 *
 * The files: exec.c the run queue and the turn; coro.c one coroutine from start to end, slot.c
 * where they are kept; wait.c park, wake and cancel; timer.c the heap and the clock; call.c what a
 * group calls and with which arguments, feed.c its iterator, bind.c arguments by name; task.c what
 * a pool asks of its executor, scale.c when it scales itself; retry.c tasks that are tried again;
 * coroutine.c pcall and the coroutine library for tasks; slice.c what interrupts them; ending.c how
 * a cancel ends one, closing.c its <close> variables. */
#ifndef TP_EXEC_EXEC_H
#define TP_EXEC_EXEC_H

#include "pool/pool.h"
#include "taskpool.h"
#include <lua.h>
#include <stdint.h>
#include <uv.h>

typedef struct tp_exec tp_exec;
typedef struct tp_coro tp_coro;
typedef struct tp_run tp_run;

/* Names one park of one coroutine. Never 0. */
typedef uint64_t tp_wake_id;

/* Who is told what happens. */
typedef struct tp_exec_listener {
  void *context; /* handed to the functions */
  /* A pool event; the task is NULL where it is about the pool, `words` (what more there is to say)
   * where there are none. Must not call back. */
  void (*event)(void *context, tp_pool *pool, tp_event event, const tp_task *task,
                const char *words);
  /* The call named `who` ended in an error that nobody else is told of. `text`: message and
   * traceback. */
  void (*failed)(void *context, const char *who, const char *text);
  /* What runs is stuck in C code, at `place`. Called from a thread of the watchdog's own. */
  void (*stuck)(void *context, const char *place);
} tp_exec_listener;

/* ---- lifetime ---- */

/* Makes the executor of the Lua state L (its main thread) on `loop`. The listener's struct is
 * copied. With `in_state` the record is memory of L, so that what runs in L until its end can still
 * call. Raises only for lack of memory or handles. */
tp_exec *tp_exec_create(lua_State *L, uv_loop_t *loop, const tp_exec_listener *listener,
                        bool in_state);

/* Switches preemption on or off. Not from inside of a coroutine. The first time that it is on, a
 * signal is taken, which is put back when the executor is closed: `signal`, or 0 for one that
 * nobody handles. False: InvalidArgument, NotAvailable, NoMemory. */
bool tp_exec_set_preempt(tp_exec *exec, bool on, int signal, tp_error *error);

/* The same as in the executor `from`, which outlives this one, with its signal. False: NoMemory. */
bool tp_exec_borrow_preempt(tp_exec *exec, const tp_exec *from, tp_error *error);

/* Who has borrowed the signal may outlive this executor: it is not put back. */
void tp_exec_keep_signal(const tp_exec *exec);

/* Says which Lua files are a part of this library: those whose chunk names begin with `prefix`
 * ("@/usr/…/taskpool/"). Their functions are never interrupted half way. */
void tp_exec_set_library(tp_exec *exec, const char *prefix);

/* Has every coroutine preempted after so many instructions, to test that it makes no difference; 0:
 * no more. */
void tp_exec_force_preemption(tp_exec *exec, int instructions);

/* Has nothing run in the turns to come, but what is queued after that. */
void tp_exec_halt(tp_exec *exec);

/* Starts closing the handles; run the loop until they are closed, close the Lua state, then free.
 */
void tp_exec_close(tp_exec *exec);
void tp_exec_free(tp_exec *exec);

/* ---- starting ---- */

/* Called once, when a call has ended, with the `count` results on top of L (ok), or one error value
 * (not ok). Runs inside the coroutine, or outside of any where memory has run out for that. Must
 * not wait. What it raises is only logged: it does first what others depend on. */
typedef void (*tp_coro_done)(void *context, lua_State *L, bool ok, int count);

/* Queues the call of the function below the `nargs` values on top of `L` (all popped). It runs at
 * the next turn. Raises only for lack of memory. `what` (static, as "control session") names it in
 * messages; `done` may be NULL: an error is told to the listener then. */
tp_coro *tp_exec_start(tp_exec *exec, lua_State *L, int nargs, const char *what, tp_coro_done done,
                       void *context);

/* The same, before all that is ready to run now and whenever it has waited: for what must answer
 * under any load. */
tp_coro *tp_exec_start_urgent(tp_exec *exec, lua_State *L, int nargs, const char *what,
                              tp_coro_done done, void *context);

/* The coroutine that runs now; NULL outside of any. */
tp_coro *tp_exec_current(const tp_exec *exec);

/* What a coroutine that runs now and is no task was called by tp_exec_start; NULL if none does. */
const char *tp_exec_current_job(const tp_exec *exec);

/* The task that runs now; NULL if none does. */
const tp_task *tp_exec_current_task(const tp_exec *exec);

/* The pool whose task runs now; NULL if none does. */
tp_pool *tp_exec_current_pool(const tp_exec *exec);

/* Pushes the calls that a task of this executor is in, the innermost first, in one line. */
void tp_exec_push_stack(lua_State *L, tp_task *task);

/* Says where the error whose value is on top of L comes from, before it is raised: message and
 * traceback are the text `cause`, not those of the running coroutine. */
void tp_exec_set_cause(lua_State *L, const char *cause, size_t length);

/* Pushes words for where the call at `info` in the thread `of` is. */
typedef void (*tp_exec_place)(lua_State *L, lua_State *of, lua_Debug *info);

/* Calls of `function` wait for what is done elsewhere, and `push` knows where that is. One function
 * an executor. */
void tp_exec_set_place(tp_exec *exec, lua_CFunction function, tp_exec_place push);

/* Pushes message and traceback of the error whose value is on top of L, in the tp_coro_done of the
 * call that it has ended. */
void tp_exec_push_traceback(tp_exec *exec, lua_State *L);

/* ---- waiting: for C functions that Lua calls ---- */

/* The id that the next park of the running coroutine will have. Raises InvalidArgument outside a
 * task. */
tp_wake_id tp_wait_id(tp_exec *exec, lua_State *L);

/* What every wait does first: raises InvalidArgument where L cannot wait, and the cancel error in a
 * cancelled task. For a wait that begins something before it parks. */
void tp_wait_begin(tp_exec *exec, lua_State *L);

/* Parks the running coroutine until it is woken: `return tp_wait_park(exec, L, k, context)`. After
 * the wake the continuation `k` is called; it must call tp_wait_values. Raises the cancel error at
 * once in a cancelled task, InvalidArgument where L cannot wait. The stack of L is kept as it is.
 */
int tp_wait_park(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context);

/* The same, but no longer than until the clock says `deadline` (seconds; HUGE_VAL: never). The
 * continuation sees by itself whether it was woken, or tp_wait_is_late. */
int tp_wait_park_until(tp_exec *exec, lua_State *L, double deadline, lua_KFunction k,
                       lua_KContext context);

/* Called right before a park without a time limit that waits for work of `pool`, and must be
 * followed by it. False: the running task would wait for ever, because the pool is full and all its
 * tasks wait like this one; the caller raises Deadlock instead. Raises what a park would. */
bool tp_wait_for_pool(tp_exec *exec, lua_State *L, tp_pool *pool);

/* Raises the Deadlock that tp_wait_for_pool has found. */
int tp_wait_raise_deadlock(tp_exec *exec, lua_State *L, const tp_pool *pool);

/* Whether the clock has come to that deadline. */
bool tp_wait_is_late(const tp_exec *exec, double deadline);

/* In a continuation: how many values above `base` the wake brought. Raises the cancel error if a
 * cancel ended the wait. */
int tp_wait_values(tp_exec *exec, lua_State *L, int base);

/* In a continuation, before tp_wait_values: whether a cancel ended the wait. */
bool tp_wait_is_cut(const tp_exec *exec);

/* Whether a coroutine is parked under that id. */
bool tp_wait_is_parked(const tp_exec *exec, tp_wake_id id);

/* In a continuation whose wait a cancel has cut: goes on as if it had not, because what was waited
 * for has come all the same. */
void tp_wait_mend(tp_exec *exec);

/* In a continuation whose wait a cancel has cut: parks again, to wait for the end of what was
 * cancelled elsewhere. Only a wake, or the end of the grace, ends this. */
int tp_wait_again(tp_exec *exec, lua_State *L, lua_KFunction k, lua_KContext context);

/* Parks for that long (seconds; 0 or less: lets the others run first). Returns nothing to Lua. */
int tp_wait_sleep(tp_exec *exec, lua_State *L, double seconds);

/* Raises the cancel error if the running coroutine is cancelled: what every wait does first. */
void tp_wait_check(tp_exec *exec, lua_State *L);

/* Wakes the park `id` with the `count` values on top of `from` (popped in any case). False: the id
 * is old. From any code on the host's thread; nothing runs before the next turn. */
bool tp_wake(tp_exec *exec, tp_wake_id id, lua_State *from, int count);

/* Parks of the running coroutine that only the world outside can end are counted between these two,
 * so that a virtual clock does not run ahead of them. */
void tp_wait_outside_begin(tp_exec *exec);
void tp_wait_outside_end(tp_exec *exec);

/* ---- cancelling ---- */

/* Cancels a coroutine: its present or next wait raises; one that has not begun never begins. Takes
 * a reference of `reason`. Only the first cancel counts. Where there is no memory for it, NoMemory
 * is raised once instead. */
void tp_exec_cancel(tp_exec *exec, tp_coro *coro, tp_cancel *reason);

/* Has a coroutine cancelled with TimedOut after so many seconds, HUGE_VAL: never. False: no memory.
 */
bool tp_exec_limit(tp_coro *coro, double seconds);

/* Why the running coroutine is cancelled, and how much of its grace is left, seconds; NULL: it is
 * not. */
const tp_cancel *tp_exec_cancel_reason(const tp_exec *exec, double *left);

/* A new reason, or, for lack of memory, one that is kept for that case and says less. Never NULL.
 */
tp_cancel *tp_exec_new_reason(tp_exec *exec, tp_code code, const char *who, const char *message,
                              double grace);

/* Cancels every coroutine but the one that runs. The pools' tasks should have been cancelled by
 * their pools. */
void tp_exec_cancel_all(tp_exec *exec, tp_cancel *reason);

/* Holds the raising off in the running coroutine, for so many seconds at most, until
 * tp_exec_unshield gets back what was stored in
 * `*before`. False: no memory. */
bool tp_exec_shield(tp_exec *exec, double seconds, uint64_t *before);
void tp_exec_unshield(tp_exec *exec, uint64_t before);

/* Whether the running coroutine is shielded: it may be killed in a wait that no cancel has cut. */
bool tp_exec_is_shielded(const tp_exec *exec);

/* Whether the value at `index` is the error by which the running coroutine is being cancelled. */
bool tp_exec_is_cancel(const tp_exec *exec, lua_State *L, int index);

/* Why a live task is being cancelled; NULL: it is not, or it is through with it. */
tp_cancel *tp_exec_reason(tp_task *task);

/* ---- running ---- */

/* Runs the loop until `finished` says so. False: nothing is left that could make it so. */
bool tp_exec_run(tp_exec *exec, bool (*finished)(void *context), void *context);

/* Whether the last run has ended because there was no memory to go on, and none came. */
bool tp_exec_is_exhausted(const tp_exec *exec);

/* The end of a call that was started is told to nobody any more. */
void tp_exec_detach(tp_coro *coro);

/* What tp_exec_leave puts back. */
typedef struct tp_outside {
  lua_State *L;       /* what runs in between */
  lua_State *running; /* what ran before; NULL: nothing */
  tp_coro *current;   /* the coroutine that ran; NULL: none */
  bool slicing;       /* slices were watched already */
} tp_outside;

/* Lua code that is no part of a coroutine, as a callback of the loop, begins to run on L, and ends.
 * In between it can be interrupted: after a second an error is raised in it. */
tp_outside tp_exec_enter(tp_exec *exec, lua_State *L);
void tp_exec_leave(tp_exec *exec, tp_outside before);

/* Whether a coroutine or a pool could go on at once. */
bool tp_exec_has_work(const tp_exec *exec);

/* Whether the loop runs already. */
bool tp_exec_is_looping(const tp_exec *exec);

/* Coroutines that have not ended. */
uint64_t tp_exec_live(const tp_exec *exec);

/* The clock in seconds, monotone. */
double tp_exec_now(const tp_exec *exec);

/* Switches to a virtual clock that starts at 0 and jumps to the next timer when nothing is
 * runnable, or back to the real one. Timers that are set keep their distance. */
void tp_exec_set_virtual(tp_exec *exec, bool on);

/* ---- what pools need ---- */

/* The functions that a pool of this executor is made with; its `owner` is a tp_run. */
extern const tp_pool_ops tp_exec_pool_ops;

/* One who waits for something of a pool. */
typedef struct tp_pool_waiter {
  tp_wake_id id;   /* woken when … */
  tp_event event;  /* … this happens: IDLE, CLOSED, FINISHED, ENDED or DONE */
  uint64_t number; /* DONE: once the pool is flushable for this ticket; ENDED: of the task of this
                      id; FINISHED: of the group of this number; else unused */
} tp_pool_waiter;

/* A timer of a pool, beside those of its tasks. */
typedef struct tp_alarm {
  void (*ring)(tp_run *run); /* what happens then, from the loop: must not raise or wait */
  tp_run *run;               /* whose it is */
  uint64_t order; /* number among the parks: of those due at one instant the first set is first */
  uint32_t place; /* in the heap of timers + 1; 0: not set */
  bool is_idle;   /* nothing waits for it: neither the host nor its clock goes on for it alone */
} tp_alarm;

/* How tasks are tried again when their function has failed: see retry.c. */
typedef struct tp_retry {
  uint32_t n;     /* tries after the first one; 0: none */
  double backoff; /* seconds before the first of them, doubled each time up to an hour */
  double jitter;  /* the part of it, 0 to 1, by which each pause is longer or shorter at random */
} tp_retry;

/* What the executor keeps for a pool. */
struct tp_run {
  tp_exec *exec;                  /* the executor */
  unsigned listened;              /* bits of the events that the listener is told of */
  tp_pool *pool;                  /* the pool; its owner is this record */
  bool held;                      /* it starts nothing; see tp_run_hold */
  bool queued;                    /* among the executor's pools that have something to start */
  TAILQ_ENTRY(tp_run) queue_link; /* there */
  tp_pool_waiter *waiters;        /* who waits for it */
  size_t waiter_count;            /* how many */
  size_t waiter_capacity;         /* how many fit */
  double grace;                   /* seconds that its cancelled tasks have before they are killed */
  tp_alarm pacer;                 /* the next token that its rates wait for */
  tp_alarm scaler;                /* the next look at a pool that scales itself */
  bool changed;                   /* something has happened to it since the last one */
  tp_retry retry;                 /* of calls that say nothing else */
  uint64_t errors;                /* tasks and iterators that failed since the last flush */
  int first_error;                /* registry reference of the first error value */
};

/* Makes a pool that this executor runs. NULL: no memory. */
tp_pool *tp_run_create(tp_exec *exec, int kind, const char *label, uint64_t size);

/* Has the listener told of the events of a pool whose bits are set, and of no others. */
void tp_run_listen(tp_pool *pool, unsigned events);

/* Has a pool start nothing: what it has started waits for somebody else to take it up. */
void tp_run_hold(tp_pool *pool);

/* Has it go on, if it was held. */
void tp_run_let_go(tp_pool *pool);

/* Frees a pool of which nothing runs. */
void tp_run_destroy(tp_pool *pool);

/* Has the alarm ring in so many seconds, instead of when it was set for before. */
void tp_alarm_set(tp_alarm *alarm, double seconds, bool is_idle);

/* The same at a time of tp_timer_now. */
void tp_alarm_set_at(tp_alarm *alarm, uint64_t deadline, bool is_idle);

/* Changes whether something waits for one that is set. */
void tp_alarm_set_idle(tp_alarm *alarm, bool is_idle);

/* Stops it, whether it is set or not. */
void tp_alarm_stop(tp_alarm *alarm);

/* Has a pool scale itself between those bounds. */
void tp_run_set_bounds(tp_pool *pool, const tp_bounds *bounds);

/* Wakes the running coroutine's next park at that event. Raises for lack of memory. */
void tp_run_wait(tp_pool *pool, lua_State *L, tp_event event, uint64_t number);

/* Pushes the first error since the last call, and returns how many there were; 0: pushes nothing.
 */
uint64_t tp_run_take_errors(tp_pool *pool, lua_State *L);

/* ---- what a group calls ---- */

/* How an element becomes arguments. */
typedef enum tp_spread {
  TP_SPREAD_SAME,  /* apply, start: the same arguments each time */
  TP_SPREAD_ONE,   /* map: the element */
  TP_SPREAD_LIST,  /* starmap: the element is a list of arguments */
  TP_SPREAD_NAMED, /* doublestarmap: the element is a table of arguments by name */
} tp_spread;

/* Stack indexes of what a call is made of; 0 or an index of nil where there is none. */
typedef struct tp_call_parts {
  int pool;      /* the pool's userdata, kept alive by the call */
  int function;  /* the worker function */
  int signature; /* what has its parameters' names, where that is another function */
  int items;     /* the list of elements, or of arguments; a function: the iterator */
  int end_callback, cancel_callback;
  tp_spread spread; /* how an element becomes arguments */
  int timeout;      /* seconds that a task may run */
  tp_retry retry;   /* whether a task is tried again */
  uint64_t times;   /* TP_SPREAD_SAME: how many tasks */
  /* Of a submitted call: told once of its results, or of the error or the cancel that came before
   * them, which are then neither logged nor counted. */
  tp_coro_done done;
  void *context; /* for it */
  int future;    /* what `context` belongs to, kept alive by the call */
} tp_call_parts;

typedef struct tp_call tp_call;

/* Makes a call, anchored until its group is finished or tp_call_drop. Raises InvalidArgument,
 * NoMemory. */
tp_call *tp_call_create(tp_exec *exec, lua_State *L, const tp_call_parts *parts);

/* Pushes the future of a group's call. Allocates nothing. */
void tp_call_push_future(const tp_group *group, lua_State *L);

/* Lets go of a call that found no group. */
void tp_call_drop(tp_call *call, lua_State *L);

/* ---- tries: retry.c ---- */

/* Wraps the error value on top of the stack, so that a task which it ends is not tried again. */
void tp_retry_refuse(lua_State *L);

/* Whether the value on top is such an error. */
bool tp_retry_is_refused(lua_State *L);

/* Replaces a wrapped error value on top of the stack by the value itself, where an error leaves the
 * task. Never raises. */
void tp_retry_unwrap(lua_State *L);

/* Which try of its function the running task is at, from 1 on; in its callbacks, how many there
 * were. 0 outside of a pool's task. */
uint32_t tp_exec_tries(const tp_exec *exec);

/* Says which try it is of a call that stands for a task of another host. */
void tp_exec_set_tries(tp_coro *coro, uint32_t tries);

/* ---- arguments by name: bind.c ---- */

/* Pushes the list of positional arguments made of a list (or nil) and a table of arguments by name
 * (or nil) for the function at `function`. Raises InvalidArgument that names the function and the
 * parameter. */
void tp_bind_arguments(lua_State *L, int function, int list, int named);

/* Opens pcall, xpcall and the coroutine functions that let waits and cancels pass, in place of the
 * standard ones. */
void tp_coroutine_open(lua_State *L, tp_exec *exec);

/* Replaces the coroutine on top of the stack by a function that resumes it for its next values, and
 * returns nothing when it has ended. */
void tp_coroutine_push_iterator(lua_State *L, tp_exec *exec);

#endif
