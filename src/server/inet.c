/* SPDX-License-Identifier: MIT
 *
 * The TCP addresses that a server may have; see inet.h. */
#include "server/inet.h"
#include "base/fail.h"
#include <arpa/inet.h>
#include <string.h>

static bool read_ipv4(const char *host, uint16_t port, tp_inet *found) {
  found->ipv4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
  if (strcmp(host, "localhost") == 0)
    host = "127.0.0.1";
  return inet_pton(AF_INET, host, &found->ipv4.sin_addr) == 1;
}

static bool read_ipv6(const char *host, uint16_t port, tp_inet *found) {
  found->ipv6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(port)};
  return inet_pton(AF_INET6, host, &found->ipv6.sin6_addr) == 1;
}

static bool is_ipv4(const tp_inet *found) {
  return found->any.sa_family == AF_INET;
}

bool tp_inet_find(const tp_address *address, tp_inet *found, tp_error *error) {
  bool read = (address->bracketed ? read_ipv6 : read_ipv4)(address->host, address->port, found);
  if (!read)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "\"%s\" is not an IP address: use one such as 127.0.0.1, [::1] or localhost",
                   address->host);
  return true;
}

bool tp_inet_is_loopback(const tp_inet *found) {
  return is_ipv4(found) ? ntohl(found->ipv4.sin_addr.s_addr) >> 24 == 127
                        : IN6_IS_ADDR_LOOPBACK(&found->ipv6.sin6_addr);
}

socklen_t tp_inet_size(const tp_inet *found) {
  return is_ipv4(found) ? sizeof found->ipv4 : sizeof found->ipv6;
}

void tp_inet_name(const tp_inet *found, tp_address *address) {
  const void *host = is_ipv4(found) ? (const void *)&found->ipv4.sin_addr : &found->ipv6.sin6_addr;
  inet_ntop(found->any.sa_family, host, address->host, sizeof address->host);
  address->port = ntohs(is_ipv4(found) ? found->ipv4.sin_port : found->ipv6.sin6_port);
}
