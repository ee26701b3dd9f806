/* SPDX-License-Identifier: MIT
 *
 * `top`: the host on the whole screen, drawn again each second, until a key ends it. */
#ifndef TP_CLIENT_TOP_H
#define TP_CLIENT_TOP_H

#include "client/exchange.h"
#include <stdbool.h>
#include <stdio.h>

/* Runs until it is left. `in` is where keys come from. Always returns true, after a report if it
 * cannot be shown. */
bool tp_top_run(tp_exchange *exchange, FILE *in);

#endif
