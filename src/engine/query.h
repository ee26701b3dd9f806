/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: a query, from the call that asks to the callback that gets the answer,
 * and what the kinds of engines have in common.
 *
 * A kind takes a query with `ask`, fills its answer, perhaps in another thread, and hands it back
 * with tp_query_answer in the loop's thread. */
#ifndef TP_ENGINE_QUERY_H
#define TP_ENGINE_QUERY_H

#include "base/blocks.h"
#include "engine/engine.h"
#include "engine/url.h"
#include <sys/queue.h>

/* What can be asked, as X(MEMBER, name). A name is that of a script in redis/. */
#define TP_VERBS(X)                                                                                \
  X(ADD_GROUP, add_group)                                                                          \
  X(SET_LIMIT, set_limit)                                                                          \
  X(CLOSE_GROUP, close_group)                                                                      \
  X(CANCEL, cancel)                                                                                \
  X(FIND_GROUP, find_group)                                                                        \
  X(GROUPS, groups)                                                                                \
  X(SUBMIT, submit)                                                                                \
  X(CLAIM, claim)                                                                                  \
  X(HELD, held)                                                                                    \
  X(DONE, done)                                                                                    \
  X(RESULTS, results)                                                                              \
  X(JOIN, join)                                                                                    \
  X(BEAT, beat)                                                                                    \
  X(REAP, reap)                                                                                    \
  X(LEAVE, leave)                                                                                  \
  X(MEMBERS, members)                                                                              \
  X(DEAD, dead)                                                                                    \
  X(RETRY_DEAD, retry_dead)                                                                        \
  X(DROP_DEAD, drop_dead)                                                                          \
  X(STATS, stats)

typedef enum tp_verb {
#define TP_VERB_MEMBER(member, name) TP_VERB_##member,
  TP_VERBS(TP_VERB_MEMBER)
#undef TP_VERB_MEMBER
      TP_VERB_COUNT
} tp_verb;

/* Why an engine refuses a query, as X(MEMBER, name, code, message). Scripts answer with the name.
 */
#define TP_REFUSALS(X)                                                                             \
  X(GONE, gone, NOT_AVAILABLE, "the member's lease is over, and it was taken off")                 \
  X(MISSING, missing, TASK_GROUP_NOT_FOUND, "there is no such group")                              \
  X(TAKEN, taken, TASK_GROUP_ALREADY_EXISTS, "there is a group of this name already")              \
  X(CLOSED, closed, POOL_IS_LOCKED, "the group is closed: it takes no more items")                 \
  X(CANCELLED, cancelled, CANCELLED, "the group was cancelled")                                    \
  X(GAP, gap, INVALID_ARGUMENT, "items are missing before the first one of this chunk")            \
  X(ALIVE, alive, NOT_FOUND, "the item is not on the dead list")

typedef enum tp_refusal {
#define TP_REFUSAL_MEMBER(member, name, code, message) TP_REFUSAL_##member,
  TP_REFUSALS(TP_REFUSAL_MEMBER)
#undef TP_REFUSAL_MEMBER
      TP_REFUSAL_COUNT
} tp_refusal;

typedef struct tp_query {
  STAILQ_ENTRY(tp_query) link; /* in a list of the engine's kind */
  tp_engine *engine;           /* who is asked */
  tp_verb verb;                /* what for; it says which of the following are set */
  const char *member;          /* the id of the asking member */
  uint64_t group;              /* the number of a group */
  uint64_t number;             /* of an item, or a cursor */
  size_t count;                /* entries in the list below, or how many are asked for */
  double seconds;              /* the delay of items */
  tp_span name;                /* of a group */
  union {
    const tp_engine_plan *plan;        /* add_group */
    const tp_span *items;              /* submit */
    const tp_engine_outcome *outcomes; /* done */
    const tp_engine_member *as;        /* join, beat */
  } in;                                /* borrowed from the caller */
  tp_engine_fn *fn;                    /* gets the answer */
  void *context;                       /* its first argument */
  tp_engine_answer answer;             /* what came of it */
  void *rows;                          /* the answer's list, from malloc; NULL: it has none */
  size_t row_capacity;                 /* rows that fit */
  tp_blocks bytes;                     /* what the rows point to, unless the kind keeps it */
  char message[256];                   /* the answer's, if it is not a literal */
  bool is_repeated;                    /* Redis: it was sent again */
} tp_query;

typedef STAILQ_HEAD(tp_query_list, tp_query) tp_query_list;

/* A kind of engine. */
typedef struct tp_engine_kind {
  /* Opens one. The URL was read, and the options checked. */
  tp_engine *(*open)(uv_loop_t *loop, const tp_url *url, const tp_engine_options *options,
                     tp_error *error);
  /* Takes a query; one that has failed already is only handed back. */
  void (*ask)(tp_engine *engine, tp_query *query);
  /* See tp_engine_close. It frees the engine. */
  void (*close)(tp_engine *engine);
} tp_engine_kind;

/* The first member of each engine. */
struct tp_engine {
  const tp_engine_kind *kind;    /* what it is */
  uv_loop_t *loop;               /* the owner's */
  tp_engine_listener *listen;    /* see tp_engine_options; NULL: nobody listens, or it is closing */
  void *context;                 /* its first argument */
  void (*closed)(void *context); /* called when it is closed */
  void *closed_context;          /* its argument */
};

/* A query without a question yet. NULL: no memory. */
tp_query *tp_query_create(tp_engine *engine, tp_verb verb, tp_engine_fn *fn, void *context);

/* Calls `fn` with the answer, and frees the query. */
void tp_query_answer(tp_query *query);

/* Sets a failure as the answer. */
void tp_query_fail(tp_query *query, tp_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void tp_query_refuse(tp_query *query, tp_refusal refusal);

/* The refusal that a script has named; TP_REFUSAL_COUNT: there is none of that name. */
tp_refusal tp_query_find_refusal(tp_span name);

/* Adds a row of `size` bytes, all zero, to the answer's list. NULL: no memory, and the answer is a
 * failure. Rows move when the list grows. */
void *tp_query_add_row(tp_query *query, size_t size);

/* A copy of bytes that lives as long as the query. Without memory the answer is a failure. */
tp_span tp_query_keep(tp_query *query, const void *bytes, size_t length);

/* Makes the rows those of the answer. */
void tp_query_finish_rows(tp_query *query);

/* Tells the listener of an event. */
void tp_query_tell(tp_engine *engine, tp_engine_event event, uint64_t group, const tp_error *error);

/* The pause before a retry, seconds. */
double tp_query_pause(const tp_engine_plan *plan, uint32_t tries);

#endif
