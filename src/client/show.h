/* SPDX-License-Identifier: MIT
 *
 * What the client shows: answers and events on `out`, errors on `err` as "CODE: message".
 *
 * What goes to a terminal is escaped. Tables are fitted to the width of a terminal; elsewhere there
 * are tabs between their cells. */
#ifndef TP_CLIENT_SHOW_H
#define TP_CLIENT_SHOW_H

#include "base/span.h"
#include "client/caret.h"
#include "taskpool.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

typedef struct tp_show {
  FILE *out, *err;  /* never NULL */
  bool json;        /* answers and events are shown as they came */
  bool quiet;       /* only errors are shown */
  bool interactive; /* a person types at a terminal and reads there */
  bool color_out;   /* `out` takes colours */
  bool color_err;   /* `err` does */
} tp_show;

/* Where a command stands that an answer belongs to. */
typedef struct tp_show_command {
  tp_span sent;       /* as it was sent */
  tp_span line;       /* the same if a person knows it so, else no bytes */
  tp_caret_view view; /* what the terminal shows of it */
} tp_show_command;

void tp_show_open(tp_show *show, const tp_client_options *options);

/* Shows an answer, which came as `raw`, to `command`. */
void tp_show_answer(const tp_show *show, const json_t *answer, tp_span raw,
                    const tp_show_command *command);

/* The same for an event. */
void tp_show_event(const tp_show *show, const json_t *event, tp_span raw);

/* Shows the answer of a plain server. */
void tp_show_plain(const tp_show *show, tp_span text);

/* Shows a failure of the client itself. */
void tp_show_error(const tp_show *show, const tp_error *error);

/* Shows a line that is neither, at a prompt only. */
void tp_show_notice(const tp_show *show, const char *text);

/* Whether somebody still reads what is shown. */
bool tp_show_is_read(const tp_show *show);

#endif
