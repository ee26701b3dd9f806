/* SPDX-License-Identifier: MIT
 *
 * A line at the bottom of a terminal that shows how far groups are while a command waits for them:
 *
 *     fetch ████████░░░░░░░░ 12/40 30% 2.0/s 14s left 1 failed */
#ifndef TP_CLIENT_PROGRESS_H
#define TP_CLIENT_PROGRESS_H

#include "base/span.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct tp_progress {
  FILE *to;        /* the terminal; NULL: nothing is shown */
  tp_span command; /* what waits, as it was sent */
  bool is_shown;   /* a line is on the screen */
  double started;  /* when the command began, in seconds of the steady clock */
  double first;    /* when groups were looked at first; 0: not yet */
  int64_t done;    /* how many of their tasks had ended then */
} tp_progress;

/* Whether a command waits for tasks, so that its progress can be shown. */
bool tp_progress_is_for(tp_span command);

/* Begins; NULL for `to`: nothing is shown. */
void tp_progress_open(tp_progress *progress, FILE *to, tp_span command);

/* Draws the line anew for rows of the command `groups` (NULL: unknown). */
void tp_progress_draw(tp_progress *progress, const json_t *groups);

/* Takes the line off the screen. */
void tp_progress_erase(tp_progress *progress);

#endif
