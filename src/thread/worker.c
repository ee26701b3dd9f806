/* SPDX-License-Identifier: MIT
 *
 * The life of a thread: it opens a host of its own, runs its loop, and closes it; see worker.h.
 *
 * Between two turns it sends completed requests to the owner, and takes the next batch out of its
 * mailbox if it has nothing else to run; tasks that sleep or wait for I/O do not count. Requests
 * that have waited long because tasks never wait are taken as well: slices share the thread among
 * them. If the mailbox is empty then, the thread asks the owner for requests of blocked threads. */
#define _GNU_SOURCE
#include "thread/worker.h"
#include "base/fail.h"
#include "exec/cancel.h"
#include "exec/exec.h"
#include "exec/ready.h"
#include "thread/handler.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* How long a request waits while tasks run that never wait, nanoseconds. */
#define STARVING (20 * TP_MILLISECOND)

/* Lines for the owner's log that may wait. */
#define LINES_MAX 1000

/* ---- the record ---- */

tp_thread *tp_worker_create(tp_threads *set, unsigned number) {
  tp_thread *thread = calloc(1, sizeof *thread);
  if (!thread)
    return NULL;
  thread->set = set;
  thread->number = number;
  thread->level = set->host->log.level;
  TAILQ_INIT(&thread->inbox);
  TAILQ_INIT(&thread->cancels);
  TAILQ_INIT(&thread->outbox);
  TAILQ_INIT(&thread->taken);
  STAILQ_INIT(&thread->reloads);
  STAILQ_INIT(&thread->lines);
  uv_sem_init(&thread->opened, 0);
  uv_mutex_init(&thread->lock);
  uv_cond_init(&thread->changed);
  return thread;
}

static void free_notes(tp_note_list *list) {
  tp_note *note;
  while ((note = STAILQ_FIRST(list))) {
    STAILQ_REMOVE_HEAD(list, link);
    free(note);
  }
}

void tp_worker_free(tp_thread *thread) {
  tp_request_free_all(&thread->inbox);
  tp_request_free_all(&thread->outbox);
  free_notes(&thread->lines);
  free_notes(&thread->reloads);
  uv_sem_destroy(&thread->opened);
  uv_mutex_destroy(&thread->lock);
  uv_cond_destroy(&thread->changed);
  free(thread);
}

/* ---- the log ---- */

/* Tells the owner, with the lock, that there is something to collect. */
static void tell_owner(tp_thread *thread) {
  if (!thread->is_detached)
    uv_async_send(&thread->set->completion);
}

/* A tp_log_fn: sends a record to the owner. The watchdog's thread calls it too. */
static void log_to_owner(void *context, const tp_log_record *record) {
  tp_thread *thread = context;
  tp_note *line = calloc(1, sizeof *line + strlen(record->message) + 1);
  if (!line)
    return;
  line->level = record->level;
  snprintf(line->error, sizeof line->error, "%s", record->error ? record->error : "");
  strcpy(line->text, record->message);
  uv_mutex_lock(&thread->lock);
  if (thread->line_count < LINES_MAX && !thread->is_detached) {
    STAILQ_INSERT_TAIL(&thread->lines, line, link);
    thread->line_count++;
    line = NULL;
    tell_owner(thread);
  } else {
    thread->lost_lines++;
  }
  uv_mutex_unlock(&thread->lock);
  free(line);
}

/* ---- the mailbox ---- */

/* Does what the owner asks for besides requests: cancels, reloads, the end. */
static void attend(tp_thread *thread) {
  tp_note_list reloads = STAILQ_HEAD_INITIALIZER(reloads);
  tp_request *request;
  uv_mutex_lock(&thread->lock);
  thread->is_over = thread->is_stopping;
  while ((request = TAILQ_FIRST(&thread->cancels))) {
    TAILQ_REMOVE(&thread->cancels, request, cancel_link);
    request->is_listed = false;
    if (request->coro) /* it has not ended meanwhile */
      tp_exec_cancel(thread->host->exec, request->coro, request->cancel);
  }
  STAILQ_CONCAT(&reloads, &thread->reloads);
  uv_mutex_unlock(&thread->lock);
  tp_note *module;
  while ((module = STAILQ_FIRST(&reloads))) {
    STAILQ_REMOVE_HEAD(&reloads, link);
    tp_handler_reload(thread, module->text);
    free(module);
  }
}

