/* SPDX-License-Identifier: MIT
 *
 * Plots in block characters. */
#include "client/plot.h"
#include "support/expect.h"
#include <string.h>

static void expect_row(const tp_plot *plot, size_t row, size_t height, size_t columns,
                       const char *expected) {
  char text[TP_PLOT_MAX * 3 + 1];
  tp_plot_row(plot, row, height, columns, text);
  if (strcmp(text, expected) != 0)
    fprintf(stderr, "%s\n", text);
  EXPECT(strcmp(text, expected) == 0);
}

int main(void) {
  tp_plot plot = {0};
  expect_row(&plot, 0, 1, 3, "   ");
  EXPECT(tp_plot_last(&plot) == 0 && tp_plot_max(&plot, 9) == 0);
  for (int i = 0; i <= 8; i++)
    tp_plot_add(&plot, i);
  expect_row(&plot, 0, 1, 9, " ▁▂▃▄▅▆▇█");
  expect_row(&plot, 0, 2, 9, "     ▂▄▆█");
  expect_row(&plot, 1, 2, 9, " ▂▄▆█████");
  expect_row(&plot, 0, 1, 11, "   ▁▂▃▄▅▆▇█");
  tp_plot_add(&plot, 0.001); /* is seen */
  tp_plot_add(&plot, -1);
  expect_row(&plot, 0, 1, 4, "▇█▁ ");
  EXPECT(tp_plot_last(&plot) == 0 && tp_plot_max(&plot, 2) == 0.001);
  for (int i = 0; i < TP_PLOT_MAX; i++)
    tp_plot_add(&plot, 1);
  EXPECT(tp_plot_max(&plot, TP_PLOT_MAX) == 1);
  return 0;
}
