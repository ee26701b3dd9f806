/* SPDX-License-Identifier: MIT
 *
 * The life of a thread: it opens a host of its own, runs its loop, and closes it.
 *
 * Between two turns it sends home what is done, and takes the next batch out of its mailbox if it
 * has nothing else to run; what sleeps or waits for I/O is no reason not to. Errands that have
 * waited long behind others that never wait are taken all the same: slices share the thread among
 * them. Where none are there, home is asked for some that are with a thread that is blocked. */
#define _GNU_SOURCE
#include "exec/exec.h"
#include "thread/set.h"
#include "value/error.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* How long an errand waits behind others that never wait. */
#define STARVING (20 * TP_MILLISECOND)

/* Lines for home's log that wait, at most. */
#define LINES_MAX 1000

void tp_worker_tell(tp_thread *thread) {
  if (!thread->is_detached)
    uv_async_send(&thread->set->news);
}

/* ---- the log ---- */

/* A tp_log_fn: hands a record to home. Also called from the watchdog's thread. */
static void log_to_home(void *context, tp_log_level level, const char *message) {
  tp_thread *thread = context;
  tp_note *line = calloc(1, sizeof *line + strlen(message) + 1);
  if (!line)
    return;
  line->level = level;
  strcpy(line->text, message);
  uv_mutex_lock(&thread->lock);
  if (thread->line_count < LINES_MAX && !thread->is_detached) {
    STAILQ_INSERT_TAIL(&thread->lines, line, link);
    thread->line_count++;
    line = NULL;
    tp_worker_tell(thread);
  } else {
    thread->lost_lines++;
  }
  uv_mutex_unlock(&thread->lock);
  free(line);
}

/* ---- the mailbox ---- */

/* Does what home asks for beside errands. */
static void attend(tp_thread *thread) {
  tp_note_list reloads = STAILQ_HEAD_INITIALIZER(reloads);
  tp_errand *errand;
  uv_mutex_lock(&thread->lock);
  thread->is_over = thread->is_stopping;
  while ((errand = TAILQ_FIRST(&thread->cancels))) {
    TAILQ_REMOVE(&thread->cancels, errand, cancel_link);
    errand->is_listed = false;
    if (errand->coro) /* it has not just ended */
      tp_exec_cancel(thread->host->exec, errand->coro, errand->cancel);
  }
  STAILQ_CONCAT(&reloads, &thread->reloads);
  uv_mutex_unlock(&thread->lock);
  tp_note *module;
  while ((module = STAILQ_FIRST(&reloads))) {
    STAILQ_REMOVE_HEAD(&reloads, link);
    tp_work_reload(thread, module->text);
    free(module);
  }
}

static void on_wake(uv_async_t *wake) {
  attend(wake->data);
}

/* Puts what is done where home collects it. With the lock. True: home is to be told. */
static bool publish(tp_thread *thread) {
  if (TAILQ_EMPTY(&thread->done))
    return false;
  bool was_empty = TAILQ_EMPTY(&thread->outbox);
  tp_errand *errand;
  TAILQ_FOREACH (errand, &thread->done, link) {
    errand->place = TP_PLACE_BACK;
    if (errand->is_listed)
      TAILQ_REMOVE(&thread->cancels, errand, cancel_link);
    errand->is_listed = false;
  }
  TAILQ_CONCAT(&thread->outbox, &thread->done, link);
  return was_empty;
}

/* Whether the first errand has waited too long behind work that never waits. */
static bool is_starving(const tp_thread *thread, uint64_t now) {
  const tp_errand *first = TAILQ_FIRST(&thread->inbox);
  return first && now - first->sent > STARVING && now - thread->took > STARVING;
}

/* Whether it has run nothing but what never waits for long, with nothing in the mailbox. */
static bool is_hungry(const tp_thread *thread, uint64_t now) {
  return TAILQ_EMPTY(&thread->inbox) && now - thread->took > STARVING;
}

/* Moves the next batch out of the mailbox. With the lock. */
static void take(tp_thread *thread, tp_errand_list *batch) {
  uint64_t cost = 0;
  unsigned count = 0;
  tp_errand *errand;
  while (cost < TP_BATCH && count < TP_BATCH_MAX && (errand = TAILQ_FIRST(&thread->inbox))) {
    TAILQ_REMOVE(&thread->inbox, errand, link);
    TAILQ_INSERT_TAIL(batch, errand, link);
    errand->place = TP_PLACE_THREAD;
    cost += errand->cost;
    thread->inbox_cost -= errand->cost;
    count++;
  }
  thread->inbox_count -= count;
}

