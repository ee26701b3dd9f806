/* SPDX-License-Identifier: MIT
 *
 * Engines: where the groups of a shared pool live, so that several hosts (its members) run them and
 * so that they survive.
 *
 * An engine keeps groups, the items that wait in them, which member holds which item, and what came
 * of them. It carries names, numbers and packed bytes, and knows nothing of Lua or of pools. There
 * are two kinds, SQLite (sqlite.h) and Redis (redis.h), which behave alike.
 *
 * How it is used. A member joins with a lease, and beats before it ends. A producer adds a group
 * and submits its items in numbered chunks. A member claims items, runs them, and says with `done`
 * what came of them. An item whose member does not beat is given to another one (`reap`), so each
 * item runs at least once; what came of it is recorded once, since `done` only counts for who
 * holds the item.
 *
 * Everything is asynchronous, and of one thread: that of the loop. A function starts a query, and
 * `fn` is called once from the loop, never before the function returns. What the arguments point
 * to is borrowed until then. A function returns false if there is no memory; `fn` is not called
 * then. Answers come in the order of the questions.
 *
 * A query fails with
 *   NotAvailable       the engine is away, full or read-only. Whether the query has taken effect
 *                      is not known. To ask again is safe: add_group and submit recognise what they
 *                      have, done ignores what is not held, held finds what a lost claim took
 *   Denied             the server refuses the user or the password
 *   InvalidArgument    a name, a count or a size is out of bounds
 *   TaskGroupNotFound  there is no such group, or not any more
 *   IOError            the engine has something that this version does not understand
 * and with what the functions name.
 *
 * To add a query: a member of TP_VERBS and what its answer has (query.h), a function here and in
 * engine.c, one in a file sqlite_*.c, and a script and a row in redis_script.c. */
#ifndef TP_ENGINE_ENGINE_H
#define TP_ENGINE_ENGINE_H

#include "base/span.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* Items in one submit, and outcomes in one done, at most. */
#define TP_ENGINE_CHUNK_MAX 500

/* Items that one claim gives at most. */
#define TP_ENGINE_CLAIM_MAX 500

/* Rows that one query lists at most. */
#define TP_ENGINE_LIST_MAX 1000

/* The longest names of pools, groups, functions and members, bytes. */
#define TP_ENGINE_NAME_MAX 255

/* The largest packed arguments, results or details, bytes. */
#define TP_ENGINE_BYTES_MAX (16u << 20)

typedef struct tp_engine tp_engine;

/* ---- records ---- */

/* Whether a group takes items. `ended` says whether it is over. */
typedef enum tp_engine_state {
  TP_ENGINE_OPEN,      /* it takes items */
  TP_ENGINE_CLOSED,    /* it takes no more; it is over when all have ended */
  TP_ENGINE_CANCELLED, /* the same; those that waited have been dropped */
} tp_engine_state;

/* Which outcomes a group keeps for `results`. */
typedef enum tp_engine_keep {
  TP_ENGINE_KEEP_NONE,
  TP_ENGINE_KEEP_ERRORS, /* those that failed for good */
  TP_ENGINE_KEEP_ALL,
} tp_engine_keep;

/* What a group is, as its producer says. */
typedef struct tp_engine_plan {
  tp_span name;        /* unique among the groups of the pool */
  tp_span token;       /* says who adds it: adding it again with the same token is no mistake */
  tp_span function;    /* what its items call */
  tp_span detail;      /* packed: whatever else members need to run them */
  double weight;       /* a smaller one comes sooner; equal ones take turns */
  uint32_t limit;      /* items that run at a time over all members; 0: any number */
  uint32_t retries;    /* how often a failed item is tried again, up to 250 */
  uint32_t losses_max; /* how many lost members an item survives, up to 250 */
  double pause;        /* before the first retry, seconds; doubles with each */
  double pause_max;    /* the longest of these */
  uint64_t low;        /* TP_ENGINE_LOW is told when so few items are left waiting */
  tp_engine_keep keep; /* which outcomes are kept */
  double ttl;          /* for how long group and results are known after its end, seconds */
} tp_engine_plan;

/* A group and how far it is. Each item is counted in one of waiting … cancelled. */
typedef struct tp_engine_group {
  uint64_t id;           /* its number; never used again */
  tp_engine_plan plan;   /* what it is */
  tp_engine_state state; /* whether it takes items */
  uint64_t total;        /* items submitted; the number of the next one */
  uint64_t waiting;      /* to be claimed */
  uint64_t delayed;      /* due later */
  uint64_t running;      /* held by members */
  uint64_t ok;           /* ended well */
  uint64_t failed;       /* failed for good */
  uint64_t cancelled;    /* cancelled */
  uint64_t dead;         /* of the failed ones: on the dead list */
  double created;        /* seconds since 1970 */
  double ended;          /* the same; 0: it is not over */
} tp_engine_group;

