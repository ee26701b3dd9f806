/* SPDX-License-Identifier: MIT
 *
 * Plots; see plot.h. */
#include "client/plot.h"
#include <stdbool.h>
#include <string.h>

enum { STEPS = 8 }; /* heights that a character can have */

static const char *const blocks[STEPS + 1] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

void tp_plot_add(tp_plot *plot, double value) {
  plot->values[plot->count++ % TP_PLOT_MAX] = value >= 0 ? value : 0;
}

static size_t kept(const tp_plot *plot) {
  return plot->count < TP_PLOT_MAX ? plot->count : TP_PLOT_MAX;
}

/* The figure that came `ago` figures before the last one. */
static double at(const tp_plot *plot, size_t ago) {
  return plot->values[(plot->count - 1 - ago) % TP_PLOT_MAX];
}

double tp_plot_last(const tp_plot *plot) {
  return plot->count > 0 ? at(plot, 0) : 0;
}

double tp_plot_max(const tp_plot *plot, size_t columns) {
  double largest = 0;
  for (size_t ago = 0; ago < kept(plot) && ago < columns; ago++)
    if (at(plot, ago) > largest)
      largest = at(plot, ago);
  return largest;
}

/* How many steps of a row are filled by a figure. A figure above 0 is always seen. */
static size_t steps_of(double value, double largest, size_t row, size_t height) {
  double all = largest > 0 ? value / largest * (double)(height * STEPS) : 0;
  size_t steps = (size_t)(all + 0.5);
  size_t below = (height - 1 - row) * STEPS;
  if (value > 0 && steps == 0)
    steps = 1;
  if (steps <= below)
    return 0;
  return steps - below < STEPS ? steps - below : STEPS;
}

void tp_plot_row(const tp_plot *plot, size_t row, size_t height, size_t columns,
                 char text[TP_PLOT_MAX * 3 + 1]) {
  double largest;
  columns = columns < TP_PLOT_MAX ? columns : TP_PLOT_MAX;
  largest = tp_plot_max(plot, columns);
  *text = '\0';
  for (size_t ago = columns; ago-- > 0;) {
    size_t steps = ago < kept(plot) ? steps_of(at(plot, ago), largest, row, height) : 0;
    strcpy(text, blocks[steps]);
    text += strlen(text);
  }
}
