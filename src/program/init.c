/* SPDX-License-Identifier: MIT
 *
 * The program as process 1; see init.h.
 *
 * The system gives each orphan to process 1, which must reap it. A host cannot do that itself: it
 * would take the exit codes that its own children have for luv and io.popen. So the host is a child
 * of a process that has no other children of its own. */
#include "program/init.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INIT_PID = 1, EXIT_SIGNAL = 128 };

/* Reaps all children that have ended. When that is the host, ends with its exit code. */
static void reap(pid_t host) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != host)
      continue;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_SIGNAL + WTERMSIG(status));
  }
}

/* The life of process 1. A signal from a terminal (SI_KERNEL) has reached the host already. */
static void watch_over(pid_t host, const sigset_t *signals) {
  for (;;) {
    siginfo_t info;
    int number = sigwaitinfo(signals, &info);
    if (number == SIGCHLD)
      reap(host);
    else if (number > 0 && info.si_code != SI_KERNEL)
      kill(host, number);
  }
}

void tp_init_fork(void) {
  static const int handed_on[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH};
  if (getpid() != INIT_PID)
    return;
  sigset_t signals, before;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  for (size_t i = 0; i < sizeof handed_on / sizeof *handed_on; i++)
    sigaddset(&signals, handed_on[i]);
  sigprocmask(SIG_BLOCK, &signals, &before);
  pid_t host = fork();
  if (host > 0)
    watch_over(host, &signals);
  sigprocmask(SIG_SETMASK, &before, NULL);
}
