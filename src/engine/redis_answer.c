/* SPDX-License-Identifier: MIT
 *
 * What a Redis server has answered; see redis_answer.h. What each script answers is said at its
 * head. */
#define _GNU_SOURCE
#include "engine/redis_answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The bytes before the arguments of an item: its number, tries and losses. */
#define ITEM_HEAD 10

/* The bytes before those of an outcome: number, ending and length. */
#define OUTCOME_HEAD 13

/* ---- parts ---- */

tp_span tp_redis_answer_span(const redisReply *reply) {
  bool is_text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS ||
                 reply->type == REDIS_REPLY_ERROR;
  return is_text ? (tp_span){reply->str, (size_t)reply->len} : (tp_span){"", 0};
}

/* Sets the failure of an answer that is not understood. */
static void confuse(tp_query *query) {
  tp_query_fail(query, TP_IO_ERROR,
                "Redis: the answer is not one of this version of taskpool; another one may use the "
                "same pool");
}

/* An element of a list; one that is not there has no bytes. */
static const redisReply *part(const redisReply *list, size_t index) {
  static const redisReply none = {.type = REDIS_REPLY_NIL};
  bool is_there = list->type == REDIS_REPLY_ARRAY && index < list->elements;
  return is_there ? list->element[index] : &none;
}

static tp_span part_span(const redisReply *list, size_t index) {
  return tp_redis_answer_span(part(list, index));
}

/* A number in text; anything else is 0. hiredis ends strings by a NUL. */
static double part_double(const redisReply *list, size_t index) {
  tp_span text = part_span(list, index);
  double number = text.length > 0 ? strtod(text.bytes, NULL) : 0;
  return isfinite(number) ? number : 0;
}

static uint64_t part_number(const redisReply *list, size_t index) {
  tp_span text = part_span(list, index);
  return text.length > 0 ? strtoull(text.bytes, NULL, 10) : 0;
}

static uint64_t read_bytes(const char *bytes, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; i++)
    number = number << 8 | (unsigned char)bytes[i];
  return number;
}

/* How many elements follow the first `head` ones. */
static size_t rest(const redisReply *list, size_t head) {
  return list->elements > head ? list->elements - head : 0;
}

/* ---- answers ---- */

static void read_nothing(tp_query *query, const redisReply *list) {
  (void)query, (void)list;
}

static void read_added(tp_query *query, const redisReply *list) {
  query->answer.group = part_number(list, 1);
}

static void read_submitted(tp_query *query, const redisReply *list) {
  query->answer.total = part_number(list, 1);
  query->answer.waiting = part_number(list, 2);
}

static void read_count(tp_query *query, const redisReply *list) {
  query->answer.count = (size_t)part_number(list, 1);
}

static void read_plan(tp_engine_plan *plan, const redisReply *list) {
  plan->name = part_span(list, 1);
  plan->token = part_span(list, 2);
  plan->function = part_span(list, 3);
  plan->detail = part_span(list, 4);
  plan->weight = part_double(list, 5);
  plan->limit = (uint32_t)part_number(list, 6);
  plan->retries = (uint32_t)part_number(list, 7);
  plan->losses_max = (uint32_t)part_number(list, 8);
  plan->pause = part_double(list, 9);
  plan->pause_max = part_double(list, 10);
  plan->low = part_number(list, 11);
  plan->keep = (tp_engine_keep)(part_number(list, 12) % (TP_ENGINE_KEEP_ALL + 1));
  plan->ttl = part_double(list, 13);
}

static void read_group(tp_engine_group *group, const redisReply *list) {
  group->id = part_number(list, 0);
  read_plan(&group->plan, list);
  group->state = (tp_engine_state)(part_number(list, 14) % (TP_ENGINE_CANCELLED + 1));
  group->total = part_number(list, 15);
  group->waiting = part_number(list, 16);
  group->delayed = part_number(list, 17);
  group->running = part_number(list, 18);
  group->ok = part_number(list, 19);
  group->failed = part_number(list, 20);
  group->cancelled = part_number(list, 21);
  group->dead = part_number(list, 22);
  group->created = part_double(list, 23) / 1000;
  group->ended = part_double(list, 24) / 1000;
}

static void read_groups(tp_query *query, const redisReply *list) {
  query->answer.cursor = part_number(list, 1);
  for (size_t i = 2; i < list->elements; i++) {
    tp_engine_group *group = tp_query_add_row(query, sizeof *group);
    if (!group)
      return;
    read_group(group, part(list, i));
  }
}

