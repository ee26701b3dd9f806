/* SPDX-License-Identifier: MIT
 *
 * Tables; see layout.h.
 *
 * How it works: both layouts go over the same cells. The text of a cell has no control characters,
 * so it steers no terminal and does not end a line. */
#include "client/layout.h"
#include "base/utf8.h"
#include "client/escape.h"
#include "client/link.h"
#include "client/style.h"
#include "client/unit.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- cells ---- */

/* Blanks take the place of what would end the cell or its line. */
static void flatten(char *text) {
  for (; *text; text++)
    if (*text == '\n' || *text == '\t')
      *text = ' ';
}

/* The same without what a terminal would obey; takes `text`. */
static char *harmless(char *text) {
  if (text)
    flatten(text);
  char *clean = text ? tp_escape_text(text, strlen(text)) : NULL;
  free(text);
  return clean;
}

/* The text of a cell; the caller frees it. */
static char *cell_text(const json_t *column, const json_t *value) {
  bool is_none = !value || json_is_null(value);
  return harmless(is_none ? strdup("-")
                          : tp_unit_describe(value, tp_link_text(column, "unit", "")));
}

/* The title of a column: its name as commands are spelled. */
static char *title_text(const char *name) {
  char *title = harmless(strdup(name));
  for (char *c = title; c && *c; c++)
    if (*c == '_')
      *c = '-';
  return title;
}

/* The name of a column of the answer. */
static const char *name_of(const json_t *column) {
  const char *name = json_string_value(json_object_get(column, "name"));
  return name ? name : "?";
}

/* The value of the only object, or NULL if the answer is a list. */
static const json_t *single(const json_t *answer) {
  const json_t *value = json_object_get(answer, "value");
  return json_is_object(value) ? value : NULL;
}

bool tp_layout_is_table(const json_t *answer) {
  const json_t *value = json_object_get(answer, "value");
  if (!json_is_array(json_object_get(answer, "columns")))
    return false;
  size_t index;
  const json_t *row;
  json_array_foreach(value, index, row) {
    if (!json_is_object(row))
      return false;
  }
  return json_is_array(value) || json_is_object(value);
}

/* ---- with tabs ---- */

/* Appends a text, which it takes, and what follows it. */
static bool append(tp_bytes *to, char *text, const char *then) {
  bool done =
      text && tp_bytes_append(to, text, strlen(text)) && tp_bytes_append(to, then, strlen(then));
  free(text);
  return done;
}

/* Appends a line of the row, or of titles if it is NULL. */
static bool append_line(const json_t *columns, const json_t *row, tp_bytes *to) {
  size_t index, count = json_array_size(columns);
  const json_t *column;
  json_array_foreach(columns, index, column) {
    const char *name = name_of(column);
    char *text = row ? cell_text(column, json_object_get(row, name)) : title_text(name);
    if (!append(to, text, index + 1 < count ? "\t" : "\n"))
      return false;
  }
  return true;
}

static bool append_fields(const json_t *columns, const json_t *object, tp_bytes *to) {
  size_t index;
  const json_t *column;
  json_array_foreach(columns, index, column) {
    const json_t *value = json_object_get(object, name_of(column));
    if (value && !json_is_null(value) &&
        !(append(to, title_text(name_of(column)), "\t") &&
          append(to, cell_text(column, value), "\n")))
      return false;
  }
  return true;
}

bool tp_layout_with_tabs(const json_t *answer, tp_bytes *to) {
  const json_t *columns = json_object_get(answer, "columns");
  size_t index;
  const json_t *row;
  if (single(answer))
    return append_fields(columns, single(answer), to);
  if (!append_line(columns, NULL, to))
    return false;
  json_array_foreach(json_object_get(answer, "value"), index, row) {
    if (!append_line(columns, row, to))
      return false;
  }
  return true;
}

/* ---- in columns ---- */

#ifdef TP_HAVE_SMARTCOLS

#include <libsmartcols.h>

enum {
  COLUMNS_MAX = 64, /* more columns are not fitted */
  GAP = 2,          /* between two columns */
  CUT_MIN = 5,      /* a column that is cut stays so wide */
};

