/* SPDX-License-Identifier: MIT
 *
 * The log; see log.h. */
#include "host/log.h"

#include <string.h>
#include <time.h>

/* Longest record; what is longer is cut. */
#define RECORD_SIZE 4096

static const char *const level_names[] = {
    [TP_LOG_DEFAULT] = "default", [TP_LOG_DEBUG] = "debug", [TP_LOG_INFO] = "info",
    [TP_LOG_WARNING] = "warning", [TP_LOG_ERROR] = "error", [TP_LOG_NONE] = "none",
};

const char *tp_log_level_name(tp_log_level level) {
  return level <= TP_LOG_NONE ? level_names[level] : "unknown";
}

int tp_log_level_of(const char *name) {
  for (int level = TP_LOG_DEBUG; level <= TP_LOG_NONE; level++)
    if (strcmp(name, level_names[level]) == 0)
      return level;
  return -1;
}

void tp_log_to_file(void *file, tp_log_level level, const char *message) {
  struct timespec now;
  struct tm local;
  clock_gettime(CLOCK_REALTIME, &now);
  localtime_r(&now.tv_sec, &local);
  fprintf(file, "%02d:%02d:%02d.%03ld %s %s\n", local.tm_hour, local.tm_min, local.tm_sec,
          now.tv_nsec / 1000000, tp_log_level_name(level), message);
}

/* Makes one line of a text: a line break becomes " | ", the blanks after it go; other control bytes
 * become "?". */
static void flatten(char *to, size_t size, const char *from) {
  char *end = to + size - 4;
  while (*from && to < end) {
    unsigned char byte = (unsigned char)*from++;
    if (byte == '\n') {
      memcpy(to, " | ", 3);
      to += 3;
      from += strspn(from, " \t\n");
    } else {
      *to++ = byte == '\t' || (byte >= ' ' && byte != 0x7f) ? (char)byte : '?';
    }
  }
  *to = '\0';
}

void tp_log_write(const tp_log *log, tp_log_level level, const char *format, ...) {
  if (!log->write || level < log->level)
    return;
  char text[RECORD_SIZE], line[RECORD_SIZE];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  flatten(line, sizeof line, text);
  log->write(log->context, level, line);
}
