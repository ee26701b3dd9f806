/* SPDX-License-Identifier: MIT
 *
 * Events as records of the log, and for C code; see events.h. To add an event: one member of
 * tp_event, one row here. */
#include "host/events.h"
#include "base/fail.h"
#include "exec/exec.h"
#include "exec/run.h"
#include "host/trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Its name for those who follow events, and its text in the log: "<before>P<after>", or
 * "<before>P_Task-3<after>" for an event of a task; then the words of the event. */
static const struct {
  const char *name; /* NULL: only the log is told */
  tp_log_level level;
  const char *before, *after; /* NULL: not logged */
} records[] = {
    [TP_EVENT_INITIALIZED] = {"initialized", TP_LOG_DEBUG, "", " initialized"},
    [TP_EVENT_LOCKED] = {"locked", TP_LOG_INFO, "", " is locked!"},
    [TP_EVENT_UNLOCKED] = {"unlocked", TP_LOG_INFO, "", " was unlocked."},
    [TP_EVENT_STARTED] = {"started", TP_LOG_DEBUG, "Started ", ""},
    [TP_EVENT_CANCELLING] = {"cancelling", TP_LOG_DEBUG, "Cancelling ", " ..."},
    [TP_EVENT_CANCELLED] = {"cancelled", TP_LOG_DEBUG, "Cancelled ", ""},
    [TP_EVENT_RETRIED] = {"retried", TP_LOG_INFO, "Retrying ", ""},
    [TP_EVENT_KILLED] = {"killed", TP_LOG_WARNING, "Killed ", ": it did not end after its cancel"},
    [TP_EVENT_IGNORED] = {"ignored", TP_LOG_INFO, "", " returned although it was cancelled"},
    [TP_EVENT_ENDED] = {"ended", TP_LOG_DEBUG, "Ended ", ""},
    [TP_EVENT_SCALED] = {"scaled", TP_LOG_INFO, "", " scaled"},
    [TP_EVENT_HELD] = {NULL, TP_LOG_DEBUG, "", " stays at"},
    [TP_EVENT_CLOSED] = {"closed", TP_LOG_NONE, NULL, NULL},
    [TP_EVENT_FINISHED] = {"finished", TP_LOG_NONE, NULL, NULL},
};

#define RECORD_COUNT (sizeof records / sizeof *records)

/* A decision of a pool that scales itself: "P scaled 2 -> 4: 12 waiting for 2 places, rising". */
static void log_decision(const tp_log *log, const tp_pool *pool, tp_event event) {
  const tp_decision *last = &pool->scale.last;
  char from[32] = "";
  if (last->from != last->to)
    snprintf(from, sizeof from, "%" PRIu64 " -> ", last->from);
  tp_log_record about = tp_log_about(pool, NULL, NULL);
  tp_log_write_about(log, records[event].level, &about, "%s%s %s%" PRIu64 ": %s", pool->label,
                     records[event].after, from, last->to, last->reason);
}

static void log_event(const tp_log *log, const tp_pool *pool, tp_event event, const tp_task *task,
                      const char *words) {
  if (!records[event].before || records[event].level < log->level)
    return;
  const char *before = records[event].before, *after = records[event].after;
  tp_log_record about = tp_log_about(pool, NULL, task);
  if (event == TP_EVENT_SCALED || event == TP_EVENT_HELD)
    log_decision(log, pool, event);
  else if (task)
    tp_log_write_about(log, records[event].level, &about, "%s%s_Task-%" PRIu64 "%s%s", before,
                       pool->label, task->id, after, words);
  else
    tp_log_write_about(log, records[event].level, &about, "%s%s%s%s", before, pool->label, after,
                       words);
}

/* What more there is to say of an event, where it has no words. NULL: nothing. */
static const char *detail_of(const tp_pool *pool, tp_event event, const tp_task *task, char *text,
                             size_t size) {
  static const char *const ends[] = {[TP_END_OK] = NULL,
                                     [TP_END_FAILED] = "failed",
                                     [TP_END_CANCELLED] = "cancelled",
                                     [TP_END_TIMED_OUT] = "timed out"};
  const tp_decision *last = &pool->scale.last;
  if (event == TP_EVENT_ENDED && task)
    return ends[task->end];
  if (event != TP_EVENT_SCALED)
    return NULL;
  snprintf(text, size, "%" PRIu64 " -> %" PRIu64 ": %s", last->from, last->to, last->reason);
  return text;
}

/* Tells C code, and those who follow events. */
static void tell(tp_host *host, tp_pool *pool, tp_event event, const tp_task *task,
                 const char *words) {
  char detail[128];
  const tp_group *group = task ? task->group : NULL;
  if ((!host->on_event && !host->trace && LIST_EMPTY(&host->followers)) || !records[event].name)
    return;
  if (event == TP_EVENT_FINISHED)
    group = tp_pool_find_number(pool, pool->finished);
  if (!words)
    words = detail_of(pool, event, task, detail, sizeof detail);
  tp_log_record about = tp_log_about(pool, group, task);
  tp_event_record record = {.size = sizeof record,
                            .event = records[event].name,
                            .time = tp_log_now(),
                            .pool = about.pool,
                            .group = about.group,
                            .task = about.task,
                            .detail = words};
  if (host->on_event)
    host->on_event(host->event_context, &record);
  if (host->trace)
    tp_trace_event(host->trace, pool, event, task, &record, tp_exec_take_run(host->exec));
  tp_follower_tell(&host->followers, pool, event, &record);
}

