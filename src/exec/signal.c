/* SPDX-License-Identifier: MIT
 *
 * The signal of preemption; see signal.h. */
#include "exec/signal.h"
#include "base/fail.h"

#include <time.h>

/* Signals that the system raises for what has just gone wrong, or that libuv needs. */
static const int refused[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE,
                              SIGILL,  SIGTRAP, SIGABRT, SIGSYS, SIGCHLD};

static void on_signal(int number, siginfo_t *info, void *context) {
  (void)number, (void)context;
  tp_signal_target *target = info->si_value.sival_ptr;
  if (info->si_code == SI_TIMER && target)
    target->come(target);
}

static void on_shared_signal(int number, siginfo_t *info, void *context) {
  on_signal(number, info, context);
}

static bool is_ours(const struct sigaction *action) {
  return (action->sa_flags & SA_SIGINFO) &&
         (action->sa_sigaction == on_signal || action->sa_sigaction == on_shared_signal);
}

static bool is_default(const struct sigaction *action) {
  return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

/* Exchanges the action of a signal for one of ours. */
static bool set_handler(int number, void (*handler)(int, siginfo_t *, void *),
                        struct sigaction *before) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigemptyset(&action.sa_mask);
  return sigaction(number, &action, before) == 0;
}

void tp_signal_keep(const tp_signal *of) {
  if (of->number)
    set_handler(of->number, on_shared_signal, NULL);
}

static bool may_be_taken(int number) {
  struct sigaction now;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (number == refused[i])
      return false;
  return number > 0 && sigaction(number, NULL, &now) == 0;
}

static bool take(tp_signal *of, int number) {
  if (!set_handler(number, on_signal, &of->before))
    return false;
  of->number = number;
  if (is_ours(&of->before)) {
    tp_signal_keep(of);
    of->borrowed = true;
  }
  return true;
}

/* Takes a signal if nobody handles it. Another thread may be about to do the same. */
static bool take_free(tp_signal *of, int number) {
  struct sigaction now;
  if (sigaction(number, NULL, &now) != 0 || !is_default(&now) ||
      !set_handler(number, on_signal, &of->before))
    return false;
  if (!is_default(&of->before)) {
    sigaction(number, &of->before, NULL);
    return false;
  }
  of->number = number;
  return true;
}

bool tp_signal_take(tp_signal *of, int wanted, tp_error *error) {
  *of = (tp_signal){0};
  if (wanted) {
    if (may_be_taken(wanted) && take(of, wanted))
      return true;
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "preempt_signal must be a signal that a program may use, such as SIGUSR2 or "
                   "SIGRTMIN + 1, not %d",
                   wanted);
  }
  struct sigaction now;
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    if (take_free(of, number))
      return true;
  for (int number = SIGRTMIN; number <= SIGRTMAX; number++)
    if (sigaction(number, NULL, &now) == 0 && is_ours(&now))
      return take(of, number);
  return tp_fail(error, TP_NOT_AVAILABLE,
                 "the program uses all real-time signals, and preemption needs one: name it with "
                 "preempt_signal, or switch preemption off");
}

void tp_signal_put_back(tp_signal *of) {
  struct sigaction now;
  if (of->number && !of->borrowed && sigaction(of->number, NULL, &now) == 0 &&
      (now.sa_flags & SA_SIGINFO) && now.sa_sigaction == on_signal)
    sigaction(of->number, &of->before, NULL);
  of->number = 0;
}

/* ---- the mask of this thread ---- */

static sigset_t set_of(const tp_signal *of) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, of->number);
  return set;
}

bool tp_signal_unblock(const tp_signal *of) {
  sigset_t set = set_of(of), before;
  return of->number && pthread_sigmask(SIG_UNBLOCK, &set, &before) == 0 &&
         sigismember(&before, of->number) == 1;
}

void tp_signal_block(const tp_signal *of) {
  sigset_t set = set_of(of);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
}

void tp_signal_drop_pending(const tp_signal *of) {
  sigset_t set = set_of(of);
  const struct timespec no_time = {0};
  while (sigtimedwait(&set, NULL, &no_time) > 0)
    ;
}
