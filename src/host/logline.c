/* SPDX-License-Identifier: MIT
 *
 * A record of the log as a line; see logline.h.
 *
 * To add a field: a member of tp_log_record, and a line in `write_json`. */
#include "host/logline.h"
#include "base/lines.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

/* Names longer than this are cut. */
enum { NAME_SIZE = 160 };

/* Where a line is written. */
typedef struct line {
  char *at;    /* the next byte */
  size_t left; /* bytes that are left, the zero byte included */
  bool is_cut; /* something did not fit */
} line;

__attribute__((format(printf, 2, 3))) static void add(line *to, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(to->at, to->left, format, arguments);
  va_end(arguments);
  if ((size_t)length >= to->left) {
    to->is_cut = true;
    *to->at = '\0';
    return;
  }
  to->at += length;
  to->left -= (size_t)length;
}

/* ---- the time ---- */

/* Adds the time, as strftime says it and with milliseconds. */
static void add_time(line *to, double time, bool is_local, const char *format) {
  char text[64];
  struct tm parts;
  long long milliseconds = (long long)(time * 1000 + 0.5);
  time_t seconds = (time_t)(milliseconds / 1000);
  if (is_local)
    localtime_r(&seconds, &parts);
  else
    gmtime_r(&seconds, &parts);
  strftime(text, sizeof text, format, &parts);
  add(to, "%s.%03d", text, (int)(milliseconds % 1000));
}

/* ---- JSON ---- */

/* Adds the next character of a JSON string, and returns how many bytes it has taken. */
static size_t add_character(line *to, const char *from, size_t left) {
  unsigned char byte = (unsigned char)*from;
  size_t length = tp_utf8_length(from, left);
  if (byte == '"' || byte == '\\')
    add(to, "\\%c", byte);
  else if (byte == '\n')
    add(to, "\\n");
  else if (byte < ' ' || byte == 0x7f)
    add(to, "\\u%04x", byte);
  else if (length == 0)
    add(to, "\\\\x%02x", byte);
  else
    add(to, "%.*s", (int)length, from);
  return length ? length : 1;
}

static void add_string(line *to, const char *text) {
  const char *end = text + strlen(text);
  add(to, "\"");
  while (text < end && !to->is_cut)
    text += add_character(to, text, (size_t)(end - text));
  add(to, "\"");
}

/* Adds a name as a member, if there is one. */
static void add_name(line *to, const char *key, const char *name) {
  if (!name)
    return;
  char text[NAME_SIZE];
  tp_lines_lay_out(text, sizeof text, name);
  add(to, "\"%s\":", key);
  add_string(to, text);
  add(to, ",");
}

static void write_json(line *to, const tp_log_record *record, const char *message) {
  add(to, "{\"time\":\"");
  add_time(to, record->time, false, "%Y-%m-%dT%H:%M:%S");
  add(to, "Z\",\"level\":\"%s\",", tp_log_level_name(record->level));
  add_name(to, "pool", record->pool);
  add_name(to, "group", record->group);
  if (record->task >= 0)
    add(to, "\"task\":%lld,", record->task);
  if (record->thread > 0)
    add(to, "\"thread\":%u,", record->thread);
  add_name(to, "error", record->error);
  add(to, "\"message\":");
  add_string(to, message);
  add(to, "}");
}

/* ---- the line ---- */

static void write_text(line *to, const tp_log_record *record) {
  add_time(to, record->time, true, "%Y-%m-%d %H:%M:%S");
  add(to, " %s ", tp_log_level_name(record->level));
  tp_lines_lay_out(to->at, to->left, record->message);
}

void tp_logline_write(char *text, size_t size, const tp_log_record *record, bool json) {
  line to = {.at = text, .left = size};
  if (!json) {
    write_text(&to, record);
    return;
  }
  write_json(&to, record, record->message);
  /* What is escaped takes more room: the message is cut until it fits. */
  char message[4096];
  for (size_t most = sizeof message / 2; to.is_cut && most >= 128; most /= 2) {
    tp_lines_lay_out(message, most, record->message);
    to = (line){.at = text, .left = size};
    write_json(&to, record, message);
  }
}
