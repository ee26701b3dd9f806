/* SPDX-License-Identifier: MIT
 *
 * What `top` shows: the host, plots, pools, groups and tasks, as far as the screen has room. */
#ifndef TP_CLIENT_VIEW_H
#define TP_CLIENT_VIEW_H

#include "client/pulse.h"
#include "client/screen.h"
#include <jansson.h>
#include <stddef.h>

typedef struct tp_view {
  tp_screen *screen;     /* where it is drawn */
  const tp_pulse *pulse; /* what is known */
  const json_t **tasks;  /* the rows of tasks in the order to be shown */
  size_t count;          /* how many */
  size_t selected;       /* one of them */
  const char *order;     /* the name of what they are sorted by */
  const char *filter;    /* only rows with this text are shown; "": all */
  const char *bottom;    /* the line at the bottom */
} tp_view;

/* Draws all of it. */
void tp_view_draw(const tp_view *view);

/* Draws a text of several lines instead, such as a traceback. */
void tp_view_text(tp_screen *screen, const char *title, const char *text);

/* Whether the filter lets a row through. */
bool tp_view_has(const json_t *row, const char *filter);

#endif
