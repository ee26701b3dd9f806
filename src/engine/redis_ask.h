/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: commands for a Redis server, and how a query becomes one. */
#ifndef TP_ENGINE_REDIS_ASK_H
#define TP_ENGINE_REDIS_ASK_H

#include "base/blocks.h"
#include "engine/query.h"

/* A command that grows word by word. All zero: empty; it can be used again and again. */
typedef struct tp_redis_ask {
  const char **words;     /* the words */
  size_t *lengths;        /* their lengths */
  size_t count;           /* how many */
  size_t word_capacity;   /* how many fit */
  size_t length_capacity; /* how many lengths fit */
  tp_blocks bytes;        /* those of words that are nobody else's */
  bool has_failed;        /* there was no memory */
} tp_redis_ask;

/* Adds a word; its bytes are borrowed. */
void tp_redis_ask_add(tp_redis_ask *ask, tp_span word);

/* Makes the command of a query: the script of this hash, for keys with this prefix and events on
 * this channel. */
void tp_redis_ask_query(tp_redis_ask *ask, const tp_query *query, const char *hash, tp_span prefix,
                        tp_span channel);

/* The command as it is sent, from malloc, and its length; the words are forgotten. NULL: no
 * memory. */
char *tp_redis_ask_format(tp_redis_ask *ask, size_t *length);

void tp_redis_ask_clear(tp_redis_ask *ask);

#endif
