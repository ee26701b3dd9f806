/* SPDX-License-Identifier: MIT
 *
 * The TCP addresses that a server may have: those of this machine only, 127.0.0.0/8 and ::1. The
 * name localhost means 127.0.0.1 and is never looked up. Any other address is Denied: there are no
 * tokens yet, so nothing but the permissions of this machine guards a server. */
#ifndef TP_SERVER_LOOPBACK_H
#define TP_SERVER_LOOPBACK_H

#include "base/address.h"
#include "taskpool.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* An IP address for system calls. */
typedef union tp_loopback {
  struct sockaddr any; /* either of the next two */
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
} tp_loopback;

/* The IP address that `address` (TCP) names. False: InvalidArgument, Denied. */
bool tp_loopback_find(const tp_address *address, tp_loopback *found, tp_error *error);

/* The size of an address that was found. */
socklen_t tp_loopback_size(const tp_loopback *found);

/* The same address in parts again, with the port that the system chose. */
void tp_loopback_name(const tp_loopback *found, tp_address *address);

#endif
