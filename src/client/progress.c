/* SPDX-License-Identifier: MIT
 *
 * Progress; see progress.h.
 *
 * How it works: the groups that the command names are added up; if it names none, all groups of the
 * pool are. The number of tasks is not known while an iterator gives them.
 *
 * To show the progress of one more command: its name in `waiting`. */
#include "client/progress.h"
#include "base/utf8.h"
#include "client/escape.h"
#include "client/link.h"
#include "client/style.h"
#include "client/unit.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
  BAR_MIN = 8,     /* a shorter bar says nothing */
  BAR_MAX = 40,    /* columns */
  LINE_SIZE = 512, /* bytes of a line */
};

#define DELAY_SECONDS 0.5 /* a command that ends sooner shows nothing */
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Commands that wait for tasks. */
static const char *const waiting[] = {"wait", "submit", "flush", "gather-and-close",
                                      "until-closed"};

/* ---- commands ---- */

static bool is_of_word(char c) {
  return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Whether `name` is a word of the command. */
static bool has_word(tp_span command, const char *name) {
  size_t length = strlen(name);
  for (size_t at = 0; at + length <= command.length; at++) {
    bool begins = at == 0 || !is_of_word(command.bytes[at - 1]);
    bool ends = at + length == command.length || !is_of_word(command.bytes[at + length]);
    if (begins && ends && memcmp(command.bytes + at, name, length) == 0)
      return true;
  }
  return false;
}

bool tp_progress_is_for(tp_span command) {
  size_t from = 0, length = 0;
  while (from < command.length && !is_of_word(command.bytes[from])) /* [" of a list of words */
    from++;
  while (from + length < command.length && is_of_word(command.bytes[from + length]))
    length++;
  tp_span word = {.bytes = command.bytes + from, .length = length};
  for (size_t i = 0; i < COUNT(waiting); i++)
    if (tp_span_is(word, waiting[i]))
      return true;
  return false;
}

/* ---- figures ---- */

/* What the groups come to together. */
typedef struct figures {
  const char *name; /* of the only group; NULL: there are several */
  int groups;       /* how many */
  int64_t done;     /* tasks that have ended */
  int64_t left;     /* those that have not */
  int64_t failed;   /* those that ended with an error or too late */
  bool is_open;     /* there may be more than `left` */
} figures;

static void add_group(figures *to, const json_t *group) {
  const json_t *waits = json_object_get(group, "waiting");
  to->name = to->groups++ == 0 ? tp_link_text(group, "group", "") : NULL;
  to->done += json_integer_value(json_object_get(group, "ended"));
  to->left += json_integer_value(json_object_get(group, "running"));
  to->left += json_integer_value(waits);
  to->failed += json_integer_value(json_object_get(group, "failed"));
  to->failed += json_integer_value(json_object_get(group, "timed_out"));
  to->is_open = to->is_open || !json_is_integer(waits);
}

/* Adds up the groups that the command names, or all. */
static figures add_up(tp_span command, const json_t *groups, bool named) {
  figures sum = {0};
  size_t index;
  const json_t *group;
  json_array_foreach(groups, index, group) {
    if (!named || has_word(command, tp_link_text(group, "group", "")))
      add_group(&sum, group);
  }
  return sum;
}

static double now(void) {
  return (double)tp_connection_now() / 1e9;
}

/* ---- the line ---- */

static size_t append(char *line, size_t at, const char *text) {
  int length = snprintf(line + at, LINE_SIZE - at, "%s", text);
  return at + (size_t)length < LINE_SIZE ? at + (size_t)length : LINE_SIZE - 1;
}

static size_t append_time(char *line, size_t at, double seconds) {
  char text[TP_UNIT_SIZE];
  tp_unit_duration(seconds, text);
  return append(line, at, text);
}

/* Writes what is known into `line`, without the bar. */
static void describe(const tp_progress *progress, const figures *sum, char line[LINE_SIZE]) {
  char text[96];
  int64_t total = sum->done + sum->left;
  double took = now() - progress->first;
  double rate = took > 0 ? (double)(sum->done - progress->done) / took : 0;
  snprintf(text, sizeof text, sum->is_open ? "%lld" : "%lld/%lld %lld%%", (long long)sum->done,
           (long long)total, (long long)(total > 0 ? 100 * sum->done / total : 0));
  size_t at = append(line, 0, text);
  if (rate > 0) {
    snprintf(text, sizeof text, " %.1f/s", rate);
    at = append(line, at, text);
  }
  if (rate > 0 && !sum->is_open) {
    at = append_time(line, append(line, at, " "), (double)sum->left / rate);
    at = append(line, at, " left");
  }
  if (sum->failed > 0) {
    snprintf(text, sizeof text, " %lld failed", (long long)sum->failed);
    append(line, at, text);
  }
}

static void put_bar(FILE *to, const figures *sum, int columns) {
  int64_t total = sum->done + sum->left;
  int64_t full = total > 0 ? columns * sum->done / total : 0;
  for (int64_t i = 0; i < columns; i++)
    fputs(i < full ? "█" : "░", to);
  fputc(' ', to);
}

/* Draws name, bar and figures as far as there is room. */
static void put_line(const tp_progress *progress, const figures *sum, const char *text) {
  int width = tp_style_width(progress->to) - 1;
  int left = width - (int)strlen(text);
  int name = sum->name ? tp_utf8_width(sum->name, strlen(sum->name)) + 1 : 0;
  if (name > 0 && name <= left - BAR_MIN) {
    tp_escape_write(progress->to, sum->name, strlen(sum->name));
    fputc(' ', progress->to);
    left -= name;
  }
  if (!sum->is_open && left > BAR_MIN)
    put_bar(progress->to, sum, left - 1 < BAR_MAX ? left - 1 : BAR_MAX);
  fprintf(progress->to, "%.*s", width, text);
}

/* ---- drawing ---- */

void tp_progress_open(tp_progress *progress, FILE *to, tp_span command) {
  *progress = (tp_progress){.to = to, .command = command, .started = now()};
}

void tp_progress_draw(tp_progress *progress, const json_t *groups) {
  char text[LINE_SIZE] = "";
  if (!progress->to || now() - progress->started < DELAY_SECONDS)
    return;
  figures sum = add_up(progress->command, groups, true);
  bool is_submit = has_word(progress->command, "submit");
  if (sum.groups == 0 && !is_submit)
    sum = add_up(progress->command, groups, false);
  if (progress->first == 0) {
    progress->first = now();
    progress->done = sum.done;
  }
  fputs("\r\x1b[K", progress->to);
  if (sum.groups > 0) {
    describe(progress, &sum, text);
    put_line(progress, &sum, text);
  } else {
    append_time(text, append(text, 0, "waiting "), now() - progress->started);
    fputs(text, progress->to);
  }
  fflush(progress->to);
  progress->is_shown = true;
}

void tp_progress_erase(tp_progress *progress) {
  if (!progress->is_shown)
    return;
  fputs("\r\x1b[K", progress->to);
  fflush(progress->to);
  progress->is_shown = false;
}
