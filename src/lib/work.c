/* SPDX-License-Identifier: MIT
 *
 * Workers in C: functions of the embedder that tasks call, and their calls that are not finished.
 *
 * A call that is finished before its worker returns never leaves the stack of its task. For another
 * one the task parks, and the results come as a letter (host/mailbox.h), from whichever thread. A
 * task that is cancelled does not wait on: its call is *lost* then, and freed when it is finished.
 * Where a task may be killed without being resumed, a *watch*, which is a <close> variable, tells
 * that. */
#include "base/fail.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "exec/park.h"
#include "exec/wait.h"
#include "host/host.h"
#include "lib/convert.h"
#include "lib/method.h"
#include "value/name.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_TYPE "taskpool.work"
#define WORKER_TYPE "taskpool.worker"

/* How many arguments or results need no memory of their own if they are plain. */
enum { FEW = 4 };

/* Several values. */
typedef struct values {
  size_t count;
  tp_value *block; /* from malloc; NULL: they are in `few` */
  tp_value few[FEW];
} values;

struct tp_work {
  tp_letter letter;    /* brings the end */
  tp_host *host;       /* whose task waits; not to be used by other threads */
  tp_mailbox *mailbox; /* for the letter; the record has a reference once the worker has returned */
  pthread_t thread;    /* the host's, while the worker is called */
  bool is_inside;      /* the worker has not returned; read in the host's thread only */
  bool is_finished;    /* the end has come, and the task has not taken it */
  bool is_lost;        /* the task does not wait for it */
  bool is_outside;     /* the host was told to wait for it */
  atomic_bool is_cancelled; /* the task was cancelled */
  tp_wake_id wake;          /* the park of the task */
  values arguments;         /* what it was called with */
  values results;           /* what it has returned */
  const tp_error *error;    /* what it has failed with, from malloc or `no_memory`, or NULL */
  void (*on_cancel)(void *context, tp_work *work); /* told of a cancel; NULL: nobody is */
  void *context;                                   /* for that */
};

/* The end of a call for which there was no memory. */
static const tp_error no_memory = {.code = TP_NO_MEMORY,
                                   .message = "no memory for the end of a worker in C"};

/* What a name stands for; in a userdata. */
typedef struct worker {
  tp_worker_fn call;
  void *context;
  tp_work *spare; /* a record that is not in use, from malloc; NULL: there is none */
} worker;

/* ---- the record ---- */

static const tp_value *items_of(const values *of) {
  return of->block ? of->block : of->few;
}

static bool is_plain(const tp_value *value) {
  return value->type < TP_STRING;
}

/* Copies `count` values into an empty record. False: no memory. */
static bool copy_values(values *into, const tp_value *from, size_t count) {
  bool is_few = count <= FEW;
  for (size_t i = 0; is_few && i < count; i++)
    is_few = is_plain(&from[i]);
  into->count = count;
  if (is_few && count > 0)
    memcpy(into->few, from, count * sizeof *from);
  else if (!is_few)
    into->block = tp_convert_copy(from, count);
  return is_few || into->block;
}

/* Reads all values on the stack into an empty record. Raises InvalidArgument, NoMemory. */
static void read_values(lua_State *L, values *into) {
  tp_error error;
  int count = lua_gettop(L);
  bool is_few = count <= FEW;
  into->count = (size_t)count;
  for (int i = 0; is_few && i < count; i++)
    is_few = lua_type(L, i + 1) != LUA_TSTRING && tp_convert_view(L, i + 1, &into->few[i]);
  if (is_few)
    return;
  into->block = tp_convert_read(L, 1, count, "argument", &error);
  if (!into->block)
    tp_raise_error(L, &error);
}

/* Frees what the record holds. */
static void clear(tp_work *work) {
  free(work->arguments.block);
  free(work->results.block);
  if (work->error != &no_memory)
    free((void *)work->error);
}

/* The end of a record whose worker has returned. */
static void destroy(tp_work *work) {
  tp_mailbox_release(work->mailbox);
  clear(work);
  free(work);
}

/* The record of a call that was finished before its worker returned serves again. */
static void reuse(worker *of, tp_work *work) {
  clear(work);
  free(of->spare);
  of->spare = work;
}

