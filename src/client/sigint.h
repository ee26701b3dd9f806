/* SPDX-License-Identifier: MIT
 *
 * ^C while a command waits: instead of ending the program, it ends a wait. */
#ifndef TP_CLIENT_SIGINT_H
#define TP_CLIENT_SIGINT_H

#include <signal.h>
#include <stdbool.h>

typedef struct tp_sigint {
  int fd;       /* tells of SIGINT; -1: SIGINT has its usual effect */
  sigset_t old; /* the signals that were held off before */
} tp_sigint;

/* What has ended a wait. */
typedef enum tp_sigint_cause {
  TP_SIGINT_TIME,   /* the time is over */
  TP_SIGINT_READY,  /* the descriptor can be read, or is at its end */
  TP_SIGINT_SIGNAL, /* ^C was pressed */
} tp_sigint_cause;

/* Holds SIGINT off for this thread if `wanted`; needs a close in any case. */
void tp_sigint_open(tp_sigint *sigint, bool wanted);

/* Waits for `fd`, ^C or the end of so many milliseconds (-1: for ever). */
tp_sigint_cause tp_sigint_wait(const tp_sigint *sigint, int fd, int milliseconds);

/* SIGINT has its usual effect again. */
void tp_sigint_close(tp_sigint *sigint);

#endif