/* One call: of a group, or on the dead list. */
typedef struct tp_engine_item {
  uint64_t group;  /* the group's number */
  uint64_t number; /* in the group, from 0 */
  uint32_t tries;  /* how often it has failed */
  uint32_t losses; /* how often its member was lost */
  tp_span bytes;   /* its packed arguments */
  tp_span error;   /* dead list: its last error, packed */
  double time;     /* dead list: since when, seconds since 1970 */
} tp_engine_item;

/* What came of an item. */
typedef enum tp_engine_ending {
  TP_ENGINE_OK,        /* it returned */
  TP_ENGINE_FAILED,    /* it failed, and may be tried again */
  TP_ENGINE_HOPELESS,  /* it failed, and must not be tried again */
  TP_ENGINE_STOPPED,   /* a cancel has ended it */
  TP_ENGINE_UNSTARTED, /* it was not started: another member may have it */
} tp_engine_ending;

typedef struct tp_engine_outcome {
  uint64_t group;          /* the group's number */
  uint64_t number;         /* the item's */
  tp_engine_ending ending; /* what came of it */
  tp_span bytes;           /* results or error, packed */
} tp_engine_outcome;

/* What `done` made of an outcome. */
typedef enum tp_engine_fate {
  TP_ENGINE_RECORDED, /* it is counted, and kept if the group keeps such */
  TP_ENGINE_DEAD,     /* the same, and the item is on the dead list */
  TP_ENGINE_RETRIED,  /* the item will run again */
  TP_ENGINE_LOST,     /* dropped: the member does not hold the item any more */
} tp_engine_fate;

typedef struct tp_engine_member {
  tp_span id;       /* never used again */
  tp_span host;     /* the name of its machine */
  tp_span version;  /* of taskpool */
  uint64_t pid;     /* its process */
  uint32_t size;    /* of its pool */
  uint32_t running; /* items that run there, as it has said */
  double rate;      /* items a second, as it has said */
  double lease;     /* until its lease ends, seconds; to join and beat: for how long it shall be */
} tp_engine_member;

/* Sums over the pool. */
typedef struct tp_engine_stats {
  uint64_t groups;  /* that are known */
  uint64_t waiting; /* items of these; see tp_engine_group */
  uint64_t delayed;
  uint64_t running;
  uint64_t dead;    /* items on the dead list */
  uint64_t members; /* members */
} tp_engine_stats;

/* ---- answers ---- */

/* The answer to a query. All that it points to is valid during the call that gets it. */
typedef struct tp_engine_answer {
  tp_code code;        /* TP_OK, or why it failed */
  const char *message; /* of a failure; else "" */
  bool is_gone;        /* the asking member is none, or not any more: it must join with a new id */
  uint64_t group;      /* add_group: its number */
  uint64_t total;      /* submit: items of the group; the number of the next one */
  uint64_t waiting;    /* submit: items that wait */
  double next_due;     /* claim: seconds until a delayed item is due; < 0: there is none */
  uint64_t cursor;     /* results, groups, dead: where to go on */
  bool is_over;        /* results: the group is over, and no more will come */
  size_t count;        /* entries in the list below; reap, retry_dead, drop_dead: items */
  union {
    const tp_engine_item *items;       /* claim, held, dead */
    const tp_engine_fate *fates;       /* done: one for each outcome */
    const tp_engine_outcome *outcomes; /* results */
    const tp_engine_group *groups;     /* find_group, groups */
    const tp_engine_member *members;   /* members */
    const uint64_t *cancelled;         /* beat: cancelled groups of which the member holds items */
    const tp_engine_stats *stats;      /* stats: one */
  };
} tp_engine_answer;

typedef void tp_engine_fn(void *context, const tp_engine_answer *answer);

/* ---- events ---- */

typedef enum tp_engine_event {
  TP_ENGINE_UP,      /* it is there, for the first time or again: queries are answered */
  TP_ENGINE_DOWN,    /* it is away, for the reason given; it will be tried again */
  TP_ENGINE_WARNING, /* something about it that its owner should know, such as lost durability */
  TP_ENGINE_WORK,    /* a claim may find something */
  TP_ENGINE_CANCEL,  /* a group was cancelled */
  TP_ENGINE_END,     /* a group is over */
  TP_ENGINE_LOW,     /* few items of a group are left waiting */
} tp_engine_event;

/* Is told of events, on the loop's thread. `group`: its number, or 0. `error`: why, of DOWN and
 * WARNING, else NULL. WORK, CANCEL, END and LOW may be lost with a connection. */
typedef void tp_engine_listener(void *context, tp_engine_event event, uint64_t group,
                                const tp_error *error);

/* ---- engines ---- */

typedef struct tp_engine_options {
  const char *url;            /* sqlite:PATH, redis://[[USER:]PASSWORD@]HOST[:PORT][/DATABASE] or
                                 redis+unix:[//[[USER:]PASSWORD@]]PATH[?db=DATABASE] */
  const char *password_file;  /* Redis: a file whose first line is the password; NULL: none */
  const char *pool;           /* the name of the pool */
  bool is_synced;             /* SQLite: a confirmed change survives a loss of power */
  double timeout;             /* Redis: how long an answer may take, seconds; 0: 5 */
  tp_engine_listener *listen; /* is told of events */
  void *context;              /* its first argument */
} tp_engine_options;

