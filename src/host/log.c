/* SPDX-License-Identifier: MIT
 *
 * The log; see log.h. */
#include "host/log.h"
#include "base/lines.h"

#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The longest record; of a longer one the middle is left out. */
#define RECORD_SIZE 4032

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

/* Whether a file takes PIPE_BUF bytes at once. Its description is shared with other programs, so it
 * is not made non-blocking. */
static bool is_ready(FILE *file) {
  struct pollfd out = {.fd = fileno(file), .events = POLLOUT};
  return out.fd < 0 || poll(&out, 1, 0) == 1;
}

/* Writes one line, in one piece where the file is not buffered. */
static void write_line(FILE *file, tp_log_level level, const char *message) {
  struct timespec now;
  struct tm local;
  char line[PIPE_BUF];
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &local);
  snprintf(line, sizeof line, "%02d:%02d:%02d.%03ld %s %s", local.tm_hour, local.tm_min,
           local.tm_sec, now.tv_nsec / 1000000, tp_log_level_name(level), message);
  fprintf(file, "%s\n", line);
}

/* Says how many records were dropped, if any were. False: the file takes nothing now. */
static bool tell_dropped(tp_log_file *log) {
  if (!is_ready(log->file))
    return false;
  unsigned dropped = __atomic_exchange_n(&log->dropped, 0, __ATOMIC_RELAXED);
  if (!dropped)
    return true;
  char text[64];
  snprintf(text, sizeof text, "records dropped because nobody read the log: %u", dropped);
  write_line(log->file, TP_LOG_WARNING, text);
  return is_ready(log->file);
}

void tp_log_end(const tp_log *log) {
  if (log->write == tp_log_to_file)
    tell_dropped(log->context);
}

/* The watchdog's thread calls this too. */
void tp_log_to_file(void *log_file, tp_log_level level, const char *message) {
  tp_log_file *log = log_file;
  if (tell_dropped(log))
    write_line(log->file, level, message);
  else
    __atomic_fetch_add(&log->dropped, 1, __ATOMIC_RELAXED);
}

void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...) {
  if (!log->write || level < log->level)
    return;
  char buffer[1024], *text = buffer, record[RECORD_SIZE];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  if (length >= (int)sizeof buffer && (text = malloc((size_t)length + 1))) {
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
  }
  tp_lines_lay_out(record, sizeof record, text ? text : buffer);
  log->write(log->context, level, record);
  if (text != buffer)
    free(text);
}