static void on_wake(uv_async_t *wake) {
  attend(wake->data);
}

/* Whether the first request has waited too long for tasks that never wait. */
static bool is_starving(const tp_thread *thread, uint64_t now) {
  const tp_request *first = TAILQ_FIRST(&thread->inbox);
  return first && now - first->sent > STARVING && now - thread->took > STARVING;
}

/* Whether it has long run only tasks that never wait, with nothing in the mailbox. */
static bool could_share(const tp_thread *thread, uint64_t now) {
  return TAILQ_EMPTY(&thread->inbox) && now - thread->took > STARVING;
}

/* Moves the next batch out of the mailbox. With the lock. */
static void take(tp_thread *thread, tp_request_list *batch) {
  uint64_t cost = 0;
  unsigned count = 0;
  tp_request *request;
  while (cost < TP_BATCH && count < TP_BATCH_MAX && (request = TAILQ_FIRST(&thread->inbox))) {
    TAILQ_REMOVE(&thread->inbox, request, link);
    TAILQ_INSERT_TAIL(batch, request, link);
    request->place = TP_PLACE_THREAD;
    cost += request->cost;
    thread->inbox_cost -= request->cost;
    count++;
  }
  thread->inbox_count -= count;
}

/* Between a turn and the wait for I/O. */
static void on_prepare(uv_prepare_t *prepare) {
  tp_thread *thread = prepare->data;
  bool is_busy = tp_ready_has_work(thread->host->exec);
  tp_request_list batch = TAILQ_HEAD_INITIALIZER(batch);
  attend(thread);
  uint64_t now = uv_hrtime();
  uv_mutex_lock(&thread->lock);
  bool is_news = tp_set_publish(thread);
  if (!is_busy || is_starving(thread, now)) {
    take(thread, &batch);
    thread->took = now;
  } else if (could_share(thread, now)) {
    thread->wants_work = is_news = true;
    thread->took = now;
  }
  thread->seen = now;
  bool is_idle = !is_busy && TAILQ_EMPTY(&batch);
  is_news = is_news || (is_idle && !thread->is_idle);
  thread->is_idle = is_idle;
  thread->host->log.level = thread->level;
  if (is_news)
    tell_owner(thread);
  uv_mutex_unlock(&thread->lock);
  tp_handler_start(thread, &batch);
  if (atomic_load(&thread->done)) /* some could not be started: the next round sends them */
    uv_async_send(&thread->wake);
}

/* After the wait for I/O: what runs now may block the thread, so it counts as busy until on_prepare
 * runs. */
static void on_check(uv_check_t *check) {
  tp_thread *thread = check->data;
  thread->mark = uv_hrtime();
  uv_mutex_lock(&thread->lock);
  thread->seen = thread->mark;
  thread->is_idle = false;
  uv_mutex_unlock(&thread->lock);
}

/* ---- opening ---- */