/* Between a turn and the wait for I/O. */
static void on_prepare(uv_prepare_t *prepare) {
  tp_thread *thread = prepare->data;
  bool is_busy = tp_exec_has_work(thread->host->exec);
  tp_errand_list batch = TAILQ_HEAD_INITIALIZER(batch);
  attend(thread);
  uint64_t now = uv_hrtime();
  uv_mutex_lock(&thread->lock);
  bool is_news = publish(thread);
  if (!is_busy || is_starving(thread, now)) {
    take(thread, &batch);
    thread->took = now;
  } else if (is_hungry(thread, now)) {
    thread->is_hungry = is_news = true;
    thread->took = now;
  }
  thread->seen = now;
  bool is_idle = !is_busy && TAILQ_EMPTY(&batch);
  is_news = is_news || (is_idle && !thread->is_idle);
  thread->is_idle = is_idle;
  thread->host->log.level = thread->level;
  if (is_news)
    tp_worker_tell(thread);
  uv_mutex_unlock(&thread->lock);
  tp_work_start(thread, &batch);
  if (!TAILQ_EMPTY(&thread->done)) /* some could not be started: the next round tells */
    uv_async_send(&thread->wake);
}

/* Behind the wait for I/O: what runs now may block the thread, so it has to do until on_prepare has
 * seen the end of it. */
static void on_check(uv_check_t *check) {
  tp_thread *thread = check->data;
  thread->mark = uv_hrtime();
  uv_mutex_lock(&thread->lock);
  thread->seen = thread->mark;
  thread->is_idle = false;
  uv_mutex_unlock(&thread->lock);
}

/* ---- opening ---- */

/* Lua: modules and where they are looked for, as at home. Stack: the thread. */
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

/* Home waits meanwhile, so what is home's can be read. */
static bool open_host(tp_thread *thread) {
  const tp_host *home = thread->set->host;
  lua_State *L = tp_host_new_state(&thread->failure);
  tp_host *host = L ? tp_host_open(L, true, &thread->failure) : NULL;
  if (!host) {
    if (L)
      lua_close(L);
    return false;
  }
  thread->host = host;
  host->default_log = host->log = (tp_log){log_to_home, thread, home->log.level};
  host->names.directory = home->names.directory ? strdup(home->names.directory) : NULL;
  host->preload = home->preload;
  if (!tp_exec_borrow_preempt(host->exec, home->exec, &thread->failure)) {
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

/* Makes errands lost, and done. */
static void lose(tp_thread *thread, tp_errand_list *list) {
  tp_errand *errand;
  while ((errand = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, errand, link);
    tp_work_lose(errand);
    TAILQ_INSERT_TAIL(&thread->done, errand, link);
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
  tp_cancel *reason =
      tp_exec_new_reason(exec, TP_CANCELLED, "the end of the threads", NULL, thread->set->grace);
  tp_exec_cancel_all(exec, reason);
  tp_cancel_release(reason);
  tp_host_close(thread->host);
  lose(thread, &thread->taken);
}

static void free_list(tp_errand_list *list) {
  tp_errand *errand;
  while ((errand = TAILQ_FIRST(list))) {
    TAILQ_REMOVE(list, errand, link);
    tp_errand_free(errand);
  }
}

static void free_notes(tp_note_list *list) {
  tp_note *note;
  while ((note = STAILQ_FIRST(list))) {
    STAILQ_REMOVE_HEAD(list, link);
    free(note);
  }
}

void tp_worker_free(tp_thread *thread) {
  free_list(&thread->inbox);
  free_list(&thread->outbox);
  free_notes(&thread->lines);
  free_notes(&thread->reloads);
  uv_sem_destroy(&thread->opened);
  uv_mutex_destroy(&thread->lock);
  uv_cond_destroy(&thread->changed);
  free(thread);
}

/* The last thing that a thread does. One that home has given up frees what is its own. */
static void leave(tp_thread *thread) {
  tp_threads *set = thread->set;
  uv_mutex_lock(&thread->lock);
  publish(thread);
  bool is_detached = thread->is_detached;
  thread->has_ended = true;
  tp_worker_tell(thread);
  uv_cond_broadcast(&thread->changed);
  uv_mutex_unlock(&thread->lock);
  if (!is_detached)
    return;
  tp_worker_free(thread);
  tp_threads_release(set);
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
  sigaddset(&blocked, SIGINT); /* a stock interpreter's handler of it is for home's thread */
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
