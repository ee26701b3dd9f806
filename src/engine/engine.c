/* SPDX-License-Identifier: MIT
 *
 * Engines: each function makes a query of its arguments, for the engine's kind to answer; see
 * engine.h. */
#include "engine/engine.h"
#include "base/fail.h"
#include "engine/query.h"
#ifdef TP_HAVE_SQLITE
#include "engine/sqlite.h"
#endif
#ifdef TP_HAVE_HIREDIS
#include "engine/redis.h"
#endif

#include <math.h>
#include <string.h>

/* The highest number of retries and of losses of an item. */
#define TRIES_MAX 250

/* The longest time: thirty years. */
#define SECONDS_MAX 1e9

/* Numbers of items are below that: Redis scripts count in doubles. */
#define NUMBER_MAX (UINT64_C(1) << 52)

/* ---- opening and closing ---- */

#ifdef TP_HAVE_SQLITE
static const tp_engine_kind *const sqlite = &tp_sqlite_kind;
#else
static const tp_engine_kind *const sqlite;
#endif
#ifdef TP_HAVE_HIREDIS
static const tp_engine_kind *const redis = &tp_redis_kind;
#else
static const tp_engine_kind *const redis;
#endif

/* Whether it is the name of a pool. Braces would change what part of a key Redis Cluster looks at.
 */
static bool is_name(const char *name) {
  size_t length = name ? strlen(name) : 0;
  return length > 0 && length <= TP_ENGINE_NAME_MAX && !strpbrk(name, "{}");
}

static bool check_options(const tp_engine_options *options, tp_url *url, tp_error *error) {
  if (!is_name(options->pool))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the name of a shared pool must have 1 to %d bytes, and no braces",
                   TP_ENGINE_NAME_MAX);
  return tp_fail_unless_given(options->url, "url", error) &&
         tp_url_read(options->url, url, error) &&
         (!options->password_file || tp_url_read_password(url, options->password_file, error));
}

tp_engine *tp_engine_open(uv_loop_t *loop, const tp_engine_options *options, tp_error *error) {
  tp_url url = {0};
  if (!check_options(options, &url, error))
    return NULL;
  bool is_file = url.scheme == TP_URL_SQLITE;
  const tp_engine_kind *kind = is_file ? sqlite : redis;
  if (!kind) {
    tp_fail(error, TP_NOT_AVAILABLE, "this taskpool was built without %s",
            is_file ? "SQLite" : "hiredis, which Redis needs");
    return NULL;
  }
  tp_engine *engine = kind->open(loop, &url, options, error);
  if (engine) {
    engine->kind = kind;
    engine->loop = loop;
    engine->listen = options->listen;
    engine->context = options->context;
  }
  return engine; /* cppcheck-suppress returnDanglingLifetime; the URL is not kept */
}

void tp_engine_close(tp_engine *engine, void (*closed)(void *context), void *context) {
  engine->listen = NULL;
  engine->closed = closed;
  engine->closed_context = context;
  engine->kind->close(engine);
}

/* ---- asking ---- */

static bool is_time(double seconds) {
  return seconds >= 0 && seconds <= SECONDS_MAX;
}

static bool is_short(tp_span name) {
  return name.length <= TP_ENGINE_NAME_MAX;
}

static bool check_plan(const tp_engine_plan *plan) {
  return plan->name.length > 0 && is_short(plan->name) && is_short(plan->token) &&
         is_short(plan->function) && plan->detail.length <= TP_ENGINE_BYTES_MAX &&
         plan->retries <= TRIES_MAX && plan->losses_max <= TRIES_MAX && is_time(plan->pause) &&
         is_time(plan->pause_max) && is_time(plan->ttl) && isfinite(plan->weight);
}

static bool check_items(const tp_query *query) {
  bool is_right = query->count > 0 && query->count <= TP_ENGINE_CHUNK_MAX &&
                  query->number < NUMBER_MAX && is_time(query->seconds);
  for (size_t i = 0; is_right && i < query->count; i++)
    is_right = query->in.items[i].length <= TP_ENGINE_BYTES_MAX;
  return is_right;
}

static bool check_outcomes(const tp_query *query) {
  bool is_right = query->count > 0 && query->count <= TP_ENGINE_CHUNK_MAX;
  for (size_t i = 0; is_right && i < query->count; i++)
    is_right = query->in.outcomes[i].bytes.length <= TP_ENGINE_BYTES_MAX;
  return is_right;
}

static bool check_member(const tp_engine_member *member) {
  return member->id.length > 0 && is_short(member->id) && is_short(member->host) &&
         is_short(member->version) && is_time(member->lease);
}

/* Whether what is asked is within the bounds that engine.h names. */
static bool is_within_bounds(const tp_query *query) {
  if (query->member && strlen(query->member) > TP_ENGINE_NAME_MAX)
    return false;
  switch (query->verb) {
  case TP_VERB_ADD_GROUP:
    return check_plan(query->in.plan);
  case TP_VERB_SUBMIT:
    return check_items(query);
  case TP_VERB_DONE:
    return check_outcomes(query);
  case TP_VERB_JOIN:
  case TP_VERB_BEAT:
    return check_member(query->in.as);
  default:
    return is_short(query->name);
  }
}

/* Hands a query to the engine. False: there is none, for lack of memory. */
static bool ask(tp_query *query) {
  if (!query)
    return false;
  if (!is_within_bounds(query))
    tp_query_fail(query, TP_INVALID_ARGUMENT,
                  "a name, a count or a size is out of the bounds of engines");
  query->engine->kind->ask(query->engine, query);
  return true;
}

/* The same, of a group. */
static bool ask_of(tp_query *query, uint64_t group) {
  if (query)
    query->group = group;
  return ask(query);
}

