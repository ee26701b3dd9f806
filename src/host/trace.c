/* SPDX-License-Identifier: MIT
 *
 * A trace in the format of Chrome; see trace.h. */
#include "host/trace.h"
#include "base/fail.h"
#include "base/utf8.h"
#include "exec/run.h"
#include "host/sink.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* The longest event, and how much of a name is in it. */
enum { LINE_SIZE = 2048, NAME_BYTES = 200 };

struct tp_trace {
  tp_sink *sink;        /* the file */
  uint64_t began;       /* the time that is 0 there, nanoseconds */
  unsigned pools;       /* how many have a number */
  uint64_t dropped;     /* events that were left out since the last one that was not */
  const tp_run *newest; /* the pool of the task that was started last, compared only … */
  uint64_t newest_id;   /* … and that task */
  uint64_t newest_at;   /* when that was, nanoseconds */
};

/* ---- lines ---- */

/* An event that is put together. What does not fit is left out as a whole. */
typedef struct line {
  char bytes[LINE_SIZE];
  size_t length;
} line;

__attribute__((format(printf, 2, 3))) static void add(line *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  size_t left = sizeof to->bytes - to->length;
  int length = vsnprintf(to->bytes + to->length, left, format, arguments);
  va_end(arguments);
  to->length += (size_t)length < left ? (size_t)length : left - 1;
}

/* Adds a JSON string. */
static void add_string(line *to, const char *text) {
  size_t left = strlen(text), used;
  add(to, "\"");
  for (left = left < NAME_BYTES ? left : NAME_BYTES; left > 0; text += used, left -= used) {
    unsigned char byte = (unsigned char)*text;
    size_t length = tp_utf8_length(text, left);
    used = length ? length : 1;
    if (byte == '"' || byte == '\\')
      add(to, "\\%c", byte);
    else if (byte < ' ' || byte == 0x7f || length == 0)
      add(to, "\\\\x%02x", byte);
    else
      add(to, "%.*s", (int)length, text);
  }
  add(to, "\"");
}

/* Begins an event at a time: its phase, category and name. Each but the first of the file follows a
 * comma. */
static void begin(const tp_trace *trace, line *to, char phase, const char *category,
                  const char *name, uint64_t time) {
  add(to, ",\n{\"ph\":\"%c\",\"cat\":\"%s\",\"ts\":%.3f,\"name\":", phase, category,
      (double)(time - trace->began) / 1e3);
  add_string(to, name);
}

/* Says how many events are missing, if any are. False: there is no room for that. */
static bool tell_dropped(tp_trace *trace, uint64_t time) {
  line of = {.length = 0};
  if (trace->dropped == 0)
    return true;
  begin(trace, &of, 'i', "trace", "dropped", time);
  add(&of, ",\"s\":\"g\",\"pid\":0,\"tid\":0,\"args\":{\"count\":%" PRIu64 "}}", trace->dropped);
  if (!tp_sink_add(trace->sink, of.bytes, of.length))
    return false;
  trace->dropped = 0;
  return true;
}

static void write_line(tp_trace *trace, const line *of, uint64_t time) {
  if (!tell_dropped(trace, time) || !tp_sink_add(trace->sink, of->bytes, of->length))
    trace->dropped++;
}

/* ---- pools, groups and tasks ---- */

/* The number of a pool, under which it is a process. */
static unsigned number_of(tp_trace *trace, tp_pool *pool, uint64_t time) {
  tp_run *run = pool->owner;
  if (run->number)
    return run->number;
  line of = {.length = 0};
  run->number = ++trace->pools;
  add(&of, ",\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":",
      run->number, run->number);
  add_string(&of, pool->label);
  add(&of, "}}");
  write_line(trace, &of, time);
  return run->number;
}

/* Writes the begin ('b') or the end ('e') of the span of a group. */
static void mark_group(tp_trace *trace, const tp_group *group, char phase, uint64_t time) {
  line of = {.length = 0};
  unsigned pool = number_of(trace, group->pool, time);
  begin(trace, &of, phase, "group", tp_group_label(group), time);
  add(&of, ",\"id\":\"%u.g%" PRIu64 "\",\"pid\":%u,\"tid\":%u}", pool, group->number, pool, pool);
  write_line(trace, &of, time);
}

/* Writes a mark of a task: the begin or the end of a span, or an instant ('n'). `detail` may be
 * NULL. */
