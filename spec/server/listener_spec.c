/* SPDX-License-Identifier: MIT
 *
 * The file of a Unix socket has its mode from its birth, whatever the umask: looked at after each
 * system call that makes it, which this program puts itself in front of. */
#define _GNU_SOURCE
#include "server/listener.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum { PRIVATE = 0600, SHARED = 0666, NOT_SEEN = -1 };

/* What the calls below have seen. */
static struct {
  char path[64];          /* the file that is looked at */
  int at_bind, at_listen; /* its mode after the one, before the other */
} seen;

static int mode_of(const char *path) {
  struct stat found;
  return stat(path, &found) == 0 ? (int)(found.st_mode & 0777) : NOT_SEEN;
}

/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
int bind(int fd, __CONST_SOCKADDR_ARG name, socklen_t size) {
  int result = (int)syscall(SYS_bind, fd, name.__sockaddr__, size);
  seen.at_bind = mode_of(seen.path);
  return result;
}

int listen(int fd, int backlog) {
  seen.at_listen = mode_of(seen.path);
  return (int)syscall(SYS_listen, fd, backlog);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

static void check(mode_t mask, const char *address, int mode) {
  const tp_listener_reach reach = {.users = mode == SHARED};
  tp_listener listener;
  tp_error error;
  seen.at_bind = seen.at_listen = NOT_SEEN;
  umask(mask);
  assert(tp_listener_open(&listener, address, reach, &error));
  assert(seen.at_bind == (mode & ~(int)mask));
  assert(seen.at_listen == mode && mode_of(seen.path) == mode);
  tp_listener_remove_file(&listener);
  assert(close(listener.fd) == 0 && mode_of(seen.path) == NOT_SEEN);
}

int main(void) {
  char directory[] = "/tmp/taskpool-listener-XXXXXX", address[80];
  assert(mkdtemp(directory));
  snprintf(seen.path, sizeof seen.path, "%s/control.sock", directory);
  snprintf(address, sizeof address, "unix:%s", seen.path);
  check(0, address, PRIVATE);
  check(022, address, PRIVATE);
  check(077, address, PRIVATE);
  check(0, address, SHARED);
  check(022, address, SHARED);
  assert(rmdir(directory) == 0);
  puts("listener: ok");
  return 0;
}
