/* SPDX-License-Identifier: MIT
 *
 * Who is served at a Unix socket whose file permissions let everybody in: the user of the host,
 * root, the users that its options admit, and nobody else. Takes root, which can be several users;
 * skipped for others. */
#define _GNU_SOURCE
#include "taskpool.h"
#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two users that need not exist. */
enum { ROOT = 0, ONE = 65534, OTHER = 65533, NOBODY = -1 };

/* Exit codes of a client. */
enum { SERVED, DENIED, CONFUSED };

typedef struct test_case {
  uid_t host, client; /* the users */
  int admitted;       /* a user that the options name, or NOBODY */
  int expected;       /* what the client comes to */
} test_case;

static const test_case cases[] = {
    {ROOT, ROOT, NOBODY, SERVED}, {ROOT, ONE, NOBODY, DENIED},  {ONE, ONE, NOBODY, SERVED},
    {ONE, ROOT, NOBODY, SERVED},  {ONE, OTHER, NOBODY, DENIED}, {ROOT, ONE, ONE, SERVED},
    {ROOT, OTHER, ONE, DENIED},   {ONE, OTHER, OTHER, SERVED},
};

enum { COUNT = sizeof cases / sizeof cases[0] };

static void become(uid_t user) {
  assert(setresgid(user, user, user) == 0 && setresuid(user, user, user) == 0);
}

/* The process of a host: serves at `address`, says so with a byte, and ends when its pipe does. */
static void run_host(const test_case *of, const char *address, int ready, int end) {
  struct pollfd ended = {.fd = end};
  tp_error error;
  tp_host *host = tp_host_create(NULL, &error);
  assert(host && tp_host_run_text(host, "taskpool = require 'taskpool' taskpool.TaskPool {}",
                                  "=pool", &error));
  unsigned admitted = (unsigned)of->admitted;
  tp_serve_options options;
  tp_serve_options_init(&options);
  options.uids = &admitted;
  options.uid_count = of->admitted != NOBODY;
  assert(tp_host_serve(host, NULL, address, &options, &error));
  become(of->host); /* from here on: a user may have no right to read the sources */
  assert(write(ready, "", 1) == 1);
  while (poll(&ended, 1, 0) == 0)
    assert(tp_host_run_text(host, "taskpool.sleep(0.01)", "=sleep", &error));
  tp_host_destroy(host);
  _exit(0);
}

/* The process of a client: asks once, and says by its exit code what came of it. */
static void run_client(uid_t user, const char *path) {
  static const char command[] = "is-locked\n";
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  char answer[256] = "";
  size_t length = 0;
  become(user);
  snprintf(name.sun_path, sizeof name.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert(connect(fd, (struct sockaddr *)&name, sizeof name) == 0);
  send(fd, command, sizeof command - 1, MSG_NOSIGNAL);
  shutdown(fd, SHUT_WR);
  for (ssize_t count; (count = read(fd, answer + length, sizeof answer - 1 - length)) > 0;)
    length += (size_t)count;
  _exit(strcmp(answer, "false\n") == 0        ? SERVED
        : strncmp(answer, "Denied: ", 8) == 0 ? DENIED
                                              : CONFUSED);
}

static int wait_for(pid_t process) {
  int status;
  assert(waitpid(process, &status, 0) == process && WIFEXITED(status));
  return WEXITSTATUS(status);
}

static int ask_client(uid_t user, const char *path) {
  pid_t client = fork();
  assert(client >= 0);
  if (client == 0)
    run_client(user, path);
  return wait_for(client);
}

static void check(const test_case *of, const char *path) {
  char address[80], byte;
  int ready[2], end[2];
  snprintf(address, sizeof address, "unix:%s", path);
  assert(pipe(ready) == 0 && pipe(end) == 0);
  pid_t host = fork();
  assert(host >= 0);
  if (host == 0) {
    close(end[1]);
    run_host(of, address, ready[1], end[0]);
  }
  close(ready[1]);
  assert(read(ready[0], &byte, 1) == 1);
  assert(of->admitted != NOBODY || chmod(path, 0666) == 0);
  assert(ask_client(of->client, path) == of->expected);
  close(end[1]);
  assert(wait_for(host) == 0);
  close(end[0]);
  close(ready[0]);
}

/* Whether this process may be the users of the cases; not so in a namespace that lacks them. */
static bool is_able(void) {
  pid_t process = fork();
  assert(process >= 0);
  if (process == 0)
    _exit(setresuid(ONE, ONE, ONE) == 0 && geteuid() == ONE ? 0 : 1);
  bool one = wait_for(process) == 0;
  return one && geteuid() == ROOT;
}

int main(void) {
  char directory[] = "/tmp/taskpool-peer-XXXXXX", path[64];
  if (!is_able()) {
    puts("peer: skipped, only root can be several users");
    return 0;
  }
  assert(mkdtemp(directory) && chmod(directory, 0777) == 0);
  snprintf(path, sizeof path, "%s/control.sock", directory);
  for (size_t i = 0; i < COUNT; i++)
    check(&cases[i], path);
  assert(rmdir(directory) == 0);
  printf("peer: cases=%d wrong=0\n", COUNT);
  return 0;
}