/* ---- the end, in the host's thread ---- */

/* The host waits for it no longer. */
static void leave(tp_work *work) {
  if (work->is_outside)
    tp_host_end_outside(work->host);
  work->is_outside = false;
}

/* The task does not wait for the call any more. */
static void lose(tp_work *work) {
  leave(work);
  if (work->is_finished) {
    destroy(work);
    return;
  }
  work->is_lost = true;
  atomic_store(&work->is_cancelled, true);
  if (work->on_cancel)
    work->on_cancel(work->context, work);
}

/* Opens the letter: the call is finished. */
static void on_finished(tp_letter *letter, bool late) {
  tp_work *work = (tp_work *)letter;
  if (late || work->is_lost) {
    destroy(work);
    return;
  }
  work->is_finished = true;
  leave(work);
  tp_park_wake(work->host->exec, work->wake, work->host->L, 0);
}

/* Lua: pushes what the call has come to. Stack: the call. */
static int l_push(lua_State *L) {
  const tp_work *work = lua_touserdata(L, 1);
  const tp_value *items = items_of(&work->results);
  lua_settop(L, 0);
  if (work->error) {
    tp_convert_push_error(L, work->error);
    return 1;
  }
  luaL_checkstack(L, (int)work->results.count + 4, "too many results");
  for (size_t i = 0; i < work->results.count; i++)
    tp_convert_push(L, &items[i]);
  return (int)work->results.count;
}

/* Pushes what the call has come to, or why that cannot be pushed. False: that is an error. */
static bool push_end(lua_State *L, const tp_work *work) {
  if (!work->error && !work->results.block) { /* plain values, which need no memory */
    for (size_t i = 0; i < work->results.count; i++)
      tp_convert_push(L, &work->results.few[i]);
    return true;
  }
  lua_pushcfunction(L, l_push);
  lua_pushlightuserdata(L, (void *)work);
  return lua_pcall(L, 1, LUA_MULTRET, 0) == LUA_OK && !work->error;
}

/* ---- the watch ---- */

/* Lua: the end of a watch. If it still has a call, the task was killed. */
static int l_watch_close(lua_State *L) {
  tp_work **watch = lua_touserdata(L, 1), *work = *watch;
  *watch = NULL;
  if (work)
    lose(work);
  return 0;
}

/* Lua: makes a watch without a call. */
static int l_watch(lua_State *L) {
  tp_work **watch = lua_newuserdatauv(L, sizeof *watch, 0);
  *watch = NULL;
  if (luaL_newmetatable(L, WATCH_TYPE)) {
    lua_pushcfunction(L, l_watch_close);
    lua_setfield(L, -2, "__close");
    lua_pushcfunction(L, l_watch_close);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return 1;
}

/* Puts a watch of a call on the empty stack. False: no memory; an error is there then. */
static bool push_watch(lua_State *L, tp_work *work) {
  lua_pushcfunction(L, l_watch);
  if (lua_pcall(L, 0, 1, 0) != LUA_OK)
    return false;
  lua_toclose(L, 1);
  *(tp_work **)lua_touserdata(L, 1) = work;
  return true;
}

/* ---- the call ---- */

/* The wait for a call is over. Stack: the watch, if there is one. */
static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_work *work = (tp_work *)context;
  tp_exec *exec = work->host->exec;
  bool is_cut = tp_wait_is_cut(exec);
  tp_work **watch = lua_touserdata(L, 1);
  *watch = NULL;
  if (work->is_finished) {
    if (is_cut)
      tp_wait_mend(exec);
    bool ok = push_end(L, work);
    destroy(work);
    return ok ? lua_gettop(L) - 1 : lua_error(L);
  }
  lose(work);
  return tp_wait_values(exec, L, 1);
}

/* A call for the task that runs, with what is on its stack. */
static tp_work *create(lua_State *L, tp_host *host, worker *of) {
  tp_work *work = of->spare ? of->spare : malloc(sizeof *work);
  of->spare = NULL;
  if (!work)
    tp_raise(L, TP_NO_MEMORY, "no memory for a call of a worker in C");
  *work = (tp_work){.letter.open = on_finished,
                    .host = host,
                    .mailbox = host->mailbox,
                    .thread = pthread_self(),
                    .wake = tp_wait_id(host->exec, L)};
  return work;
}

