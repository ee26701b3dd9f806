/* SPDX-License-Identifier: MIT
 *
 * Colours; see style.h.
 *
 * To colour one more value: a row in `values`. */
#include "client/style.h"
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_WIDTH = 80 }; /* if there is no terminal */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool tp_style_is_terminal(FILE *file) {
  int fd = fileno(file);
  return fd >= 0 && isatty(fd);
}

int tp_style_width(FILE *file) {
  struct winsize size;
  int fd = fileno(file);
  bool known = fd >= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : DEFAULT_WIDTH;
}

/* The terminal can show colours, and its user wants them. */
static bool is_welcome(void) {
  const char *refused = getenv("NO_COLOR"), *terminal = getenv("TERM");
  return !(refused && *refused) && !(terminal && strcmp(terminal, "dumb") == 0);
}

bool tp_style_is_wanted(tp_client_color color, FILE *file) {
  if (color == TP_CLIENT_COLOR_AUTO)
    return tp_style_is_terminal(file) && is_welcome();
  return color == TP_CLIENT_COLOR_ALWAYS;
}

/* Values that have a style of their own. */
static const struct {
  const char *column; /* NULL: any */
  const char *value;  /* NULL: any but "0", "-" and "false" */
  tp_style_kind kind;
} values[] = {
    {.column = "state", .value = "running", .kind = TP_STYLE_GOOD},
    {.column = "state", .value = "ok", .kind = TP_STYLE_GOOD},
    {.column = "state", .value = "failed", .kind = TP_STYLE_BAD},
    {.column = "state", .value = "timed-out", .kind = TP_STYLE_BAD},
    {.column = "state", .value = "cancelled", .kind = TP_STYLE_WARN},
    {.column = "state", .value = "waiting", .kind = TP_STYLE_WARN},
    {.column = "failed", .kind = TP_STYLE_BAD},
    {.column = "timed_out", .kind = TP_STYLE_BAD},
    {.column = "error", .kind = TP_STYLE_BAD},
    {.column = "locked", .value = "true", .kind = TP_STYLE_WARN},
    {.column = "paused", .value = "true", .kind = TP_STYLE_WARN},
};

static bool is_something(const char *value) {
  return strcmp(value, "0") != 0 && strcmp(value, "-") != 0 && strcmp(value, "false") != 0;
}

tp_style_kind tp_style_of(const char *column, const char *value) {
  for (size_t i = 0; i < COUNT(values); i++) {
    bool is_here = !values[i].column || strcmp(values[i].column, column) == 0;
    if (is_here && (values[i].value ? strcmp(values[i].value, value) == 0 : is_something(value)))
      return values[i].kind;
  }
  return TP_STYLE_PLAIN;
}

static const char *const sequences[] = {
    [TP_STYLE_PLAIN] = "",        [TP_STYLE_TITLE] = "\x1b[1m", [TP_STYLE_GOOD] = "\x1b[32m",
    [TP_STYLE_WARN] = "\x1b[33m", [TP_STYLE_BAD] = "\x1b[31m",  [TP_STYLE_DIM] = "\x1b[2m",
};

const char *tp_style_begin(tp_style_kind kind) {
  return sequences[kind];
}

const char *tp_style_end(tp_style_kind kind) {
  return kind == TP_STYLE_PLAIN ? "" : "\x1b[0m";
}
