/* SPDX-License-Identifier: MIT
 *
 * ^C while a command waits; see sigint.h. */
#include "client/sigint.h"
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

void tp_sigint_open(tp_sigint *sigint, bool wanted) {
  sigset_t held;
  sigint->fd = -1;
  sigemptyset(&held);
  sigaddset(&held, SIGINT);
  if (!wanted)
    return;
  sigint->fd = signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK);
  if (sigint->fd >= 0)
    pthread_sigmask(SIG_BLOCK, &held, &sigint->old);
}

tp_sigint_cause tp_sigint_wait(const tp_sigint *sigint, int fd, int milliseconds) {
  struct signalfd_siginfo info;
  struct pollfd of[] = {{.fd = fd, .events = POLLIN}, {.fd = sigint->fd, .events = POLLIN}};
  if (poll(of, 2, milliseconds) <= 0)
    return TP_SIGINT_TIME;
  if (of[1].revents && read(sigint->fd, &info, sizeof info) == sizeof info)
    return TP_SIGINT_SIGNAL;
  return TP_SIGINT_READY;
}

void tp_sigint_close(tp_sigint *sigint) {
  if (sigint->fd < 0)
    return;
  close(sigint->fd);
  pthread_sigmask(SIG_SETMASK, &sigint->old, NULL);
  sigint->fd = -1;
}
