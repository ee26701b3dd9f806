/* SPDX-License-Identifier: MIT
 *
 * The log; see log.h. */
#include "host/log.h"
#include "base/lines.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The longest message; of a longer one the middle is left out. */
#define MESSAGE_SIZE 4032

static const char *const level_names[] = {
    [TP_LOG_DEFAULT] = "default", [TP_LOG_DEBUG] = "debug", [TP_LOG_INFO] = "info",
    [TP_LOG_WARNING] = "warning", [TP_LOG_ERROR] = "error", [TP_LOG_NONE] = "none",
};

const char *tp_log_level_name(tp_log_level level) {
  return level <= TP_LOG_NONE ? level_names[level] : "unknown";
}

int tp_log_level_of(const char *name) {
  for (int level = TP_LOG_DEBUG; name && level <= TP_LOG_NONE; level++)
    if (strcmp(name, level_names[level]) == 0)
      return level;
  return -1;
}

tp_log_record tp_log_about(const tp_pool *pool, const tp_group *group, const tp_task *task) {
  group = task ? task->group : group;
  pool = group ? group->pool : pool;
  return (tp_log_record){.pool = pool ? pool->label : NULL,
                         .group = group ? group->name : NULL,
                         .task = task ? (long long)task->id : -1};
}

double tp_log_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Writes the record with that text. */
static void write_text(const tp_log *log, tp_log_level level, const tp_log_record *about,
                       const char *text) {
  char message[MESSAGE_SIZE];
  tp_log_record record = *about;
  tp_lines_lay_out(message, sizeof message, text);
  record.size = sizeof record;
  record.level = level;
  record.time = tp_log_now();
  record.message = message;
  log->write(log->context, &record);
}

__attribute__((format(printf, 4, 0))) static void write_format(const tp_log *log,
                                                               tp_log_level level,
                                                               const tp_log_record *about,
                                                               const char *format,
                                                               va_list arguments) {
  if (!log->write || level < log->level)
    return;
  char buffer[1024], *text = buffer;
  va_list again;
  va_copy(again, arguments);
  int length = vsnprintf(buffer, sizeof buffer, format, arguments);
  if (length >= (int)sizeof buffer && (text = malloc((size_t)length + 1)))
    vsnprintf(text, (size_t)length + 1, format, again);
  va_end(again);
  write_text(log, level, about, text ? text : buffer);
  if (text != buffer)
    free(text);
}

void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...) {
  static const tp_log_record nothing = {.task = -1};
  va_list arguments;
  va_start(arguments, format);
  write_format(log, level, &nothing, format, arguments);
  va_end(arguments);
}

void tp_log_write_about(const tp_log *log, tp_log_level level, const tp_log_record *about,
                        const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  write_format(log, level, about, format, arguments);
  va_end(arguments);
}
