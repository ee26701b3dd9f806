/* SPDX-License-Identifier: MIT
 *
 * The smallest host in C: a pool with work, and a socket by which it can be steered.
 *
 *     embed-minimal [SOCKET]     then, meanwhile: taskpool control unix SOCKET num-running */
#include <stdio.h>
#include <taskpool.h>

static const char begin[] = "local taskpool = require 'taskpool'\n"
                            "pool = taskpool.SimpleTaskPool(taskpool.sleep, {args = {1}})\n"
                            "pool:start(3)\n";

static void log_line(void *context, const tp_log_record *record) {
  fprintf(context, "%s\n", record->message);
}

int main(int argc, char **argv) {
  char address[256];
  snprintf(address, sizeof address, "unix:%s", argc > 1 ? argv[1] : "./minimal.sock");

  tp_error error;
  tp_host_options options = {.log = log_line, .log_context = stderr, .log_level = TP_LOG_INFO};
  tp_host *host = tp_host_create(&options, &error);
  bool ok = host && tp_host_run_text(host, begin, "=begin", &error) &&
            tp_host_serve(host, NULL, address, &error) &&
            tp_host_run_text(host, "pool:gather_and_close()", "=end", &error);
  tp_host_destroy(host);
  if (!ok)
    fprintf(stderr, "%s: %s\n", tp_code_name(error.code), error.message);
  return ok ? 0 : 1;
}
