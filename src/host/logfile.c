/* SPDX-License-Identifier: MIT
 *
 * The log in a file; see logfile.h.
 *
 * A record is one call of write: the file is not buffered, and a line has at most PIPE_BUF bytes,
 * which a pipe takes at once or not at all. */
#include "host/logfile.h"
#include "host/logline.h"

#include <limits.h>
#include <poll.h>

/* Whether a file takes PIPE_BUF bytes at once. Its description is shared with other programs, so it
 * is not made non-blocking. */
static bool is_ready(FILE *file) {
  struct pollfd out = {.fd = fileno(file), .events = POLLOUT};
  return out.fd < 0 || poll(&out, 1, 0) == 1;
}

static void write_line(const tp_log_file *log, const tp_log_record *record) {
  char line[PIPE_BUF];
  tp_logline_write(line, sizeof line, record, log->json);
  fprintf(log->file, "%s\n", line);
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
  tp_log_record record = {
      .level = TP_LOG_WARNING, .time = tp_log_now(), .task = -1, .message = text};
  write_line(log, &record);
  return is_ready(log->file);
}

void tp_logfile_end(const tp_log *log) {
  if (log->write == tp_log_to_file)
    tell_dropped(log->context);
}

/* The watchdog's thread calls this too. */
void tp_log_to_file(void *log_file, const tp_log_record *record) {
  tp_log_file *log = log_file;
  if (tell_dropped(log))
    write_line(log, record);
  else
    __atomic_fetch_add(&log->dropped, 1, __ATOMIC_RELAXED);
}
