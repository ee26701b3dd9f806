/* SPDX-License-Identifier: MIT
 *
 * The TCP addresses that a server may have: IP addresses. The name localhost means 127.0.0.1 and is
 * never looked up. */
#ifndef TP_SERVER_INET_H
#define TP_SERVER_INET_H

#include "base/address.h"
#include "taskpool.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* An IP address for system calls. */
typedef union tp_inet {
  struct sockaddr any; /* either of the next two */
  struct sockaddr_in ipv4;
  struct sockaddr_in6 ipv6;
} tp_inet;

/* The IP address that `address` (TCP) names. False: InvalidArgument. */
bool tp_inet_find(const tp_address *address, tp_inet *found, tp_error *error);

/* Whether only this machine reaches it: 127.0.0.0/8, ::1. */
bool tp_inet_is_loopback(const tp_inet *found);

/* The size of an address that was found. */
socklen_t tp_inet_size(const tp_inet *found);

/* The same address in parts again, with the port that the system chose. */
void tp_inet_name(const tp_inet *found, tp_address *address);

#endif
