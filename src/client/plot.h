/* SPDX-License-Identifier: MIT
 *
 * A plot of figures over time in block characters. */
#ifndef TP_CLIENT_PLOT_H
#define TP_CLIENT_PLOT_H

#include <stddef.h>

/* So many figures are kept. */
#define TP_PLOT_MAX 300

/* All zero: empty. */
typedef struct tp_plot {
  double values[TP_PLOT_MAX]; /* a ring of the last figures, 0 or more */
  size_t count;               /* how many have come, ever */
} tp_plot;

/* Adds a figure; the oldest one goes when there is no more room. */
void tp_plot_add(tp_plot *plot, double value);

/* The last figure, and the largest of the last `columns`; 0: there is none. */
double tp_plot_last(const tp_plot *plot);
double tp_plot_max(const tp_plot *plot, size_t columns);

/* Writes a row of a plot of `height` rows and `columns` columns as UTF-8; row 0 is the top one. The
 * newest figure is at the right. The largest one reaches the top. */
void tp_plot_row(const tp_plot *plot, size_t row, size_t height, size_t columns,
                 char text[TP_PLOT_MAX * 3 + 1]);

#endif
