/* SPDX-License-Identifier: MIT
 *
 * tp_host_serve as C programs use it: which addresses and pools it takes, what it says otherwise,
 * and that nothing is left when the host is destroyed. */
#include "taskpool.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char script[] = "local taskpool = require 'taskpool.core'\n"
                             "taskpool.TaskPool{name = 'jobs'}\n"
                             "taskpool.TaskPool{name = 'more'}\n";

static void check_refused(tp_host *host, const char *pool, const char *address, tp_code code,
                          const char *says) {
  tp_error error;
  assert(!tp_host_serve(host, pool, address, NULL, &error));
  assert(error.code == code);
  assert(strstr(error.message, says));
  assert(!tp_host_serve(host, pool, address, NULL, NULL));
}

/* Serves at two addresses; the host destroys them with itself. */
static void check_served(tp_host *host, const char *address, const char *path) {
  struct stat found;
  tp_error error;
  assert(tp_host_serve(host, "TaskPool-jobs", address, NULL, &error));
  assert(stat(path, &found) == 0 && S_ISSOCK(found.st_mode) && (found.st_mode & 0777) == 0600);
  check_refused(host, NULL, address, TP_IO_ERROR, "in use");
  assert(tp_host_serve(host, NULL, "tcp://127.0.0.1:0", NULL, &error));
}

static void check_options(tp_host *host) {
  tp_serve_options options;
  tp_error error;
  tp_serve_options_init(&options);
  assert(options.role == TP_ROLE_OPERATE);
  options.token = "0123456789abcdef";
  assert(tp_host_serve(host, NULL, "tcp://0.0.0.0:0", &options, &error));
  options.token = "short";
  assert(!tp_host_serve(host, NULL, "tcp://127.0.0.1:0", &options, &error));
  assert(error.code == TP_INVALID_ARGUMENT && !strstr(error.message, "short"));
  options = (tp_serve_options){.size = sizeof options, .max_line = 7};
  assert(!tp_host_serve(host, NULL, "tcp://127.0.0.1:0", &options, &error));
  assert(error.code == TP_INVALID_ARGUMENT);
  options = (tp_serve_options){.size = sizeof options, .line_timeout = -1};
  assert(!tp_host_serve(host, NULL, "tcp://127.0.0.1:0", &options, &error));
  options = (tp_serve_options){.role = TP_ROLE_READ};
  assert(!tp_host_serve(host, NULL, "tcp://127.0.0.1:0", &options, &error));
  assert(strstr(error.message, "tp_serve_options_init"));
}

int main(void) {
  char directory[] = "/tmp/taskpool-serve-XXXXXX", path[64], address[80];
  struct stat found;
  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  assert(host && mkdtemp(directory));
  snprintf(path, sizeof path, "%s/control.sock", directory);
  snprintf(address, sizeof address, "unix:%s", path);
  assert(tp_host_run_text(host, script, "=pools", &error));
  check_refused(host, NULL, "127.0.0.1:80", TP_INVALID_ARGUMENT, "tcp://HOST:PORT");
  check_refused(host, NULL, "tcp://0.0.0.0:0", TP_DENIED, "loopback");
  check_refused(host, NULL, "unix:/nowhere/at/all", TP_IO_ERROR, "No such file");
  check_refused(host, "TaskPool-none", address, TP_NOT_FOUND, "TaskPool-none");
  check_served(host, address, path);
  check_options(host);
  tp_host_destroy(host);
  assert(stat(path, &found) != 0);
  assert(rmdir(directory) == 0);
  puts("serve: ok");
  return 0;
}
