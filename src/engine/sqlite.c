/* SPDX-License-Identifier: MIT
 *
 * The life of a SQLite engine and its thread; see sqlite.h. */
#include "engine/sqlite.h"
#include "base/fail.h"
#include "engine/sqlite_file.h"
#include "engine/sqlite_groups.h"
#include "engine/sqlite_items.h"
#include "engine/sqlite_members.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/* How often an idle thread looks for what others have changed, nanoseconds. */
#define LOOK_PAUSE UINT64_C(20000000)

/* The pauses between two tries to open the file, nanoseconds: the first and the longest. */
#define OPEN_PAUSE UINT64_C(100000000)
#define OPEN_PAUSE_MAX UINT64_C(5000000000)

/* Events that one look reads. */
#define EVENTS_READ 500

/* Something to be told to the owner. */
typedef struct note {
  STAILQ_ENTRY(note) link; /* in the engine's list */
  tp_engine_event event;   /* what has happened */
  uint64_t group;          /* to which group; 0: none */
  tp_error error;          /* of DOWN */
} note;

typedef STAILQ_HEAD(note_list, note) note_list;

typedef struct engine {
  tp_engine base;      /* what all kinds have */
  uv_thread_t thread;  /* has the file */
  uv_async_t answered; /* the owner's loop: there is something in `done` or `notes` */
  uv_mutex_t lock;     /* for what follows */
  uv_cond_t asked;     /* there is something in `todo`, or `is_closing` is set */
  tp_query_list todo;  /* queries that wait */
  tp_query_list done;  /* queries with their answers */
  note_list notes;     /* what the owner must be told */
  bool is_closing;     /* the thread shall end */
  bool has_ended;      /* it does not touch the engine any more */
  char path[PATH_MAX]; /* the thread's: the file */
  char *pool;          /* the name of the pool */
  bool is_synced;      /* see tp_engine_options */
  bool is_hungry;      /* the last claim found less than it wanted */
  bool has_failed;     /* the owner was told that the file cannot be opened */
  tp_sqlite_file file; /* the file */
} engine;

/* ---- the thread: what it tells ---- */

/* Without memory, an event is lost, which callers must expect. */
static void tell(engine *self, tp_engine_event event, uint64_t group, const tp_error *error) {
  note *told = calloc(1, sizeof *told);
  if (!told)
    return;
  told->event = event;
  told->group = group;
  if (error)
    told->error = *error;
  uv_mutex_lock(&self->lock);
  STAILQ_INSERT_TAIL(&self->notes, told, link);
  uv_mutex_unlock(&self->lock);
  uv_async_send(&self->answered);
}

/* Tells of the rows of `event` that are new. */
static void tell_events(engine *self) {
  tp_sqlite_file *file = &self->file;
  sqlite3_stmt *row = tp_sqlite_file_query(
      file, "SELECT id, kind, grp, pool = ?2 FROM event WHERE id > ?1 ORDER BY id LIMIT ?3", "iii",
      file->events_seen, file->pool, (int64_t)EVENTS_READ);
  while (tp_sqlite_file_next(file, row)) {
    int kind = sqlite3_column_int(row, 1);
    file->events_seen = sqlite3_column_int64(row, 0);
    if (sqlite3_column_int(row, 3) && kind >= TP_ENGINE_CANCEL && kind <= TP_ENGINE_LOW)
      tell(self, (tp_engine_event)kind, (uint64_t)sqlite3_column_int64(row, 2), NULL);
  }
}

/* Tells what this batch or another process has changed. */
static void tell_changes(engine *self, bool may_be_work) {
  bool is_changed = tp_sqlite_file_has_changed(&self->file);
  if (is_changed || self->file.has_events)
    tell_events(self);
  self->file.has_events = false;
  if ((is_changed || may_be_work) && self->is_hungry) {
    self->is_hungry = false;
    tell(self, TP_ENGINE_WORK, 0, NULL);
  }
}

/* ---- the thread: queries ---- */

typedef void run_query(tp_sqlite_file *file, tp_query *query);

