/* SPDX-License-Identifier: MIT
 *
 * Commands for a Redis server; see redis_ask.h. What each script gets is said at its head. */
#include "engine/redis_ask.h"
#include "base/vec.h"
#include "engine/redis_script.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---- */

void tp_redis_ask_add(tp_redis_ask *ask, tp_span word) {
  size_t count = ask->count + 1;
  const char **words = tp_vec_reserve(ask->words, &ask->word_capacity, count, sizeof *ask->words);
  ask->words = words ? words : ask->words;
  size_t *lengths =
      words ? tp_vec_reserve(ask->lengths, &ask->length_capacity, count, sizeof *lengths) : NULL;
  if (!lengths) {
    ask->has_failed = true;
    return;
  }
  ask->lengths = lengths;
  words[ask->count] = word.length > 0 ? word.bytes : "";
  lengths[ask->count] = word.length;
  ask->count = count;
}

/* Adds a word whose bytes are copied. */
static void add_copy(tp_redis_ask *ask, const char *bytes, size_t length) {
  char *copy = tp_blocks_add(&ask->bytes, length);
  if (copy)
    tp_redis_ask_add(ask, (tp_span){memcpy(copy, bytes, length), length});
  else
    ask->has_failed = true;
}

static void add_text(tp_redis_ask *ask, const char *text) {
  tp_redis_ask_add(ask, tp_span_of(text));
}

static void add_number(tp_redis_ask *ask, uint64_t number) {
  char text[24];
  add_copy(ask, text, (size_t)snprintf(text, sizeof text, "%" PRIu64, number));
}

static void add_double(tp_redis_ask *ask, double number) {
  char text[32];
  add_copy(ask, text, (size_t)snprintf(text, sizeof text, "%.17g", number));
}

/* Adds seconds as milliseconds. */
static void add_milliseconds(tp_redis_ask *ask, double seconds) {
  add_double(ask, seconds * 1000);
}

/* Adds GID:NUMBER, whose number is 8 bytes. */
static void add_field(tp_redis_ask *ask, uint64_t group, uint64_t number) {
  char text[32];
  size_t length = (size_t)snprintf(text, sizeof text, "%" PRIu64 ":", group);
  for (int shift = 56; shift >= 0; shift -= 8)
    text[length++] = (char)(number >> shift);
  add_copy(ask, text, length);
}

/* ---- queries ---- */

static void put_plan(tp_redis_ask *ask, const tp_query *query) {
  const tp_engine_plan *plan = query->in.plan;
  tp_redis_ask_add(ask, plan->name);
  tp_redis_ask_add(ask, plan->token);
  tp_redis_ask_add(ask, plan->function);
  tp_redis_ask_add(ask, plan->detail);
  add_double(ask, plan->weight);
  add_number(ask, plan->limit);
  add_number(ask, plan->retries);
  add_number(ask, plan->losses_max);
  add_double(ask, plan->pause);
  add_double(ask, plan->pause_max);
  add_number(ask, plan->low);
  add_number(ask, plan->keep);
  add_double(ask, plan->ttl);
}

static void put_group(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->group);
}

static void put_limit(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->group);
  add_number(ask, query->number);
}

static void put_name(tp_redis_ask *ask, const tp_query *query) {
  tp_redis_ask_add(ask, query->name);
  add_number(ask, query->group);
}

static void put_rows(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->number);
  add_number(ask, query->count);
}

static void put_items(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->group);
  add_number(ask, query->number);
  add_milliseconds(ask, query->seconds);
  for (size_t i = 0; i < query->count; i++)
    tp_redis_ask_add(ask, query->in.items[i]);
}

static void put_member(tp_redis_ask *ask, const tp_query *query) {
  add_text(ask, query->member);
}

static void put_want(tp_redis_ask *ask, const tp_query *query) {
  add_text(ask, query->member);
  add_number(ask, query->count);
}