/* A table that is being filled. */
typedef struct filling {
  struct libscols_table *table; /* never NULL */
  bool color;                   /* whether cells have styles */
  int widths[COLUMNS_MAX];      /* of the widest cell of each column */
} filling;

static bool set_cell(filling *of, struct libscols_cell *cell, size_t column, char *text,
                     tp_style_kind style) {
  bool done = text && scols_cell_set_data(cell, text) == 0;
  int width = text ? tp_utf8_width(text, strlen(text)) : 0;
  if (column < COLUMNS_MAX && width > of->widths[column])
    of->widths[column] = width;
  if (of->color && style != TP_STYLE_PLAIN)
    scols_cell_set_color(cell, tp_style_begin(style));
  free(text);
  return done;
}

/* Adds the value of a row in `column`, as the cell `index` of a line. */
static bool add_cell(filling *of, struct libscols_line *line, size_t index, const json_t *column,
                     const json_t *value) {
  char *text = cell_text(column, value);
  tp_style_kind style = text ? tp_style_of(name_of(column), text) : TP_STYLE_PLAIN;
  return set_cell(of, scols_line_get_cell(line, index), index, text, style);
}

static bool add_column(filling *of, const char *title, bool right) {
  size_t index = scols_table_get_ncols(of->table);
  int flags = right ? SCOLS_FL_RIGHT : 0;
  struct libscols_column *column = scols_table_new_column(of->table, title, 0, flags);
  return column &&
         set_cell(of, scols_column_get_header(column), index, title_text(title), TP_STYLE_TITLE);
}

static bool add_columns(filling *of, const json_t *columns) {
  size_t index;
  const json_t *column;
  json_array_foreach(columns, index, column) {
    bool right = strcmp(tp_link_text(column, "align", ""), "right") == 0;
    if (!add_column(of, name_of(column), right))
      return false;
  }
  return true;
}

static bool add_row(filling *of, const json_t *columns, const json_t *row) {
  struct libscols_line *line = scols_table_new_line(of->table, NULL);
  size_t index;
  const json_t *column;
  json_array_foreach(columns, index, column) {
    if (!line || !add_cell(of, line, index, column, json_object_get(row, name_of(column))))
      return false;
  }
  return line != NULL;
}

static bool fill_rows(filling *of, const json_t *columns, const json_t *rows) {
  size_t index;
  const json_t *row;
  if (!add_columns(of, columns))
    return false;
  json_array_foreach(rows, index, row) {
    if (!add_row(of, columns, row))
      return false;
  }
  return true;
}

/* Each field that is not null becomes a line of two cells. */
static bool fill_fields(filling *of, const json_t *columns, const json_t *object) {
  size_t index;
  const json_t *column;
  if (!add_column(of, "field", false) || !add_column(of, "value", false))
    return false;
  scols_table_enable_noheadings(of->table, 1);
  json_array_foreach(columns, index, column) {
    const char *name = name_of(column);
    const json_t *value = json_object_get(object, name);
    if (!value || json_is_null(value))
      continue;
    struct libscols_line *line = scols_table_new_line(of->table, NULL);
    if (!line || !set_cell(of, scols_line_get_cell(line, 0), 0, title_text(name), TP_STYLE_TITLE) ||
        !add_cell(of, line, 1, column, value))
      return false;
  }
  return true;
}

/* The widest column of texts that is not cut yet; COLUMNS_MAX: none can be cut. */
static size_t widest_text(const filling *of) {
  size_t widest = COLUMNS_MAX;
  int most = CUT_MIN;
  for (size_t i = 0; i < scols_table_get_ncols(of->table) && i < COLUMNS_MAX; i++) {
    struct libscols_column *column = scols_table_get_column(of->table, i);
    if (of->widths[i] > most && !scols_column_is_right(column) && !scols_column_is_trunc(column)) {
      most = of->widths[i];
      widest = i;
    }
  }
  return widest;
}