/* How each query is run, and whether there may be work for a claim after it. */
static const struct {
  run_query *run;  /* fills the answer */
  bool makes_work; /* see above */
} verbs[TP_VERB_COUNT] = {
    [TP_VERB_ADD_GROUP] = {tp_sqlite_groups_add, false},
    [TP_VERB_SET_LIMIT] = {tp_sqlite_groups_set_limit, true},
    [TP_VERB_CLOSE_GROUP] = {tp_sqlite_groups_close, false},
    [TP_VERB_CANCEL] = {tp_sqlite_groups_cancel, false},
    [TP_VERB_FIND_GROUP] = {tp_sqlite_groups_find, false},
    [TP_VERB_GROUPS] = {tp_sqlite_groups_list, false},
    [TP_VERB_SUBMIT] = {tp_sqlite_items_submit, true},
    [TP_VERB_CLAIM] = {tp_sqlite_items_claim, false},
    [TP_VERB_HELD] = {tp_sqlite_items_held, false},
    [TP_VERB_DONE] = {tp_sqlite_items_done, true},
    [TP_VERB_RESULTS] = {tp_sqlite_items_results, false},
    [TP_VERB_JOIN] = {tp_sqlite_members_join, false},
    [TP_VERB_BEAT] = {tp_sqlite_members_beat, false},
    [TP_VERB_REAP] = {tp_sqlite_members_reap, true},
    [TP_VERB_LEAVE] = {tp_sqlite_members_leave, true},
    [TP_VERB_MEMBERS] = {tp_sqlite_members_list, false},
    [TP_VERB_DEAD] = {tp_sqlite_items_dead, false},
    [TP_VERB_RETRY_DEAD] = {tp_sqlite_items_retry_dead, true},
    [TP_VERB_DROP_DEAD] = {tp_sqlite_items_drop_dead, false},
    [TP_VERB_STATS] = {tp_sqlite_groups_sum, false},
};

/* Runs one query of a batch. Returns whether there may be work now. */
static bool run_one(engine *self, tp_query *query) {
  if (query->answer.code != TP_OK)
    return false;
  verbs[query->verb].run(&self->file, query);
  if (query->verb == TP_VERB_CLAIM)
    self->is_hungry = query->answer.count < query->count;
  return verbs[query->verb].makes_work;
}

/* Runs queries in one transaction. */
static void run_batch(engine *self, tp_query_list *batch) {
  tp_error error;
  tp_query *query;
  bool may_be_work = false;
  tp_sqlite_file_begin(&self->file);
  STAILQ_FOREACH(query, batch, link) /* in the order in which they were asked */
  may_be_work = run_one(self, query) || may_be_work;
  if (tp_sqlite_file_commit(&self->file, &error)) {
    tell_changes(self, may_be_work);
    return;
  }
  STAILQ_FOREACH(query, batch, link)
  tp_query_fail(query, error.code, "%s", error.message);
}

/* Answers queries while the file is not open. */
static void refuse_batch(tp_query_list *batch) {
  tp_query *query;
  STAILQ_FOREACH(query, batch, link)
  tp_query_fail(query, TP_NOT_AVAILABLE, "the file of the engine is not open");
}

static void hand_back(engine *self, tp_query_list *batch) {
  uv_mutex_lock(&self->lock);
  STAILQ_CONCAT(&self->done, batch);
  uv_mutex_unlock(&self->lock);
  uv_async_send(&self->answered);
}

/* Waits for queries, for at most so long, and takes them. Returns false at the end. */
static bool take_batch(engine *self, tp_query_list *batch, uint64_t longest) {
  uv_mutex_lock(&self->lock);
  if (STAILQ_EMPTY(&self->todo) && !self->is_closing)
    uv_cond_timedwait(&self->asked, &self->lock, longest);
  STAILQ_CONCAT(batch, &self->todo);
  bool goes_on = !self->is_closing;
  uv_mutex_unlock(&self->lock);
  return goes_on;
}

/* What the thread does when nobody has asked for anything. */
static void look_around(engine *self) {
  tp_error error;
  if (tp_sqlite_file_clock() >= self->file.sweep_time) {
    tp_sqlite_file_begin(&self->file);
    tp_sqlite_groups_sweep(&self->file);
    tp_sqlite_file_commit(&self->file, &error);
  }
  tell_changes(self, false);
}

/* ---- the thread: its life ---- */

/* Tries to open the file. The owner is told of success, and of the first failure. */
static bool try_open(engine *self) {
  tp_error error;
  if (tp_sqlite_file_open(&self->file, self->path, self->pool, self->is_synced, &error)) {
    tell(self, TP_ENGINE_UP, 0, NULL);
    return true;
  }
  if (!self->has_failed)
    tell(self, TP_ENGINE_DOWN, 0, &error);
  self->has_failed = true;
  return false;
}

/* Refuses queries for some time. Returns false at the end. */
static bool refuse_until(engine *self, uint64_t until) {
  bool goes_on = true;
  for (uint64_t now = uv_hrtime(); goes_on && now < until; now = uv_hrtime()) {
    tp_query_list batch = STAILQ_HEAD_INITIALIZER(batch);
    goes_on = take_batch(self, &batch, until - now);
    refuse_batch(&batch);
    hand_back(self, &batch);
  }
  return goes_on;
}

/* Opens the file, again and again. Returns false at the end. */
static bool open_file(engine *self) {
  bool goes_on = true;
  uint64_t pause = OPEN_PAUSE;
  while (!try_open(self) && (goes_on = refuse_until(self, uv_hrtime() + pause)))
    pause = pause * 2 < OPEN_PAUSE_MAX ? pause * 2 : OPEN_PAUSE_MAX;
  return goes_on;
}

