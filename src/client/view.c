/* SPDX-License-Identifier: MIT
 *
 * What `top` shows; see view.h.
 *
 * How it works: each part draws itself from a row on and returns the row after it. Groups have at
 * most a third of the rows, tasks what is left.
 *
 * To show one more column of groups or tasks: a row in its table. */
#include "client/view.h"
#include "client/link.h"
#include "client/unit.h"
#include <string.h>

enum {
  PLOT_ROWS = 3,      /* of a plot */
  PLOT_MIN_ROWS = 18, /* a lower screen has no plots */
  POOLS_MAX = 4,      /* more pools are not shown */
  BAR = 12,           /* columns of a bar */
  GAP = 2,            /* between two columns */
  CELL_SIZE = 160,    /* bytes of a cell */
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- cells ---- */

static double number_in(const json_t *row, const char *key) {
  return json_number_value(json_object_get(row, key));
}

/* The text of a value. */
static void describe(const json_t *row, const char *key, const char *unit, char text[CELL_SIZE]) {
  const json_t *value = json_object_get(row, key);
  char number[TP_UNIT_SIZE];
  if (json_is_string(value)) {
    snprintf(text, CELL_SIZE, "%s", json_string_value(value));
  } else if (json_is_number(value)) {
    tp_unit_number(json_number_value(value), unit, number);
    strcpy(text, number);
  } else {
    strcpy(text, json_is_boolean(value) ? (json_is_true(value) ? "true" : "false") : "-");
  }
}

/* Writes how much of a group has ended as a bar. */
static void draw_share(const json_t *row, char text[CELL_SIZE]) {
  double done = number_in(row, "ended");
  double all = done + number_in(row, "running") + number_in(row, "waiting");
  int full = all > 0 ? (int)(BAR * done / all) : 0;
  *text = '\0';
  for (int i = 0; i < BAR; i++)
    strcat(text, i < full ? "█" : "░");
}

/* A column of a table. */
typedef struct column {
  const char *title;
  const char *key;  /* of the value; NULL: the bar of a group */
  const char *unit; /* for tp_unit_number */
  int width;        /* columns of the screen; 0: what is left */
  bool right;       /* set right */
  int from;         /* a narrower screen does not show it */
} column;

static const column pool_columns[] = {
    {.title = "pool", .key = "pool", .unit = "", .width = 16},
    {.title = "size", .key = "size", .unit = "", .width = 6, .right = true, .from = 50},
    {.title = "running", .key = "running", .unit = "", .width = 7, .right = true},
    {.title = "waiting", .key = "waiting", .unit = "", .width = 9, .right = true},
    {.title = "failed", .key = "failed", .unit = "", .width = 7, .right = true, .from = 60},
    {.title = "locked", .key = "locked", .unit = "", .width = 6, .from = 70},
    {.title = "paused", .key = "paused", .unit = "", .from = 70},
};

static const column group_columns[] = {
    {.title = "group", .key = "group", .unit = "", .width = 14},
    {.title = "done", .width = BAR, .from = 70},
    {.title = "ended", .key = "ended", .unit = "", .width = 6, .right = true},
    {.title = "running", .key = "running", .unit = "", .width = 7, .right = true},
    {.title = "waiting", .key = "waiting", .unit = "", .width = 7, .right = true},
    {.title = "failed", .key = "failed", .unit = "", .width = 6, .right = true, .from = 50},
    {.title = "why", .key = "why", .unit = "", .from = 70},
};

static const column task_columns[] = {
    {.title = "id", .key = "id", .unit = "", .width = 6, .right = true},
    {.title = "group", .key = "group", .unit = "", .width = 12},
    {.title = "state", .key = "state", .unit = "", .width = 9, .from = 70},
    {.title = "age", .key = "age", .unit = "duration", .width = 7, .right = true, .from = 50},
    {.title = "busy", .key = "busy", .unit = "duration", .width = 7, .right = true, .from = 60},
    {.title = "at", .key = "at", .unit = ""},
};

/* ---- rows ---- */

/* Draws a text into the columns of a cell. */
static void put_cell(const tp_view *view, int row, int at, const column *of, const char *text,
                     tp_style_kind style) {
  int width = tp_screen_width(view->screen) - at;
  if (of->width > 0 && of->width < width)
    width = of->width;
  int taken = (int)strlen(text);
  int shift = of->right && taken < width ? width - taken : 0;
  tp_screen_put(view->screen, row, at + shift, width - shift, style, text);
}

/* Draws a line of a table; of titles if `values` is NULL. */
static void put_row(const tp_view *view, int row, const column *columns, size_t count,
                    const json_t *values) {
  char text[CELL_SIZE];
  int at = 0;
  for (size_t i = 0; i < count; i++) {
    const column *of = &columns[i];
    if (tp_screen_width(view->screen) < of->from)
      continue;
    tp_style_kind style = TP_STYLE_TITLE;
    if (!values)
      snprintf(text, sizeof text, "%s", of->title);
    else if (of->key)
      describe(values, of->key, of->unit, text);
    else
      draw_share(values, text);
    if (values)
      style = of->key ? tp_style_of(of->key, text) : TP_STYLE_GOOD;
    put_cell(view, row, at, of, text, style);
    at += of->width + GAP;
  }
}

bool tp_view_has(const json_t *row, const char *filter) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)row, key, value) {
    const char *text = json_string_value(value);
    if (text && strstr(text, filter))
      return true;
  }
  return *filter == '\0';
}

