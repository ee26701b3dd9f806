/* SPDX-License-Identifier: MIT
 *
 * A second connection to the server, for questions that are not shown: the first one may wait for
 * an answer. It is opened for the first question, and again after it was lost. */
#ifndef TP_CLIENT_SIDE_H
#define TP_CLIENT_SIDE_H

#include "client/link.h"
#include <jansson.h>
#include <stdbool.h>

/* All zero: closed. */
typedef struct tp_side {
  tp_link link; /* to the server */
  bool is_open; /* it can be used */
} tp_side;

/* Asks the command of these words, ended by NULL, of a pool (NULL: that of the greeting). The value
 * of the answer, which the caller releases; NULL: there is none, or not soon. */
json_t *tp_side_ask(tp_side *side, const tp_client_options *options, const char *pool,
                    const char *const *words);

void tp_side_close(tp_side *side);

#endif