static void on_event(void *context, tp_pool *pool, tp_event event, const tp_task *task,
                     const char *words) {
  tp_host *host = context;
  if (event == TP_EVENT_BUSY)
    host->busy_pools++;
  else if (event == TP_EVENT_IDLE)
    host->busy_pools--;
  else if (event < RECORD_COUNT) {
    log_event(&host->log, pool, event, task, words ? words : "");
    tell(host, pool, event, task, words);
  }
}

static void on_ran(void *context, const tp_task *task, uint64_t since) {
  const tp_host *host = context;
  if (host->trace)
    tp_trace_ran(host->trace, task, since);
}

static void on_failed(void *context, const tp_exec_failure *failure) {
  tp_host *host = context;
  tp_log_record about = tp_log_about(NULL, failure->group, failure->task);
  about.error = failure->error;
  tp_log_write_about(&host->log, TP_LOG_ERROR, &about, "error in %s: %s", failure->who,
                     failure->text);
}

/* The events that a host listens to, as bits. */
static unsigned listened_by(const tp_host *host) {
  const tp_follower *follower;
  unsigned listened = TP_EVENT_BIT(TP_EVENT_BUSY) | TP_EVENT_BIT(TP_EVENT_IDLE);
  LIST_FOREACH (follower, &host->followers, link)
    listened |= follower->filter.kinds;
  for (size_t event = 0; event < RECORD_COUNT; event++)
    if ((records[event].before && records[event].level >= host->log.level) ||
        (records[event].name && (host->on_event || host->trace)))
      listened |= TP_EVENT_BIT(event);
  return listened;
}

void tp_events_listen(const tp_host *host, tp_pool *pool) {
  tp_run_listen(pool, listened_by(host));
}

void tp_events_listen_all(const tp_host *host) {
  unsigned listened = listened_by(host);
  tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link)
    tp_run_listen(pool, listened);
}

/* ---- those who follow events ---- */

/* What an event is about, as a word that stands for all such events. */
static const char *subject_of(tp_event event) {
  switch (event) {
  case TP_EVENT_INITIALIZED:
  case TP_EVENT_LOCKED:
  case TP_EVENT_UNLOCKED:
  case TP_EVENT_SCALED:
  case TP_EVENT_CLOSED:
    return "pool";
  case TP_EVENT_FINISHED:
    return "group";
  default:
    return "task";
  }
}

static bool is_word(const char *word, const char *text, size_t length) {
  return strlen(word) == length && memcmp(word, text, length) == 0;
}

/* The bits of a word: an event, or all that are about something. 0: there is none such. */
static unsigned kinds_of(const char *word, size_t length) {
  unsigned kinds = 0;
  for (unsigned event = 0; event < RECORD_COUNT; event++)
    if (records[event].name && (is_word(records[event].name, word, length) ||
                                is_word(subject_of((tp_event)event), word, length)))
      kinds |= TP_EVENT_BIT(event);
  return kinds;
}

bool tp_events_find_kinds(const char *words, unsigned *kinds, tp_error *error) {
  *kinds = 0;
  for (size_t length; *words; words += length) {
    words += strspn(words, ", ");
    length = strcspn(words, ", ");
    unsigned found = length ? kinds_of(words, length) : 0;
    if (length && !found)
      return tp_fail(error, TP_INVALID_ARGUMENT,
                     "there is no kind of event '%.*s'; there are pool, group and task, or single "
                     "ones such as started and ended",
                     (int)(length < 60 ? length : 60), words);
    *kinds |= found;
  }
  return true;
}

unsigned tp_events_all_kinds(void) {
  return kinds_of("pool", 4) | kinds_of("group", 5) | kinds_of("task", 4);
}

bool tp_events_follow(tp_host *host, tp_follower *follower, const tp_follower_filter *filter,
                      size_t limit) {
  if (!tp_follower_open(follower, filter, limit))
    return false;
  LIST_INSERT_HEAD(&host->followers, follower, link);
  tp_events_listen_all(host);
  return true;
}

void tp_events_unfollow(tp_host *host, tp_follower *follower) {
  LIST_REMOVE(follower, link);
  tp_follower_close(follower);
  tp_events_listen_all(host);
}

void tp_events_trace(tp_host *host, struct tp_trace *trace) {
  host->trace = trace;
  tp_exec_watch_runs(host->exec);
  tp_events_listen_all(host);
}

/* ---- the executor's listener ---- */

/* Runs in the watchdog's thread, so it writes to the log of the host's creator, never into Lua. */
static void on_stuck(void *context, const tp_exec_stuck *stuck) {
  const tp_host *host = context;
  tp_log_record about = {.pool = *stuck->pool ? stuck->pool : NULL,
                         .group = *stuck->group ? stuck->group : NULL,
                         .task = stuck->task};
  tp_log_write_about(&host->default_log, TP_LOG_WARNING, &about,
                     "stuck for a second in C code, nothing else runs: %s", stuck->place);
}

tp_exec_listener tp_events_listener(tp_host *host) {
  return (tp_exec_listener){
      .context = host, .event = on_event, .ran = on_ran, .failed = on_failed, .stuck = on_stuck};
}
