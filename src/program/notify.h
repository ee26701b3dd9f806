/* SPDX-License-Identifier: MIT
 *
 * Tells a service manager how the program is, by the protocol of sd_notify(3): one datagram of
 * "NAME=VALUE" lines to the socket that the environment names. The protocol is stable and small, so
 * no library is needed for it. */
#ifndef TP_PROGRAM_NOTIFY_H
#define TP_PROGRAM_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct tp_notify {
  int fd;                /* -1: nobody is to be told */
  struct sockaddr_un to; /* the manager's socket */
  socklen_t size;        /* bytes of that address */
  uint64_t watchdog;     /* the manager expects a sign of life that often, microseconds; 0: never */
} tp_notify;

/* Reads the environment, and removes what it has read, so that processes started by tasks do not
 * speak for this one. */
void tp_notify_open(tp_notify *notify);

/* Sends a text. Never waits. True if it was sent, or nobody is to be told. For signal handlers too.
 */
bool tp_notify_send(const tp_notify *notify, const char *text);

void tp_notify_close(tp_notify *notify);

#endif
