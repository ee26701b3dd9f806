/* SPDX-License-Identifier: MIT
 *
 * Tells a service manager how the program is; see notify.h. */
#include "program/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Reads an address: a path, or, after "@", a name in the abstract namespace. */
static bool read_address(tp_notify *notify, const char *text) {
  size_t length = text ? strlen(text) : 0;
  if (length < 2 || length >= sizeof notify->to.sun_path || (*text != '/' && *text != '@'))
    return false;
  notify->to = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(notify->to.sun_path, text, length);
  if (*text == '@')
    notify->to.sun_path[0] = '\0';
  notify->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  return true;
}

/* How often the manager expects a sign of life of this process. */
static uint64_t read_watchdog(void) {
  const char *interval = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  bool is_ours = !pid || strtoll(pid, NULL, 10) == (long long)getpid();
  return interval && is_ours ? strtoull(interval, NULL, 10) : 0;
}

void tp_notify_open(tp_notify *notify) {
  *notify = (tp_notify){.fd = -1};
  if (read_address(notify, getenv("NOTIFY_SOCKET"))) {
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    notify->watchdog = read_watchdog();
  }
  unsetenv("NOTIFY_SOCKET");
  unsetenv("WATCHDOG_USEC");
  unsetenv("WATCHDOG_PID");
}

bool tp_notify_send(const tp_notify *notify, const char *text) {
  if (notify->fd < 0)
    return true;
  int before = errno;
  ssize_t sent = sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
                        (const struct sockaddr *)&notify->to, notify->size);
  errno = before;
  return sent >= 0;
}

void tp_notify_close(tp_notify *notify) {
  if (notify->fd >= 0)
    close(notify->fd);
  notify->fd = -1;
}
