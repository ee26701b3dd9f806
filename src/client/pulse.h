/* SPDX-License-Identifier: MIT
 *
 * What a host does: the answers of some commands, taken again and again. */
#ifndef TP_CLIENT_PULSE_H
#define TP_CLIENT_PULSE_H

#include "client/exchange.h"
#include "client/plot.h"
#include <jansson.h>
#include <stdbool.h>

/* All zero: nothing is known. */
typedef struct tp_pulse {
  json_t *status;  /* of the pool and its host; NULL: unknown, as all of these */
  json_t *pools;   /* rows of `pools -l` */
  json_t *groups;  /* rows of `groups` */
  json_t *tasks;   /* rows of `tasks` */
  tp_plot speed;   /* tasks that ended in a second */
  tp_plot latency; /* of the loop, in milliseconds */
} tp_pulse;

/* Asks the server for all of it. False: it does not answer, and what was known is kept. */
bool tp_pulse_take(tp_pulse *pulse, tp_exchange *exchange);

void tp_pulse_clear(tp_pulse *pulse);

#endif
