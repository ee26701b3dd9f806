/* SPDX-License-Identifier: MIT
 *
 * Where the log goes; see logging.h. */
#define _GNU_SOURCE /* dup3 */
#include "program/logging.h"
#include "base/fail.h"
#include "host/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A descriptor of the file, or -1. A pipe without a reader is no reason to wait. */
static int open_file(const tp_logging *logging, tp_error *error) {
  int fd = open(logging->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0640);
  if (fd < 0)
    tp_fail(error, TP_IO_ERROR, "cannot open the log file %s: %s", logging->path, strerror(errno));
  return fd;
}

bool tp_logging_open(tp_logging *logging, tp_error *error) {
  logging->to.file = stderr;
  if (!logging->path)
    return true;
  int fd = open_file(logging, error);
  FILE *file = fd >= 0 ? fdopen(fd, "a") : NULL;
  if (!file && fd >= 0) {
    close(fd);
    tp_fail(error, TP_NO_MEMORY, "no memory for a log file");
  }
  if (!file)
    return false;
  setvbuf(file, NULL, _IONBF, 0); /* a record is one call of write */
  logging->to.file = file;
  return true;
}

/* The descriptor is replaced at once: a thread that writes a record meanwhile uses the old file or
 * the new one. */
bool tp_logging_reopen(tp_logging *logging, tp_error *error) {
  if (!logging->path)
    return true;
  int fd = open_file(logging, error);
  if (fd < 0)
    return false;
  bool ok = dup3(fd, fileno(logging->to.file), O_CLOEXEC) >= 0 ||
            tp_fail(error, TP_IO_ERROR, "cannot reopen the log: %s", strerror(errno));
  close(fd);
  return ok;
}

void tp_logging_tell(tp_logging *logging, const tp_error *error) {
  bool is_apart = logging->to.file != stderr;
  if (is_apart || !logging->to.json)
    fprintf(stderr, "taskpool: %s: %s\n", tp_code_name(error->code), error->message);
  if (!is_apart && !logging->to.json)
    return;
  tp_log_record about = {.task = -1, .error = tp_code_name(error->code)};
  tp_log_write_about(&(tp_log){.write = tp_log_to_file, .context = &logging->to}, TP_LOG_ERROR,
                     &about, "%s", error->message);
}

void tp_logging_close(tp_logging *logging) {
  if (logging->to.file != stderr)
    fclose(logging->to.file);
}