/* Draws at most `most` rows of a list below their titles; returns the row after them. */
static int put_list(const tp_view *view, int row, int most, const column *columns, size_t count,
                    const json_t *list, const char *filter) {
  size_t index;
  const json_t *values;
  put_row(view, row++, columns, count, NULL);
  json_array_foreach(list, index, values) {
    if (most > 0 && tp_view_has(values, filter)) {
      put_row(view, row++, columns, count, values);
      most--;
    }
  }
  return row;
}

/* ---- parts ---- */

static int draw_head(const tp_view *view, int row) {
  char text[256], uptime[TP_UNIT_SIZE], memory[TP_UNIT_SIZE];
  const json_t *status = view->pulse->status;
  tp_unit_duration(number_in(status, "uptime"), uptime);
  tp_unit_bytes(number_in(status, "memory"), memory);
  snprintf(text, sizeof text, "%s  up %s  %.0f running  %.0f waiting  %.0f failed  %s",
           tp_link_text(status, "pool", "?"), uptime, number_in(status, "running"),
           number_in(status, "waiting"), number_in(status, "failed"), memory);
  tp_screen_put(view->screen, row, 0, tp_screen_width(view->screen), TP_STYLE_TITLE, text);
  return row + 1;
}

/* Draws a plot below a line that says what it shows. */
static void draw_plot(const tp_view *view, int row, int at, int width, const tp_plot *plot,
                      const char *title) {
  char text[TP_PLOT_MAX * 3 + 1];
  snprintf(text, sizeof text, "%s %.3g (most %.3g)", title, tp_plot_last(plot),
           tp_plot_max(plot, (size_t)width));
  tp_screen_put(view->screen, row, at, width, TP_STYLE_DIM, text);
  for (size_t i = 0; i < PLOT_ROWS; i++) {
    tp_plot_row(plot, i, PLOT_ROWS, (size_t)width, text);
    tp_screen_put(view->screen, row + 1 + (int)i, at, width, TP_STYLE_GOOD, text);
  }
}

static int draw_plots(const tp_view *view, int row) {
  int width = (tp_screen_width(view->screen) - GAP) / 2;
  if (tp_screen_height(view->screen) < PLOT_MIN_ROWS || width < BAR)
    return row;
  draw_plot(view, row, 0, width, &view->pulse->speed, "tasks/s");
  draw_plot(view, row, width + GAP, width, &view->pulse->latency, "latency p99 ms");
  return row + 1 + PLOT_ROWS;
}

static void draw_tasks(const tp_view *view, int row, int end) {
  size_t rows = end > row + 1 ? (size_t)(end - row - 1) : 0;
  size_t first = view->selected >= rows && rows > 0 ? view->selected - rows + 1 : 0;
  put_row(view, row++, task_columns, COUNT(task_columns), NULL);
  for (size_t i = first; i < view->count && i < first + rows; i++, row++) {
    put_row(view, row, task_columns, COUNT(task_columns), view->tasks[i]);
    if (i == view->selected)
      tp_screen_mark(view->screen, row);
  }
}

void tp_view_draw(const tp_view *view) {
  int height = tp_screen_height(view->screen);
  tp_screen_begin(view->screen);
  int row = draw_plots(view, draw_head(view, 0));
  row = put_list(view, row, POOLS_MAX, pool_columns, COUNT(pool_columns), view->pulse->pools, "");
  row = put_list(view, row, height / 3 - 2, group_columns, COUNT(group_columns),
                 view->pulse->groups, view->filter);
  draw_tasks(view, row, height - 1);
  tp_screen_put(view->screen, height - 1, 0, tp_screen_width(view->screen), TP_STYLE_DIM,
                view->bottom);
  tp_screen_show(view->screen);
}

void tp_view_text(tp_screen *screen, const char *title, const char *text) {
  int row = 2, width = tp_screen_width(screen);
  tp_screen_begin(screen);
  tp_screen_put(screen, 0, 0, width, TP_STYLE_TITLE, title);
  for (; row < tp_screen_height(screen) - 1; row++) {
    tp_screen_put(screen, row, 0, width, TP_STYLE_PLAIN, text);
    text += strcspn(text, "\n");
    if (*text++ == '\0')
      break;
  }
  tp_screen_put(screen, tp_screen_height(screen) - 1, 0, width, TP_STYLE_DIM, "any key: back");
  tp_screen_show(screen);
}
