/* SPDX-License-Identifier: MIT
 *
 * A member of a shared pool: what a host does with an engine so that items run in it.
 *
 * It joins with a lease, beats each third of it, and takes off members that are dead. While there
 * is room it claims items and hands them out; what came of them it acknowledges in batches. When
 * the engine is away, items that run go on, and what came of them is kept until it is back. When
 * the member was taken off itself, because it was frozen or cut off, it tells which items it has
 * lost, and joins anew.
 *
 * Everything happens on the loop's thread. No callback is called before a function of this file
 * returns. */
#ifndef TP_ENGINE_MEMBER_H
#define TP_ENGINE_MEMBER_H

#include "engine/engine.h"
#include <sys/queue.h>

typedef struct tp_member tp_member;

/* An item that was handed out. It is the member's, and valid until tp_member_done. */
typedef struct tp_member_item {
  tp_engine_item item;              /* what it is; the bytes are its own */
  void *context;                    /* the user's */
  bool is_lost;                     /* another member may run it: what comes of it is dropped */
  TAILQ_ENTRY(tp_member_item) link; /* in a list of the member */
  tp_engine_ending ending;          /* what came of it, once it is done */
  tp_span result;                   /* the same: results or error, its own */
} tp_member_item;

/* What a member tells. */
typedef struct tp_member_listener {
  /* An item is to be run. */
  void (*run)(void *context, tp_member_item *item);
  /* An item that runs was lost: it should be cancelled. tp_member_done is called all the same. */
  void (*lost)(void *context, tp_member_item *item);
  /* A group of which this member holds items was cancelled. It may be told several times. */
  void (*cancelled)(void *context, uint64_t group);
  /* An event of the engine. */
  tp_engine_listener *event;
} tp_member_listener;

typedef struct tp_member_options {
  tp_engine_options engine;    /* its listener and context are not used */
  uint32_t size;               /* of the pool, for others to see */
  double lease;                /* seconds; 0: 15 */
  const char *version;         /* of taskpool */
  tp_member_listener listener; /* is told what happens */
  void *context;               /* its first argument */
} tp_member_options;

/* Opens an engine, and joins when it is up. Errors: see tp_engine_open. */
tp_member *tp_member_open(uv_loop_t *loop, const tp_member_options *options, tp_error *error);

/* The engine, for all that is not a member's. */
tp_engine *tp_member_engine(tp_member *member);

/* Says that so many more items can be run; < 0: so many fewer. Each that is handed out takes one
 * place; there may be a few more than there are places, after trouble with the engine. */
void tp_member_add_room(tp_member *member, int64_t places);

/* Says what came of an item, whose record is the member's again. The bytes are copied; if there is
 * no memory for them, none are kept. */
void tp_member_done(tp_member *member, tp_member_item *item, tp_engine_ending ending,
                    tp_span bytes);

/* Takes no more items, says what came of those that are done, gives the others back, and closes the
 * engine; then all is freed, the records of items too, and `left` is called. An engine that is away
 * is not waited for. */
void tp_member_leave(tp_member *member, void (*left)(void *context), void *context);

#endif