/* Lua: opens the modules of the owner, and sets its search paths. Stack: the thread. */
static int l_open(lua_State *L) {
  static const char *const fields[] = {"path", "cpath"};
  tp_thread *thread = lua_touserdata(L, 1);
  const tp_threads *set = thread->set;
  if (set->host->preload)
    set->host->preload(thread->host);
  lua_getglobal(L, "package");
  for (int i = 0; i < 2; i++) {
    lua_pushstring(L, set->paths[i]);
    lua_setfield(L, -2, fields[i]);
  }
  lua_newtable(L);
  thread->functions = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static void open_handles(tp_thread *thread) {
  uv_loop_t *loop = thread->host->loop;
  uv_async_init(loop, &thread->wake, on_wake);
  uv_prepare_init(loop, &thread->prepare);
  uv_check_init(loop, &thread->check);
  thread->wake.data = thread->prepare.data = thread->check.data = thread;
  uv_prepare_start(&thread->prepare, on_prepare);
  uv_check_start(&thread->check, on_check);
}

/* The owner waits meanwhile, so its fields can be read. */
static bool open_host(tp_thread *thread) {
  const tp_host *owner = thread->set->host;
  void *context;
  lua_Alloc allocate = lua_getallocf(owner->L, &context);
  lua_State *L = tp_state_create(allocate, context, &thread->failure);
  tp_host *host = L ? tp_host_open(L, true, &thread->failure) : NULL;
  if (!host) {
    if (L)
      lua_close(L);
    return false;
  }
  thread->host = host;
  host->default_log = host->log = (tp_log){log_to_owner, thread, owner->log.level};
  host->names.directory = owner->names.directory ? strdup(owner->names.directory) : NULL;
  host->preload = owner->preload;
  if (!tp_exec_borrow_preempt(host->exec, owner->exec, &thread->failure)) {
    tp_host_close(host);
    return false;
  }
  lua_pushcfunction(L, l_open);
  lua_pushlightuserdata(L, thread);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    tp_host_close(host);
    return tp_fail(&thread->failure, TP_NO_MEMORY, "no memory for a thread");
  }
  open_handles(thread);
  return true;
}

/* ---- closing ---- */

/* Makes requests lost, and done. */
static void lose(tp_thread *thread, tp_request_list *list) {
  tp_request *request;
  while ((request = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, request, link);
    tp_request_lose(request);
    tp_request_push(&thread->done, request);
  }
}

/* Ends what runs. */
static void close_host(tp_thread *thread) {
  uv_mutex_lock(&thread->lock);
  thread->is_open = false;
  lose(thread, &thread->inbox);
  thread->inbox_cost = thread->inbox_count = 0;
  uv_mutex_unlock(&thread->lock);
  uv_close((uv_handle_t *)&thread->wake, NULL);
  uv_close((uv_handle_t *)&thread->prepare, NULL);
  uv_close((uv_handle_t *)&thread->check, NULL);
  tp_exec *exec = thread->host->exec;
  tp_cancel *reason = tp_exec_cancel_new_reason(exec, TP_CANCELLED, "the end of the threads", NULL,
                                                thread->set->grace);
  tp_exec_cancel_all(exec, reason);
  tp_cancel_release(reason);
  tp_host_close(thread->host);
  lose(thread, &thread->taken);
}

/* The last thing that a thread does. One that was given up frees its own record. */
static void leave(tp_thread *thread) {
  tp_threads *set = thread->set;
  uv_mutex_lock(&thread->lock);
  tp_set_publish(thread);
  bool is_detached = thread->is_detached;
  thread->has_ended = true;
  tell_owner(thread);
  uv_cond_broadcast(&thread->changed);
  uv_mutex_unlock(&thread->lock);
  if (!is_detached)
    return;
  tp_worker_free(thread);
  tp_set_release(set);
}

static bool is_over(void *context) {
  const tp_thread *thread = context;
  return thread->is_over;
}

static void run(void *argument) {
  tp_thread *thread = argument;
  thread->is_open = open_host(thread);
  bool has_opened = thread->is_open;
  uv_sem_post(&thread->opened);
  if (!has_opened)
    return;
  tp_exec_run(thread->host->exec, is_over, thread);
  close_host(thread);
  leave(thread);
}

bool tp_worker_start(tp_thread *thread, tp_error *error) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT); /* a stock interpreter's handler of it is for the owner's thread */
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  int status = uv_thread_create(&thread->id, run, thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status != 0)
    return tp_fail(error, TP_NOT_AVAILABLE, "cannot start a thread: %s", uv_strerror(status));
  uv_sem_wait(&thread->opened);
  if (thread->is_open)
    return true;
  uv_thread_join(&thread->id);
  *error = thread->failure;
  return false;
}
