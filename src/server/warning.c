/* SPDX-License-Identifier: MIT
 *
 * Warnings that clients cause; see warning.h. */
#include "server/warning.h"
#include <inttypes.h>

/* How long warnings are counted after one was logged. */
enum { QUIET_MS = 10 * 1000 };

void tp_warning_open(tp_warnings *warnings, uv_loop_t *loop, const tp_log *log) {
  *warnings = (tp_warnings){.log = log};
  uv_timer_init(loop, &warnings->quiet);
  warnings->quiet.data = warnings;
}

void tp_warning_close(tp_warnings *warnings, void *owner, uv_close_cb closed) {
  warnings->quiet.data = owner;
  uv_close((uv_handle_t *)&warnings->quiet, closed);
}

bool tp_warning_log_counted(tp_warnings *warnings) {
  if (warnings->unlogged == 0)
    return false;
  tp_log_write(warnings->log, TP_LOG_WARNING, "control server: further clients sent away: %" PRIu64,
               warnings->unlogged);
  warnings->unlogged = 0;
  return true;
}

static void on_quiet(uv_timer_t *timer) {
  if (tp_warning_log_counted(timer->data))
    uv_timer_start(timer, on_quiet, QUIET_MS, 0);
}

void tp_warning_write(tp_warnings *warnings, const char *what) {
  const uv_handle_t *quiet = (uv_handle_t *)&warnings->quiet;
  if (uv_is_active(quiet) || uv_is_closing(quiet)) {
    warnings->unlogged++;
    return;
  }
  tp_log_write(warnings->log, TP_LOG_WARNING, "control client: %s", what);
  uv_timer_start(&warnings->quiet, on_quiet, QUIET_MS, 0);
}
