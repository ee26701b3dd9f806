/* SPDX-License-Identifier: MIT
 *
 * Queries; see query.h. */
#include "engine/query.h"
#include "base/vec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;    /* what scripts call it */
  tp_code code;        /* the answer's */
  const char *message; /* the same */
} refusals[] = {
#define REFUSAL_ROW(member, name, code, message)                                                   \
  [TP_REFUSAL_##member] = {#name, TP_##code, message},
    TP_REFUSALS(REFUSAL_ROW)
#undef REFUSAL_ROW
};

tp_query *tp_query_create(tp_engine *engine, tp_verb verb, tp_engine_fn *fn, void *context) {
  tp_query *query = calloc(1, sizeof *query);
  if (!query)
    return NULL;
  query->engine = engine;
  query->verb = verb;
  query->fn = fn;
  query->context = context;
  query->answer.message = "";
  query->answer.next_due = -1;
  return query;
}

static bool are_short(const tp_span *names, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (names[i].length > TP_ENGINE_NAME_MAX)
      return false;
  return true;
}

/* Whether a row is within the bounds that engine.h names. */
static bool is_right(const tp_query *query, size_t i) {
  const tp_engine_answer *answer = &query->answer;
  if (query->verb == TP_VERB_GROUPS || query->verb == TP_VERB_FIND_GROUP) {
    const tp_engine_plan *plan = &answer->groups[i].plan;
    tp_span names[] = {plan->name, plan->token, plan->function};
    return are_short(names, 3) && plan->detail.length <= TP_ENGINE_BYTES_MAX;
  }
  if (query->verb == TP_VERB_MEMBERS) {
    const tp_engine_member *member = &answer->members[i];
    tp_span names[] = {member->id, member->host, member->version};
    return are_short(names, 3);
  }
  if (query->verb == TP_VERB_RESULTS)
    return answer->outcomes[i].bytes.length <= TP_ENGINE_BYTES_MAX;
  bool is_item =
      query->verb == TP_VERB_CLAIM || query->verb == TP_VERB_HELD || query->verb == TP_VERB_DEAD;
  return !is_item || (answer->items[i].bytes.length <= TP_ENGINE_BYTES_MAX &&
                      answer->items[i].error.length <= TP_ENGINE_BYTES_MAX);
}

/* What an engine says is checked like any other input: another program may have written it. */
static void check_rows(tp_query *query) {
  for (size_t i = 0; query->rows && query->answer.code == TP_OK && i < query->answer.count; i++)
    if (!is_right(query, i))
      tp_query_fail(query, TP_IO_ERROR, "the engine has a name or a size that is out of bounds");
}

void tp_query_answer(tp_query *query) {
  check_rows(query);
  if (query->answer.code != TP_OK)
    query->answer.count = 0;
  if (query->fn)
    query->fn(query->context, &query->answer);
  tp_blocks_clear(&query->bytes);
  free(query->rows);
  free(query);
}

void tp_query_fail(tp_query *query, tp_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(query->message, sizeof query->message, format, arguments);
  va_end(arguments);
  query->answer.code = code;
  query->answer.message = query->message;
}

void tp_query_refuse(tp_query *query, tp_refusal refusal) {
  query->answer.is_gone = refusal == TP_REFUSAL_GONE;
  query->answer.code = refusals[refusal].code;
  query->answer.message = refusals[refusal].message;
}

tp_refusal tp_query_find_refusal(tp_span name) {
  int refusal = 0;
  while (refusal < TP_REFUSAL_COUNT && !tp_span_is(name, refusals[refusal].name))
    refusal++;
  return (tp_refusal)refusal;
}

void *tp_query_add_row(tp_query *query, size_t size) {
  size_t count = query->answer.count;
  void *rows = tp_vec_reserve(query->rows, &query->row_capacity, count + 1, size);
  if (!rows) {
    tp_query_fail(query, TP_NO_MEMORY, "no memory for the answer of an engine");
    return NULL;
  }
  query->rows = rows;
  query->answer.count = count + 1;
  return memset((char *)rows + count * size, 0, size);
}

tp_span tp_query_keep(tp_query *query, const void *bytes, size_t length) {
  tp_span span = {.length = length};
  char *copy = length > 0 ? tp_blocks_add(&query->bytes, length) : NULL;
  if (copy)
    span.bytes = memcpy(copy, bytes, length);
  else if (length > 0) {
    span.length = 0;
    tp_query_fail(query, TP_NO_MEMORY, "no memory for the answer of an engine");
  }
  return span;
}

void tp_query_finish_rows(tp_query *query) {
  query->answer.items = query->rows;
}

void tp_query_tell(tp_engine *engine, tp_engine_event event, uint64_t group,
                   const tp_error *error) {
  if (engine->listen)
    engine->listen(engine->context, event, group, error);
}

double tp_query_pause(const tp_engine_plan *plan, uint32_t tries) {
  double pause = plan->pause;
  for (uint32_t i = 1; i < tries && pause < plan->pause_max; i++)
    pause *= 2;
  return pause < plan->pause_max ? pause : plan->pause_max;
}