/* The same, for a member. */
static bool ask_for(tp_query *query, const char *member) {
  if (query)
    query->member = member;
  return ask(query);
}

/* The same, for rows after a cursor. */
static bool ask_rows(tp_query *query, uint64_t group, uint64_t after, uint32_t max) {
  if (query) {
    query->number = after;
    query->count = max < TP_ENGINE_LIST_MAX ? max : TP_ENGINE_LIST_MAX;
  }
  return ask_of(query, group);
}

bool tp_engine_add_group(tp_engine *engine, const tp_engine_plan *plan, tp_engine_fn *fn,
                         void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_ADD_GROUP, fn, context);
  if (query)
    query->in.plan = plan;
  return ask(query);
}

bool tp_engine_set_limit(tp_engine *engine, uint64_t group, uint32_t limit, tp_engine_fn *fn,
                         void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_SET_LIMIT, fn, context);
  if (query)
    query->number = limit;
  return ask_of(query, group);
}

bool tp_engine_close_group(tp_engine *engine, uint64_t group, tp_engine_fn *fn, void *context) {
  return ask_of(tp_query_create(engine, TP_VERB_CLOSE_GROUP, fn, context), group);
}

bool tp_engine_cancel(tp_engine *engine, uint64_t group, tp_engine_fn *fn, void *context) {
  return ask_of(tp_query_create(engine, TP_VERB_CANCEL, fn, context), group);
}

bool tp_engine_find_group(tp_engine *engine, tp_span name, uint64_t group, tp_engine_fn *fn,
                          void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_FIND_GROUP, fn, context);
  if (query)
    query->name = name;
  return ask_of(query, group);
}

bool tp_engine_groups(tp_engine *engine, uint64_t after, uint32_t max, tp_engine_fn *fn,
                      void *context) {
  return ask_rows(tp_query_create(engine, TP_VERB_GROUPS, fn, context), 0, after, max);
}

bool tp_engine_submit(tp_engine *engine, uint64_t group, uint64_t first, const tp_span *items,
                      size_t count, double delay, tp_engine_fn *fn, void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_SUBMIT, fn, context);
  if (query) {
    query->number = first;
    query->in.items = items;
    query->count = count;
    query->seconds = delay;
  }
  return ask_of(query, group);
}

bool tp_engine_claim(tp_engine *engine, const char *member, uint32_t want, tp_engine_fn *fn,
                     void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_CLAIM, fn, context);
  if (query)
    query->count = want < TP_ENGINE_CLAIM_MAX ? want : TP_ENGINE_CLAIM_MAX;
  return ask_for(query, member);
}

bool tp_engine_held(tp_engine *engine, const char *member, tp_engine_fn *fn, void *context) {
  return ask_for(tp_query_create(engine, TP_VERB_HELD, fn, context), member);
}

bool tp_engine_done(tp_engine *engine, const char *member, const tp_engine_outcome *outcomes,
                    size_t count, tp_engine_fn *fn, void *context) {
  tp_query *query = tp_query_create(engine, TP_VERB_DONE, fn, context);
  if (query) {
    query->in.outcomes = outcomes;
    query->count = count;
  }
  return ask_for(query, member);
}

bool tp_engine_results(tp_engine *engine, uint64_t group, uint64_t cursor, uint32_t max,
                       tp_engine_fn *fn, void *context) {
  return ask_rows(tp_query_create(engine, TP_VERB_RESULTS, fn, context), group, cursor, max);
}

/* Asks as a member. */
static bool ask_as(tp_query *query, const tp_engine_member *member) {
  if (query)
    query->in.as = member;
  return ask(query);
}

bool tp_engine_join(tp_engine *engine, const tp_engine_member *member, tp_engine_fn *fn,
                    void *context) {
  return ask_as(tp_query_create(engine, TP_VERB_JOIN, fn, context), member);
}

bool tp_engine_beat(tp_engine *engine, const tp_engine_member *member, tp_engine_fn *fn,
                    void *context) {
  return ask_as(tp_query_create(engine, TP_VERB_BEAT, fn, context), member);
}

bool tp_engine_reap(tp_engine *engine, tp_engine_fn *fn, void *context) {
  return ask(tp_query_create(engine, TP_VERB_REAP, fn, context));
}

bool tp_engine_leave(tp_engine *engine, const char *member, tp_engine_fn *fn, void *context) {
  return ask_for(tp_query_create(engine, TP_VERB_LEAVE, fn, context), member);
}

bool tp_engine_members(tp_engine *engine, tp_engine_fn *fn, void *context) {
  return ask(tp_query_create(engine, TP_VERB_MEMBERS, fn, context));
}

bool tp_engine_dead(tp_engine *engine, uint64_t cursor, uint32_t max, tp_engine_fn *fn,
                    void *context) {
  return ask_rows(tp_query_create(engine, TP_VERB_DEAD, fn, context), 0, cursor, max);
}

/* Asks of one item. */
static bool ask_item(tp_query *query, uint64_t group, uint64_t number) {
  if (query)
    query->number = number;
  return ask_of(query, group);
}

bool tp_engine_retry_dead(tp_engine *engine, uint64_t group, uint64_t number, tp_engine_fn *fn,
                          void *context) {
  return ask_item(tp_query_create(engine, TP_VERB_RETRY_DEAD, fn, context), group, number);
}

bool tp_engine_drop_dead(tp_engine *engine, uint64_t group, uint64_t number, tp_engine_fn *fn,
                         void *context) {
  return ask_item(tp_query_create(engine, TP_VERB_DROP_DEAD, fn, context), group, number);
}

bool tp_engine_stats_of(tp_engine *engine, tp_engine_fn *fn, void *context) {
  return ask(tp_query_create(engine, TP_VERB_STATS, fn, context));
}
