/* SPDX-License-Identifier: MIT
 *
 * A connection to a control server that has greeted: commands go out, answers come in as JSON.
 *
 * The greeting says which protocol the server speaks. Answers are framed if it is a JSON object
 * (mode 2). Any other greeting is the name of a pool, from a server that has only plain answers
 * (mode 1, such as asyncio-taskpool); its errors cannot be told from results. */
#ifndef TP_CLIENT_LINK_H
#define TP_CLIENT_LINK_H

#include "client/connection.h"
#include "taskpool.h"
#include <jansson.h>
#include <stdbool.h>

/* The protocol of a server. */
enum {
  TP_LINK_PLAIN = 1, /* answers are plain text */
  TP_LINK_WORDS = 3, /* takes a command as a JSON array of words, and `interrupt` */
};

typedef struct tp_link {
  tp_connection connection; /* to the server */
  int protocol;             /* of the server; 0: it has not greeted */
  char *pool;               /* the name of the pool that it greeted with; NULL before */
} tp_link;

/* The text that an answer or an event has under `key`, or else `fallback`. */
const char *tp_link_text(const json_t *answer, const char *key, const char *fallback);

/* Whether an answer is an error. */
bool tp_link_is_failure(const json_t *answer);

/* Connects and takes the greeting. `width` is that of the terminal. The error is Denied or
 * NotAvailable if the server refuses, else as of tp_connection_open. Needs a close in any case. */
bool tp_link_open(tp_link *link, const tp_client_options *options, int width, tp_error *error);

/* Sends a line. */
bool tp_link_send(tp_link *link, const char *bytes, size_t length, tp_error *error);

/* The object that a line of the server holds; the caller releases it. NULL: it is not one. */
json_t *tp_link_read(const tp_link *link, tp_span line, tp_error *error);

/* Sends a command and waits for its answer, an object with "ok"; events in between are dropped.
 * The caller releases it. NULL: the connection cannot be used any more. Not for plain servers. */
json_t *tp_link_ask(tp_link *link, const char *command, tp_error *error);

/* The same for the command that changes to another pool. */
#define TP_LINK_USE "use"
json_t *tp_link_use(tp_link *link, const char *pool, tp_error *error);

/* Words, ended by NULL, as a line: as a JSON array, or with blanks between them for a server that
 * takes lines only. The caller frees it. NULL: they are not UTF-8, or there is no memory. */
char *tp_link_join(const char *const *words, bool as_array);

void tp_link_close(tp_link *link);

#endif