static void put_outcomes(tp_redis_ask *ask, const tp_query *query) {
  static const char *const endings[] = {[TP_ENGINE_OK] = "0",
                                        [TP_ENGINE_FAILED] = "1",
                                        [TP_ENGINE_HOPELESS] = "2",
                                        [TP_ENGINE_STOPPED] = "3",
                                        [TP_ENGINE_UNSTARTED] = "4"};
  add_text(ask, query->member);
  for (size_t i = 0; i < query->count; i++) {
    const tp_engine_outcome *outcome = &query->in.outcomes[i];
    add_field(ask, outcome->group, outcome->number);
    add_text(ask, endings[outcome->ending]);
    tp_redis_ask_add(ask, outcome->bytes);
  }
}

static void put_results(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->group);
  put_rows(ask, query);
}

static void put_as(tp_redis_ask *ask, const tp_query *query) {
  const tp_engine_member *as = query->in.as;
  tp_redis_ask_add(ask, as->id);
  add_milliseconds(ask, as->lease);
  tp_redis_ask_add(ask, as->host);
  tp_redis_ask_add(ask, as->version);
  add_number(ask, as->pid);
  add_number(ask, as->size);
  add_number(ask, as->running);
  add_double(ask, as->rate);
}

static void put_nothing(tp_redis_ask *ask, const tp_query *query) {
  (void)ask, (void)query;
}

static void put_list_max(tp_redis_ask *ask, const tp_query *query) {
  (void)query;
  add_number(ask, TP_ENGINE_LIST_MAX);
}

static void put_dead_item(tp_redis_ask *ask, const tp_query *query) {
  add_number(ask, query->group);
  add_field(ask, query->group, query->number);
}

typedef void put_words(tp_redis_ask *ask, const tp_query *query);

/* What each script gets. */
static put_words *const verbs[TP_VERB_COUNT] = {
    [TP_VERB_ADD_GROUP] = put_plan,
    [TP_VERB_SET_LIMIT] = put_limit,
    [TP_VERB_CLOSE_GROUP] = put_group,
    [TP_VERB_CANCEL] = put_group,
    [TP_VERB_FIND_GROUP] = put_name,
    [TP_VERB_GROUPS] = put_rows,
    [TP_VERB_SUBMIT] = put_items,
    [TP_VERB_CLAIM] = put_want,
    [TP_VERB_HELD] = put_member,
    [TP_VERB_DONE] = put_outcomes,
    [TP_VERB_RESULTS] = put_results,
    [TP_VERB_JOIN] = put_as,
    [TP_VERB_BEAT] = put_as,
    [TP_VERB_REAP] = put_nothing,
    [TP_VERB_LEAVE] = put_member,
    [TP_VERB_MEMBERS] = put_list_max,
    [TP_VERB_DEAD] = put_rows,
    [TP_VERB_RETRY_DEAD] = put_dead_item,
    [TP_VERB_DROP_DEAD] = put_dead_item,
    [TP_VERB_STATS] = put_nothing,
};

void tp_redis_ask_query(tp_redis_ask *ask, const tp_query *query, const char *hash, tp_span prefix,
                        tp_span channel) {
  add_text(ask, "EVALSHA");
  tp_redis_ask_add(ask, (tp_span){hash, TP_REDIS_SCRIPT_HASH});
  add_text(ask, "2");
  tp_redis_ask_add(ask, prefix);
  tp_redis_ask_add(ask, channel);
  verbs[query->verb](ask, query);
}

/* ---- sending ---- */

char *tp_redis_ask_format(tp_redis_ask *ask, size_t *length) {
  char *command = NULL;
  int size = ask->has_failed
                 ? -1
                 : redisFormatCommandArgv(&command, (int)ask->count, ask->words, ask->lengths);
  tp_blocks_empty(&ask->bytes);
  ask->count = 0;
  ask->has_failed = false;
  *length = size > 0 ? (size_t)size : 0;
  return size > 0 ? command : NULL;
}

void tp_redis_ask_clear(tp_redis_ask *ask) {
  tp_blocks_clear(&ask->bytes);
  free(ask->words);
  free(ask->lengths);
  *ask = (tp_redis_ask){0};
}