static void mark_task(tp_trace *trace, const tp_task *task, const char *name, char phase,
                      const char *detail, uint64_t time) {
  line of = {.length = 0};
  unsigned pool = number_of(trace, task->group->pool, time);
  begin(trace, &of, phase, "task", name, time);
  add(&of, ",\"id\":\"%u.%" PRIu64 "\",\"pid\":%u,\"tid\":%u,\"args\":{\"task\":%" PRIu64, pool,
      task->id, pool, pool, task->id);
  if (detail) {
    add(&of, ",\"detail\":");
    add_string(&of, detail);
  }
  add(&of, "}}");
  write_line(trace, &of, time);
}

/* ---- what happens ---- */

void tp_trace_ran(tp_trace *trace, const tp_task *task, uint64_t since) {
  bool is_newest = trace->newest == task->group->pool->owner && trace->newest_id == task->id;
  if (since == 0 || task->state >= TP_TASK_ENDED)
    return;
  if (is_newest && trace->newest_at > since)
    since = trace->newest_at;
  mark_task(trace, task, "running", 'b', NULL, since);
  mark_task(trace, task, "running", 'e', NULL, uv_hrtime());
}

static void start_task(tp_trace *trace, const tp_task *task, uint64_t now) {
  trace->newest = task->group->pool->owner;
  trace->newest_id = task->id;
  trace->newest_at = now;
  if (task->group->started == 1 && !task->group->submitted)
    mark_group(trace, task->group, 'b', now);
  mark_task(trace, task, tp_group_label(task->group), 'b', NULL, now);
}

/* The last span "running" of a task ends with the task. */
static void end_task(tp_trace *trace, const tp_task *task, const char *detail, uint64_t since) {
  bool is_newest = trace->newest == task->group->pool->owner && trace->newest_id == task->id;
  if (is_newest && since && trace->newest_at > since)
    since = trace->newest_at;
  uint64_t now = uv_hrtime();
  if (since) {
    mark_task(trace, task, "running", 'b', NULL, since);
    mark_task(trace, task, "running", 'e', NULL, now);
  }
  mark_task(trace, task, tp_group_label(task->group), 'e', detail ? detail : "ok", now);
}

static void mark_pool(tp_trace *trace, tp_pool *pool, const tp_event_record *record, uint64_t now) {
  line of = {.length = 0};
  unsigned number = number_of(trace, pool, now);
  begin(trace, &of, 'i', "pool", record->event, now);
  add(&of, ",\"s\":\"p\",\"pid\":%u,\"tid\":%u", number, number);
  if (record->detail) {
    add(&of, ",\"args\":{\"detail\":");
    add_string(&of, record->detail);
    add(&of, "}");
  }
  add(&of, "}");
  write_line(trace, &of, now);
}

void tp_trace_event(tp_trace *trace, tp_pool *pool, tp_event event, const tp_task *task,
                    const tp_event_record *record, uint64_t since) {
  uint64_t now = uv_hrtime();
  const tp_group *group = NULL;
  switch (event) {
  case TP_EVENT_STARTED:
    start_task(trace, task, now);
    break;
  case TP_EVENT_ENDED:
    end_task(trace, task, record->detail, since);
    break;
  case TP_EVENT_FINISHED:
    group = tp_pool_find_number(pool, pool->finished);
    if (group && group->started > 0 && !group->submitted)
      mark_group(trace, group, 'e', now);
    break;
  default:
    if (task)
      mark_task(trace, task, record->event, 'n', record->detail, now);
    else
      mark_pool(trace, pool, record, now);
  }
}

/* ---- lifetime ---- */

tp_trace *tp_trace_open(const char *path, tp_error *error) {
  static const char head[] =
      "[\n{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":0,\"tid\":0,\"args\":{\"name\":"
      "\"taskpool\"}}";
  tp_trace *trace = calloc(1, sizeof *trace);
  tp_sink *sink = trace ? tp_sink_open(path, error) : NULL;
  if (!trace)
    tp_fail(error, TP_NO_MEMORY, "no memory for a trace");
  if (!sink) {
    free(trace);
    return NULL;
  }
  *trace = (tp_trace){.sink = sink, .began = uv_hrtime()};
  tp_sink_add(sink, head, sizeof head - 1);
  return trace;
}

bool tp_trace_close(tp_trace *trace, tp_error *error) {
  if (!trace)
    return true;
  tell_dropped(trace, uv_hrtime());
  tp_sink_add(trace->sink, "\n]\n", 3);
  bool ok = tp_sink_close(trace->sink, error);
  free(trace);
  return ok;
}
