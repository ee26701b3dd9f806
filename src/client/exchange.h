/* SPDX-License-Identifier: MIT
 *
 * A conversation with a control server: commands go out, and what comes back is shown. It outlives
 * its connection: at a prompt, the next command after a loss connects again. */
#ifndef TP_CLIENT_EXCHANGE_H
#define TP_CLIENT_EXCHANGE_H

#include "base/span.h"
#include "client/link.h"
#include "client/show.h"
#include "client/side.h"
#include "taskpool.h"
#include <stdbool.h>

typedef struct tp_exchange {
  const tp_client_options *options; /* of the client; the caller's */
  tp_show show;                     /* where to show what */
  tp_link link;                     /* to the server */
  bool is_open;                     /* the link can be used */
  char *pool;                       /* the pool of the last `use`; NULL: that of the greeting */
  char *value;                      /* of the answer that came last, if it was a text; or NULL */
  tp_side side;                     /* a second one, for questions while the first one waits */
  tp_client_result result;          /* the worst of all answers so far */
} tp_exchange;

/* What came of a command. */
typedef enum tp_exchange_outcome {
  TP_EXCHANGE_OK,     /* it was answered */
  TP_EXCHANGE_FAILED, /* it was answered with an error */
  TP_EXCHANGE_LOST,   /* no more commands can be sent */
} tp_exchange_outcome;

/* Makes one that is not connected; needs a close. */
void tp_exchange_prepare(tp_exchange *exchange, const tp_client_options *options);

/* Connects. False after a report of the failure. */
bool tp_exchange_connect(tp_exchange *exchange);

/* Connects again if the connection was lost, and says so. False after a report of the failure. */
bool tp_exchange_revive(tp_exchange *exchange);

/* Sends a line and shows its answer when that has come, however long it takes. `indent`: see
 * tp_caret_view. */
tp_exchange_outcome tp_exchange_send(tp_exchange *exchange, tp_span line, int indent);

/* The same for a command that is its words, ended by NULL. */
tp_exchange_outcome tp_exchange_send_words(tp_exchange *exchange, const char *const *words);

/* Asks the server something on the side, which is not shown: also while a command waits. `words`
 * are ended by NULL. The value of the answer, which the caller releases; NULL: there is none. */
json_t *tp_exchange_ask_aside(tp_exchange *exchange, const char *const *words);

/* Reports a failure of the client itself; always false. */
bool tp_exchange_fail(tp_exchange *exchange, const tp_error *error);

/* The name of the pool that commands go to, as short as `use` takes it; NULL: no connection. */
const char *tp_exchange_pool(const tp_exchange *exchange);

void tp_exchange_close(tp_exchange *exchange);

#endif