/* Adds an item. False: it is not one. */
static bool read_item(tp_query *query, uint64_t group, tp_span text) {
  tp_engine_item *item = text.length >= ITEM_HEAD ? tp_query_add_row(query, sizeof *item) : NULL;
  if (!item)
    return false;
  item->group = group;
  item->number = read_bytes(text.bytes, 8);
  item->tries = (unsigned char)text.bytes[8];
  item->losses = (unsigned char)text.bytes[9];
  item->bytes = (tp_span){text.bytes + ITEM_HEAD, text.length - ITEM_HEAD};
  return true;
}

static void read_items(tp_query *query, const redisReply *list) {
  double due = part_double(list, 1);
  query->answer.next_due = due < 0 ? -1 : due / 1000;
  for (size_t i = 2; i + 1 < list->elements; i += 2) {
    const redisReply *items = part(list, i + 1);
    for (size_t k = 0; k < rest(items, 0); k++) {
      if (!read_item(query, part_number(list, i), part_span(items, k))) {
        confuse(query);
        return;
      }
    }
  }
}

static void read_fates(tp_query *query, const redisReply *list) {
  tp_span digits = part_span(list, 1);
  if (digits.length != query->count) {
    confuse(query);
    return;
  }
  for (size_t i = 0; i < digits.length; i++) {
    tp_engine_fate *fate = tp_query_add_row(query, sizeof *fate);
    if (!fate)
      return;
    *fate = (tp_engine_fate)((digits.bytes[i] - '0') & 3);
  }
}

/* Adds the outcomes of one batch. False: they are none. */
static bool read_batch(tp_query *query, tp_span batch) {
  while (batch.length > 0) {
    size_t length =
        batch.length >= OUTCOME_HEAD ? (size_t)read_bytes(batch.bytes + 9, 4) : SIZE_MAX / 2;
    tp_engine_outcome *outcome =
        length <= batch.length - OUTCOME_HEAD && batch.length >= OUTCOME_HEAD
            ? tp_query_add_row(query, sizeof *outcome)
            : NULL;
    if (!outcome || batch.bytes[8] > TP_ENGINE_UNSTARTED || batch.bytes[8] < 0)
      return false;
    outcome->group = query->group;
    outcome->number = read_bytes(batch.bytes, 8);
    outcome->ending = (tp_engine_ending)batch.bytes[8];
    outcome->bytes = (tp_span){batch.bytes + OUTCOME_HEAD, length};
    batch.bytes += OUTCOME_HEAD + length;
    batch.length -= OUTCOME_HEAD + length;
  }
  return true;
}

static void read_results(tp_query *query, const redisReply *list) {
  query->answer.cursor = part_number(list, 2);
  for (size_t i = 3; i < list->elements; i++) {
    if (!read_batch(query, part_span(list, i))) {
      confuse(query);
      return;
    }
  }
  query->answer.is_over = part_number(list, 1) == 1 && list->elements <= 3;
}

static void read_cancelled(tp_query *query, const redisReply *list) {
  for (size_t i = 1; i < list->elements; i++) {
    uint64_t *group = tp_query_add_row(query, sizeof *group);
    if (!group)
      return;
    *group = part_number(list, i);
  }
}

static void read_members(tp_query *query, const redisReply *list) {
  for (size_t i = 1; i < list->elements; i++) {
    const redisReply *from = part(list, i);
    tp_engine_member *member = tp_query_add_row(query, sizeof *member);
    if (!member)
      return;
    member->id = part_span(from, 0);
    member->lease = part_double(from, 1) / 1000;
    member->host = part_span(from, 2);
    member->version = part_span(from, 3);
    member->pid = part_number(from, 4);
    member->size = (uint32_t)part_number(from, 5);
    member->running = (uint32_t)part_number(from, 6);
    member->rate = part_double(from, 7);
  }
}

/* Adds a dead item: length of the item (4 bytes), item, time (8), error. False: it is not one. */
static bool read_record(tp_query *query, uint64_t group, tp_span record) {
  size_t length = record.length >= 12 ? (size_t)read_bytes(record.bytes, 4) : SIZE_MAX;
  if (record.length < 12 || length > record.length - 12 ||
      !read_item(query, group, (tp_span){record.bytes + 4, length}))
    return false;
  tp_engine_item *item = (tp_engine_item *)query->rows + query->answer.count - 1;
  item->time = (double)read_bytes(record.bytes + 4 + length, 8) / 1000;
  item->error = (tp_span){record.bytes + 12 + length, record.length - 12 - length};
  return true;
}