/* A call was finished before its worker has returned. */
static int finish_inside(lua_State *L, worker *of, tp_work *work) {
  bool ok = push_end(L, work);
  reuse(of, work);
  return ok ? lua_gettop(L) : lua_error(L);
}

/* The task waits until a call is finished elsewhere. The stack is empty. */
static int wait_outside(lua_State *L, tp_work *work) {
  tp_mailbox_keep(work->mailbox);
  work->is_inside = false;
  work->is_outside = true;
  tp_host_begin_outside(work->host);
  if (!push_watch(L, work)) {
    lose(work);
    return lua_error(L);
  }
  return tp_wait_park(work->host->exec, L, after_wait, (lua_KContext)work);
}

/* Lua: calls a worker. Upvalues: the worker, the host. */
static int l_call(lua_State *L) {
  worker *of = lua_touserdata(L, lua_upvalueindex(1));
  tp_host *host = lua_touserdata(L, lua_upvalueindex(2));
  tp_wait_begin(host->exec, L);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  tp_work *work = create(L, host, of);
  of->spare = work; /* while what follows may raise */
  read_values(L, &work->arguments);
  of->spare = NULL;
  lua_settop(L, 0);
  work->is_inside = true;
  of->call(of->context, work);
  return work->is_finished ? finish_inside(L, of, work) : wait_outside(L, work);
}

/* Lua: the end of a worker. */
static int l_worker_gc(lua_State *L) {
  worker *of = lua_touserdata(L, 1);
  free(of->spare);
  of->spare = NULL;
  return 0;
}

/* ---- the public functions ---- */

const tp_value *tp_work_args(const tp_work *work, size_t *count) {
  if (count)
    *count = work->arguments.count;
  return items_of(&work->arguments);
}

bool tp_work_is_cancelled(const tp_work *work) {
  return atomic_load(&work->is_cancelled);
}

void tp_work_on_cancel(tp_work *work, void (*on_cancel)(void *context, tp_work *work),
                       void *context) {
  work->on_cancel = on_cancel;
  work->context = context;
}

/* The call is finished, in this thread. */
static void finish(tp_work *work) {
  if (pthread_equal(pthread_self(), work->thread) && work->is_inside)
    work->is_finished = true;
  else
    tp_mailbox_post(work->mailbox, &work->letter);
}

void tp_work_return(tp_work *work, const tp_value *results, size_t count) {
  if (!copy_values(&work->results, results, count)) {
    work->results.count = 0;
    work->error = &no_memory;
  }
  finish(work);
}

void tp_work_fail(tp_work *work, tp_code code, const char *format, ...) {
  tp_error *error = malloc(sizeof *error);
  va_list arguments;
  va_start(arguments, format);
  tp_fail_list(error, code, format, arguments);
  va_end(arguments);
  work->error = error ? error : &no_memory;
  finish(work);
}

/* A worker to be registered. */
typedef struct registration {
  tp_host *host;
  const char *name;
  worker worker;
} registration;

/* Lua: gives a worker its name. Stack: the registration. */
static int l_register(lua_State *L) {
  const registration *of = lua_touserdata(L, 1);
  tp_error error;
  worker *copy = lua_newuserdatauv(L, sizeof *copy, 0);
  *copy = of->worker;
  if (luaL_newmetatable(L, WORKER_TYPE)) {
    lua_pushcfunction(L, l_worker_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  lua_pushlightuserdata(L, of->host);
  lua_pushcclosure(L, l_call, 2);
  if (!tp_name_expose(L, &of->host->names, of->name, lua_gettop(L), &error))
    return tp_raise_error(L, &error);
  return 0;
}

bool tp_host_register(tp_host *host, const char *name, tp_worker_fn call, void *context,
                      tp_error *error) {
  registration of = {host, name, {call, context, NULL}};
  return tp_fail_unless_given(host, "host", error) && tp_fail_unless_given(name, "name", error) &&
         (call || tp_fail(error, TP_INVALID_ARGUMENT, "worker must not be NULL")) &&
         tp_method_protect(host, l_register, &of, error);
}
