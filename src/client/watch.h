/* SPDX-License-Identifier: MIT
 *
 * `watch [-n SECONDS] COMMAND`: sends a command again and again, and shows its last answer. */
#ifndef TP_CLIENT_WATCH_H
#define TP_CLIENT_WATCH_H

#include "base/span.h"
#include "client/exchange.h"
#include <stdbool.h>

/* Runs until ^C, or until the command fails. `rest` is what stands after `watch`. False: no more
 * commands can be sent. */
bool tp_watch_run(tp_exchange *exchange, tp_span rest);

#endif
