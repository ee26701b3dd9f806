/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: what a Redis server answers. The first two bytes say what was asked, the others are
 * the answer as it comes from the socket. Any bytes are an answer, whose rows can be read, or a
 * failure.
 *
 * Sources: this file, src/base/, src/engine/{query,redis_answer}.c, and hiredis.
 * Flags: clang -fsanitize=fuzzer,address,undefined. */
#include "base/fail.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef TP_HAVE_HIREDIS

#include "engine/redis_answer.h"

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

/* Reads all bytes, as who gets them would. */
static void read_span(tp_span span) {
  volatile char last = 0;
  for (size_t i = 0; i < span.length; i++)
    last = span.bytes[i];
  (void)last;
}

/* Reads all that a row points to. */
static void read_row(tp_verb verb, const tp_engine_answer *answer, size_t i) {
  if (verb == TP_VERB_CLAIM || verb == TP_VERB_HELD || verb == TP_VERB_DEAD) {
    read_span(answer->items[i].bytes);
    read_span(answer->items[i].error);
  } else if (verb == TP_VERB_RESULTS) {
    check(answer->outcomes[i].ending <= TP_ENGINE_UNSTARTED);
    read_span(answer->outcomes[i].bytes);
  } else if (verb == TP_VERB_GROUPS || verb == TP_VERB_FIND_GROUP) {
    const tp_engine_plan *plan = &answer->groups[i].plan;
    check(plan->name.length <= TP_ENGINE_NAME_MAX && plan->function.length <= TP_ENGINE_NAME_MAX);
    read_span(plan->name);
    read_span(plan->detail);
  } else if (verb == TP_VERB_MEMBERS) {
    check(answer->members[i].id.length <= TP_ENGINE_NAME_MAX);
    read_span(answer->members[i].id);
  } else if (verb == TP_VERB_DONE) {
    check(answer->fates[i] <= TP_ENGINE_LOST);
  }
}

/* A tp_engine_fn. */
static void on_answer(void *context, const tp_engine_answer *answer) {
  check(answer->code == TP_OK || (answer->count == 0 && answer->message[0] != '\0'));
  for (size_t i = 0; answer->items && i < answer->count; i++)
    read_row(*(tp_verb *)context, answer, i);
}

static void ask(tp_verb verb, size_t count, const redisReply *reply) {
  tp_query *query = tp_query_create(NULL, verb, on_answer, &verb);
  check(query != NULL);
  query->count = count;
  tp_redis_answer_read(query, reply);
  tp_query_answer(query);
}

/* Whether a list says that it is very long: hiredis makes room for all of it at once. */
static bool is_huge(const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) {
    size_t digits = 0;
    while (data[i] == '*' && i + 1 + digits < size && data[i + 1 + digits] != '\r')
      digits++;
    if (digits > 5)
      return true;
  }
  return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  void *reply = NULL;
  if (size < 2 || is_huge(data + 2, size - 2))
    return 0;
  redisReader *reader = redisReaderCreate();
  check(reader != NULL);
  redisReaderFeed(reader, (const char *)data + 2, size - 2);
  while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply) {
    ask((tp_verb)(data[0] % TP_VERB_COUNT), data[1], reply);
    freeReplyObject(reply);
  }
  redisReaderFree(reader);
  return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  (void)data, (void)size;
  return 0;
}

#endif