static void read_dead(tp_query *query, const redisReply *list) {
  query->answer.cursor = part_number(list, 1);
  for (size_t i = 2; i + 1 < list->elements; i += 2) {
    if (!read_record(query, part_number(list, i), part_span(list, i + 1))) {
      confuse(query);
      return;
    }
  }
}

static void read_stats(tp_query *query, const redisReply *list) {
  tp_engine_stats *stats = tp_query_add_row(query, sizeof *stats);
  if (!stats)
    return;
  stats->groups = part_number(list, 1);
  stats->waiting = part_number(list, 2);
  stats->delayed = part_number(list, 3);
  stats->running = part_number(list, 4);
  stats->dead = part_number(list, 5);
  stats->members = part_number(list, 6);
}

typedef void read_list(tp_query *query, const redisReply *list);

/* How the list of each script is read. */
static read_list *const verbs[TP_VERB_COUNT] = {
    [TP_VERB_ADD_GROUP] = read_added,     [TP_VERB_SET_LIMIT] = read_nothing,
    [TP_VERB_CLOSE_GROUP] = read_nothing, [TP_VERB_CANCEL] = read_nothing,
    [TP_VERB_FIND_GROUP] = read_groups,   [TP_VERB_GROUPS] = read_groups,
    [TP_VERB_SUBMIT] = read_submitted,    [TP_VERB_CLAIM] = read_items,
    [TP_VERB_HELD] = read_items,          [TP_VERB_DONE] = read_fates,
    [TP_VERB_RESULTS] = read_results,     [TP_VERB_JOIN] = read_nothing,
    [TP_VERB_BEAT] = read_cancelled,      [TP_VERB_REAP] = read_count,
    [TP_VERB_LEAVE] = read_count,         [TP_VERB_MEMBERS] = read_members,
    [TP_VERB_DEAD] = read_dead,           [TP_VERB_RETRY_DEAD] = read_count,
    [TP_VERB_DROP_DEAD] = read_count,     [TP_VERB_STATS] = read_stats,
};

/* Whether a query has rows; the others have only a count. */
static bool has_rows(tp_verb verb) {
  return verbs[verb] != read_count;
}

/* ---- errors ---- */

tp_code tp_redis_answer_code(tp_span text) {
  static const struct {
    const char *word; /* at the beginning of an error, or after "-" in that of a script */
    tp_code code;     /* what it means */
  } words[] = {
      {"OOM", TP_NOT_AVAILABLE},
      {"READONLY", TP_NOT_AVAILABLE},
      {"LOADING", TP_NOT_AVAILABLE},
      {"BUSY", TP_NOT_AVAILABLE},
      {"MISCONF", TP_NOT_AVAILABLE},
      {"MASTERDOWN", TP_NOT_AVAILABLE},
      {"CLUSTERDOWN", TP_NOT_AVAILABLE},
      {"NOREPLICAS", TP_NOT_AVAILABLE},
      {"TRYAGAIN", TP_NOT_AVAILABLE},
      {"NOSCRIPT", TP_NOT_AVAILABLE},
      {"NOAUTH", TP_DENIED},
      {"WRONGPASS", TP_DENIED},
      {"NOPERM", TP_DENIED},
      {"ERR AUTH", TP_DENIED},
      {"ERR invalid password", TP_DENIED},
  };
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    size_t length = strlen(words[i].word);
    const char *at = memmem(text.bytes, text.length, words[i].word, length);
    if (at && (at == text.bytes || at[-1] == '-'))
      return words[i].code;
  }
  return TP_IO_ERROR;
}

void tp_redis_answer_read(tp_query *query, const redisReply *reply) {
  tp_span word =
      reply->type == REDIS_REPLY_ERROR ? tp_redis_answer_span(reply) : part_span(reply, 0);
  if (reply->type == REDIS_REPLY_ERROR) {
    tp_query_fail(query, tp_redis_answer_code(word), "Redis: %.*s", (int)word.length, word.bytes);
    return;
  }
  if (tp_span_is(word, "ok")) {
    verbs[query->verb](query, reply);
    if (has_rows(query->verb))
      tp_query_finish_rows(query);
    return;
  }
  tp_refusal refusal = tp_query_find_refusal(word);
  if (refusal == TP_REFUSAL_COUNT) {
    confuse(query);
    return;
  }
  if (query->verb == TP_VERB_SUBMIT)
    read_submitted(query, reply);
  tp_query_refuse(query, refusal);
}