/* Opens an engine on a loop: it connects, and tells UP or DOWN. Until then, queries fail. The
 * options are copied. NULL: InvalidArgument (the URL, the pool's name), NotAvailable (this build
 * lacks that kind, or a thread could not be started), NoMemory. */
tp_engine *tp_engine_open(uv_loop_t *loop, const tp_engine_options *options, tp_error *error);

/* Closes an engine: what was asked is answered, if only with NotAvailable, no event is told any
 * more, and then `closed` is called from the loop. It must not be asked from now on. Members do not
 * leave by it. */
void tp_engine_close(tp_engine *engine, void (*closed)(void *context), void *context);

/* ---- groups ---- */

/* Adds a group: TaskGroupAlreadyExists. */
bool tp_engine_add_group(tp_engine *engine, const tp_engine_plan *plan, tp_engine_fn *fn,
                         void *context);

/* Changes how many items of a group run at a time. */
bool tp_engine_set_limit(tp_engine *engine, uint64_t group, uint32_t limit, tp_engine_fn *fn,
                         void *context);

/* A group takes no more items. Again, or after a cancel, it does nothing. */
bool tp_engine_close_group(tp_engine *engine, uint64_t group, tp_engine_fn *fn, void *context);

/* Drops what waits in a group; it takes no more items, and members are told. Again, or after the
 * group's end, it does nothing. */
bool tp_engine_cancel(tp_engine *engine, uint64_t group, tp_engine_fn *fn, void *context);

/* Finds a group by its name, or, if `name` has no bytes, by its number. */
bool tp_engine_find_group(tp_engine *engine, tp_span name, uint64_t group, tp_engine_fn *fn,
                          void *context);

/* The groups whose numbers are above `after`, at most `max`. */
bool tp_engine_groups(tp_engine *engine, uint64_t after, uint32_t max, tp_engine_fn *fn,
                      void *context);

/* ---- items ---- */

/* Adds `count` items to a group, numbered from `first`, which run after `delay` seconds. Those that
 * the group has already are ignored. InvalidArgument: items in between are missing, and `total`
 * says from which on. PoolIsLocked: the group is closed. Cancelled: it was cancelled. */
bool tp_engine_submit(tp_engine *engine, uint64_t group, uint64_t first, const tp_span *items,
                      size_t count, double delay, tp_engine_fn *fn, void *context);

/* Takes up to `want` items for a member, of the groups with work and room in turn. */
bool tp_engine_claim(tp_engine *engine, const char *member, uint32_t want, tp_engine_fn *fn,
                     void *context);

/* All items that a member holds; after a failed claim it may be more than it knows. */
bool tp_engine_held(tp_engine *engine, const char *member, tp_engine_fn *fn, void *context);

/* Says what came of items. */
bool tp_engine_done(tp_engine *engine, const char *member, const tp_engine_outcome *outcomes,
                    size_t count, tp_engine_fn *fn, void *context);

/* Outcomes of a group that were recorded after `cursor` (0: all), at least one batch of them if
 * there is one, and no more batches than `max`. */
bool tp_engine_results(tp_engine *engine, uint64_t group, uint64_t cursor, uint32_t max,
                       tp_engine_fn *fn, void *context);

/* ---- members ---- */

/* Enters a member, or renews its lease. */
bool tp_engine_join(tp_engine *engine, const tp_engine_member *member, tp_engine_fn *fn,
                    void *context);

/* Renews a member's lease, and asks which of its groups were cancelled. */
bool tp_engine_beat(tp_engine *engine, const tp_engine_member *member, tp_engine_fn *fn,
                    void *context);

/* Ends one member whose lease is over: what it holds waits again, before the rest, or is dead if
 * that has happened too often. To be called by every member now and then. */
bool tp_engine_reap(tp_engine *engine, tp_engine_fn *fn, void *context);

/* Ends a member: what it holds waits again. */
bool tp_engine_leave(tp_engine *engine, const char *member, tp_engine_fn *fn, void *context);

/* The members, up to TP_ENGINE_LIST_MAX. */
bool tp_engine_members(tp_engine *engine, tp_engine_fn *fn, void *context);

/* ---- the dead list and figures ---- */

/* Items on the dead list, the oldest first: those after `cursor` (0: all), at most `max`. */
bool tp_engine_dead(tp_engine *engine, uint64_t cursor, uint32_t max, tp_engine_fn *fn,
                    void *context);

/* Puts a dead item back at the end of its group's queue as if it had never run. TaskNotFound. */
bool tp_engine_retry_dead(tp_engine *engine, uint64_t group, uint64_t number, tp_engine_fn *fn,
                          void *context);

/* Forgets a dead item. TaskNotFound. */
bool tp_engine_drop_dead(tp_engine *engine, uint64_t group, uint64_t number, tp_engine_fn *fn,
                         void *context);

bool tp_engine_stats_of(tp_engine *engine, tp_engine_fn *fn, void *context);

#endif
