/* SPDX-License-Identifier: MIT
 *
 * What the specs of engines share: a loop, engines on it, questions that wait for their answers,
 * and servers of Redis of their own, each with a private Unix socket in a fresh directory. */
#ifndef SPEC_ENGINES_H
#define SPEC_ENGINES_H

#include "engine/engine.h"
#include "expect.h"
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* How long anything that a spec waits for may take, milliseconds. */
#define PATIENCE 30000

/* An answer that stays. */
typedef struct reply {
  bool is_there;             /* it has come */
  tp_engine_answer answer;   /* what it is; the rows are those below */
  char message[300];         /* its message */
  tp_engine_item items[500]; /* rows: at most so many are kept */
  tp_engine_outcome outcomes[1000];
  tp_engine_fate fates[500];
  tp_engine_group groups[16];
  tp_engine_member members[16];
  uint64_t cancelled[16];
  tp_engine_stats stats;
  char bytes[65536]; /* what the rows point to */
  size_t used;       /* of these */
} reply;

/* One engine, and what it has told. */
typedef struct place {
  tp_engine *engine;                /* NULL: it is closed */
  unsigned told[TP_ENGINE_LOW + 1]; /* how often each event */
  uint64_t group;                   /* the group of the last one that has one */
  tp_error error;                   /* of the last that has one */
} place;

static uv_loop_t loop;
static char directory[64];
static int verb_rows; /* which rows the next answer has */

enum {
  ROWS_NONE,
  ROWS_ITEMS,
  ROWS_OUTCOMES,
  ROWS_FATES,
  ROWS_GROUPS,
  ROWS_MEMBERS,
  ROWS_CANCELLED,
  ROWS_STATS
};

static inline void on_tick(uv_timer_t *timer) {
  *(bool *)timer->data = true;
}

/* Runs the loop until `is_there`, which a callback sets. */
static inline void run_until(const bool *is_there) {
  uv_timer_t timer;
  bool is_late = false;
  uv_timer_init(&loop, &timer);
  timer.data = &is_late;
  uv_timer_start(&timer, on_tick, PATIENCE, 0);
  while (!*is_there && !is_late)
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  EXPECT(!is_late);
}