static void run(void *argument) {
  engine *self = argument;
  bool goes_on = open_file(self);
  while (goes_on) {
    tp_query_list batch = STAILQ_HEAD_INITIALIZER(batch);
    goes_on = take_batch(self, &batch, LOOK_PAUSE);
    if (STAILQ_EMPTY(&batch)) {
      look_around(self);
      continue;
    }
    run_batch(self, &batch);
    hand_back(self, &batch);
  }
  tp_sqlite_file_close(&self->file);
  uv_mutex_lock(&self->lock);
  self->has_ended = true;
  uv_mutex_unlock(&self->lock);
  uv_async_send(&self->answered);
}

/* ---- the owner ---- */

static void deliver(engine *self) {
  tp_query_list done = STAILQ_HEAD_INITIALIZER(done);
  note_list notes = STAILQ_HEAD_INITIALIZER(notes);
  note *told;
  tp_query *query;
  uv_mutex_lock(&self->lock);
  STAILQ_CONCAT(&done, &self->done);
  STAILQ_CONCAT(&notes, &self->notes);
  uv_mutex_unlock(&self->lock);
  while ((query = STAILQ_FIRST(&done))) {
    STAILQ_REMOVE_HEAD(&done, link);
    tp_query_answer(query);
  }
  while ((told = STAILQ_FIRST(&notes))) {
    STAILQ_REMOVE_HEAD(&notes, link);
    tp_query_tell(&self->base, told->event, told->group,
                  told->event == TP_ENGINE_DOWN ? &told->error : NULL);
    free(told);
  }
}

static void destroy(engine *self) {
  uv_mutex_destroy(&self->lock);
  uv_cond_destroy(&self->asked);
  free(self->pool);
  free(self);
}

static void on_closed(uv_handle_t *answered) {
  engine *self = answered->data;
  void (*closed)(void *) = self->base.closed;
  void *context = self->base.closed_context;
  refuse_batch(&self->todo); /* asked while the last ones were answered */
  STAILQ_CONCAT(&self->done, &self->todo);
  deliver(self);
  destroy(self);
  if (closed)
    closed(context);
}

static void on_answered(uv_async_t *answered) {
  engine *self = answered->data;
  uv_mutex_lock(&self->lock);
  bool has_ended = self->has_ended;
  uv_mutex_unlock(&self->lock);
  deliver(self);
  if (!has_ended || uv_is_closing((uv_handle_t *)answered))
    return;
  uv_thread_join(&self->thread);
  uv_close((uv_handle_t *)answered, on_closed);
}

static void close_engine(tp_engine *base) {
  engine *self = (engine *)base;
  uv_mutex_lock(&self->lock);
  self->is_closing = true;
  uv_cond_signal(&self->asked);
  uv_mutex_unlock(&self->lock);
}

static void ask(tp_engine *base, tp_query *query) {
  engine *self = (engine *)base;
  uv_mutex_lock(&self->lock);
  STAILQ_INSERT_TAIL(&self->todo, query, link);
  uv_cond_signal(&self->asked);
  uv_mutex_unlock(&self->lock);
}

static void on_failed(uv_handle_t *answered) {
  destroy(answered->data);
}

/* Starts the thread, which gets no signals. */
static bool start(uv_loop_t *loop, engine *self, tp_error *error) {
  sigset_t all, before;
  int status = uv_async_init(loop, &self->answered, on_answered);
  if (status != 0) {
    destroy(self);
    tp_fail(error, TP_NOT_AVAILABLE, "no handle for an engine: %s", uv_strerror(status));
    return false;
  }
  self->answered.data = self;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  status = uv_thread_create(&self->thread, run, self);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (status == 0)
    return true;
  uv_close((uv_handle_t *)&self->answered, on_failed);
  tp_fail(error, TP_NOT_AVAILABLE, "cannot start the thread of an engine: %s", uv_strerror(status));
  return false;
}

static tp_engine *open_engine(uv_loop_t *loop, const tp_url *url, const tp_engine_options *options,
                              tp_error *error) {
  engine *self = calloc(1, sizeof *self);
  if (!self || !(self->pool = strdup(options->pool))) {
    free(self);
    tp_fail(error, TP_NO_MEMORY, "no memory for an engine");
    return NULL;
  }
  strcpy(self->path, url->path);
  self->is_synced = options->is_synced;
  STAILQ_INIT(&self->todo);
  STAILQ_INIT(&self->done);
  STAILQ_INIT(&self->notes);
  uv_mutex_init(&self->lock);
  uv_cond_init(&self->asked);
  return start(loop, self, error) ? &self->base : NULL;
}

const tp_engine_kind tp_sqlite_kind = {open_engine, ask, close_engine};