/* Cuts the cells of a column. */
static bool cut(const filling *of, size_t column, int width) {
  scols_column_set_flags(scols_table_get_column(of->table, column), SCOLS_FL_TRUNC);
  for (size_t i = 0; i < scols_table_get_nlines(of->table); i++) {
    struct libscols_cell *cell = scols_line_get_cell(scols_table_get_line(of->table, i), column);
    const char *data = scols_cell_get_data(cell);
    size_t length = data ? strlen(data) : 0, fits = tp_utf8_fit(data, length, width);
    char *text = fits < length ? strndup(data, fits) : NULL;
    bool done = fits == length || (text && scols_cell_set_data(cell, text) == 0);
    free(text);
    if (!done)
      return false;
  }
  return true;
}

/* Cuts columns of texts, the widest first, until the lines fit. Numbers are never cut. False: the
 * lines do not fit. */
static bool fit(const filling *of, int width) {
  size_t widest;
  int over = -GAP - width;
  for (size_t i = 0; i < scols_table_get_ncols(of->table) && i < COLUMNS_MAX; i++)
    over += of->widths[i] + GAP;
  while (over > 0 && (widest = widest_text(of)) < COLUMNS_MAX) {
    int least = of->widths[widest] - over;
    if (!cut(of, widest, least > CUT_MIN ? least : CUT_MIN))
      return false;
    over -= of->widths[widest] - CUT_MIN;
  }
  return over <= 0;
}

/* Appends the text of a table. */
static bool print(struct libscols_table *table, tp_bytes *to) {
  char *text = NULL;
  bool done = scols_print_table_to_string(table, &text) == 0 && text &&
              tp_bytes_append(to, text, strlen(text)) && tp_bytes_append(to, "\n", 1);
  free(text);
  return done;
}

static bool open_table(filling *of, int width, bool color) {
  *of = (filling){.table = scols_new_table(), .color = color};
  if (!of->table)
    return false;
  scols_table_set_column_separator(of->table, "  ");
  scols_table_set_termforce(of->table, SCOLS_TERMFORCE_ALWAYS);
  scols_table_set_termwidth(of->table, (size_t)width);
  scols_table_enable_minout(of->table, 1);
  scols_table_enable_noencoding(of->table, 1); /* the cells have none but harmless characters */
  scols_table_enable_colors(of->table, color);
  return true;
}

/* Appends one object as a line for each field. */
static bool append_object(const json_t *columns, const json_t *object, int width, bool color,
                          tp_bytes *to) {
  filling of;
  if (!open_table(&of, width, color))
    return false;
  bool done = fill_fields(&of, columns, object);
  fit(&of, width);
  done = done && print(of.table, to);
  scols_unref_table(of.table);
  return done;
}

/* Appends rows that are too wide for a line as one object after the other. */
static bool append_objects(const json_t *columns, const json_t *rows, int width, bool color,
                           tp_bytes *to) {
  size_t index;
  const json_t *row;
  json_array_foreach(rows, index, row) {
    if ((index > 0 && !tp_bytes_append(to, "\n", 1)) ||
        !append_object(columns, row, width, color, to))
      return false;
  }
  return true;
}

static bool append_rows(const json_t *columns, const json_t *rows, int width, bool color,
                        tp_bytes *to) {
  filling of;
  if (json_array_size(rows) == 0 || !open_table(&of, width, color))
    return false;
  bool done = fill_rows(&of, columns, rows);
  bool fits = fit(&of, width);
  done = done && (fits ? print(of.table, to) : append_objects(columns, rows, width, color, to));
  scols_unref_table(of.table);
  return done;
}

bool tp_layout_in_columns(const json_t *answer, int width, bool color, tp_bytes *to) {
  const json_t *columns = json_object_get(answer, "columns");
  const json_t *value = json_object_get(answer, "value");
  size_t before = to->length;
  bool done = single(answer) ? append_object(columns, value, width, color, to)
                             : append_rows(columns, value, width, color, to);
  if (!done)
    to->length = before;
  return done;
}

#else

bool tp_layout_in_columns(const json_t *answer, int width, bool color, tp_bytes *to) {
  (void)answer, (void)width, (void)color, (void)to;
  return false;
}

#endif