/* Runs the loop for some milliseconds, between two tries of something that takes time. */
static inline void run_for(unsigned milliseconds) {
  uv_timer_t timer;
  bool is_over = false;
  uv_timer_init(&loop, &timer);
  timer.data = &is_over;
  uv_timer_start(&timer, on_tick, milliseconds, 0);
  while (!is_over)
    uv_run(&loop, UV_RUN_ONCE);
  uv_close((uv_handle_t *)&timer, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
}

/* ---- events ---- */

static inline void on_event(void *context, tp_engine_event event, uint64_t group,
                            const tp_error *error) {
  place *at = context;
  at->told[event]++;
  if (group)
    at->group = group;
  if (error)
    at->error = *error;
}

/* Waits until an event has been told `count` times in all. */
static inline void await_event(place *at, tp_engine_event event, unsigned count) {
  for (unsigned spent = 0; at->told[event] < count; spent += 2) {
    EXPECT(spent < PATIENCE);
    run_for(2);
  }
}

/* ---- engines ---- */

static inline void open_synced(place *at, const char *url, const char *pool, bool is_synced) {
  tp_error error;
  tp_engine_options options = {.url = url,
                               .pool = pool,
                               .is_synced = is_synced,
                               .listen = on_event,
                               .context = at,
                               .timeout = 2};
  *at = (place){.engine = tp_engine_open(&loop, &options, &error)};
  EXPECT_OK(at->engine != NULL);
}

static inline void open_place(place *at, const char *url, const char *pool) {
  open_synced(at, url, pool, false);
}

static inline void on_closed(void *context) {
  *(bool *)context = true;
}

static inline void close_place(place *at) {
  bool is_closed = false;
  tp_engine_close(at->engine, on_closed, &is_closed);
  run_until(&is_closed);
  at->engine = NULL;
}

/* ---- answers ---- */

static inline tp_span keep_span(reply *to, tp_span span) {
  EXPECT(to->used + span.length <= sizeof to->bytes);
  char *bytes = to->bytes + to->used;
  if (span.length > 0)
    memcpy(bytes, span.bytes, span.length);
  to->used += span.length;
  return (tp_span){bytes, span.length};
}

static inline void keep_rows(reply *to, const tp_engine_answer *answer) {
  for (size_t i = 0; i < answer->count && verb_rows != ROWS_NONE; i++) {
    if (verb_rows == ROWS_ITEMS) {
      to->items[i] = answer->items[i];
      to->items[i].bytes = keep_span(to, answer->items[i].bytes);
      to->items[i].error = keep_span(to, answer->items[i].error);
    } else if (verb_rows == ROWS_OUTCOMES) {
      to->outcomes[i] = answer->outcomes[i];
      to->outcomes[i].bytes = keep_span(to, answer->outcomes[i].bytes);
    } else if (verb_rows == ROWS_FATES) {
      to->fates[i] = answer->fates[i];
    } else if (verb_rows == ROWS_GROUPS) {
      to->groups[i] = answer->groups[i];
      to->groups[i].plan.name = keep_span(to, answer->groups[i].plan.name);
      to->groups[i].plan.function = keep_span(to, answer->groups[i].plan.function);
      to->groups[i].plan.detail = keep_span(to, answer->groups[i].plan.detail);
    } else if (verb_rows == ROWS_MEMBERS) {
      to->members[i] = answer->members[i];
      to->members[i].id = keep_span(to, answer->members[i].id);
      to->members[i].host = keep_span(to, answer->members[i].host);
    } else if (verb_rows == ROWS_CANCELLED) {
      to->cancelled[i] = answer->cancelled[i];
    } else {
      to->stats = *answer->stats;
    }
  }
}

static inline void on_answer(void *context, const tp_engine_answer *answer) {
  reply *to = context;
  EXPECT(!to->is_there);
  to->answer = *answer;
  snprintf(to->message, sizeof to->message, "%s", answer->message);
  keep_rows(to, answer);
  to->is_there = true;
}

static reply said;   /* the last answer */
static reply coming; /* the next one; it also has the bytes of the last one */

/* ASK(rows, function, engine, …): asks, waits, and is the code of the answer. */
#define ASK(rows, function, ...)                                                                   \
  (coming.is_there = false, coming.used = 0, verb_rows = (rows),                                   \
   EXPECT(function(__VA_ARGS__, on_answer, &coming)), run_until(&coming.is_there), said = coming,  \
   said.answer.code)

static inline bool is_text(tp_span span, const char *text) {
  return span.length == strlen(text) && memcmp(span.bytes, text, span.length) == 0;
}

/* ---- directories and servers ---- */

static inline void make_directory(void) {
  strcpy(directory, "/tmp/taskpool-engine-XXXXXX");
  EXPECT(mkdtemp(directory) != NULL);
}

/* Removes the directory with its files. */
static inline void remove_directory(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", directory);
  EXPECT(system(command) == 0); /* NOLINT(cert-env33-c): our own name */
}

/* Starts a server on DIRECTORY/redis.sock. Returns its process. */
static inline pid_t start_redis(const char *const *more) {
  char socket[96];
  const char *arguments[32] = {
      "redis-server", "--port",        "0",      "--dir",     directory,
      "--unixsocket", socket,          "--save", "",          "--appendonly",
      "yes",          "--appendfsync", "always", "--logfile", "redis.log"};
  size_t count = 15;
  snprintf(socket, sizeof socket, "%s/redis.sock", directory);
  unlink(socket);
  for (; more && *more; more++)
    arguments[count++] = *more;
  pid_t process = fork();
  EXPECT(process >= 0);
  if (process > 0)
    return process;
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* no server outlives a spec that fails */
  execvp(arguments[0], (char **)arguments);
  _exit(127);
}

static inline void stop_redis(pid_t process) {
  int status;
  kill(process, SIGKILL);
  EXPECT(waitpid(process, &status, 0) == process);
}

/* Whether there is a server to be started. */
static inline bool has_redis(void) {
  return system("command -v redis-server >/dev/null") == 0; /* NOLINT(cert-env33-c): no input */
}

#endif
