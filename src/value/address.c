/* SPDX-License-Identifier: MIT
 *
 * Addresses as text and as socket addresses; see address.h. */
#include "value/address.h"
#include "value/fail.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The longest HOST that can be right: an IPv6 address in full. */
enum { HOST_SIZE = INET6_ADDRSTRLEN };

typedef bool (*scheme_reader)(const char *rest, tp_address *address, tp_error *error);

/* ---- unix:PATH ---- */

static bool read_unix(const char *path, tp_address *address, tp_error *error) {
  size_t length = strlen(path);
  if (length == 0)
    return tp_fail(error, TP_INVALID_ARGUMENT, "unix: needs the path of a socket after it");
  if (length > TP_ADDRESS_PATH_MAX)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the socket path has %zu bytes, and the system takes at most %d: %s", length,
                   TP_ADDRESS_PATH_MAX, path);
  address->kind = TP_ADDRESS_UNIX;
  memcpy(address->as.path, path, length + 1);
  return true;
}

/* ---- tcp://HOST:PORT ---- */

/* Decimal digits up to 65535 and nothing else. */
static bool read_port(const char *text, in_port_t *port) {
  unsigned long number = 0;
  size_t length = strlen(text);
  if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
    return false;
  for (const char *digit = text; *digit; digit++)
    number = number * 10 + (unsigned long)(*digit - '0');
  *port = htons((in_port_t)number);
  return number <= 65535;
}

/* Splits "HOST:PORT" at the last colon; an IPv6 HOST stands in brackets, which are taken off. */
static bool split_host(const char *text, char host[HOST_SIZE], bool *bracketed, const char **port) {
  const char *colon = strrchr(text, ':');
  if (!colon)
    return false;
  size_t length = (size_t)(colon - text);
  *bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
  if (*bracketed) {
    text++;
    length -= 2;
  }
  if (length == 0 || length >= HOST_SIZE)
    return false;
  memcpy(host, text, length);
  host[length] = '\0';
  *port = colon + 1;
  return true;
}

static bool is_loopback(const tp_address *address) {
  if (address->kind == TP_ADDRESS_IPV4)
    return ntohl(address->as.ipv4.sin_addr.s_addr) >> 24 == 127;
  return IN6_IS_ADDR_LOOPBACK(&address->as.ipv6.sin6_addr);
}

/* Fills in the IP address; false where `host` is neither an address nor localhost. */
static bool read_host(const char *host, bool bracketed, in_port_t port, tp_address *address) {
  memset(&address->as, 0, sizeof address->as);
  if (bracketed) {
    address->kind = TP_ADDRESS_IPV6;
    address->as.ipv6.sin6_family = AF_INET6;
    address->as.ipv6.sin6_port = port;
    return inet_pton(AF_INET6, host, &address->as.ipv6.sin6_addr) == 1;
  }
  if (strcmp(host, "localhost") == 0)
    host = "127.0.0.1";
  address->kind = TP_ADDRESS_IPV4;
  address->as.ipv4.sin_family = AF_INET;
  address->as.ipv4.sin_port = port;
  return inet_pton(AF_INET, host, &address->as.ipv4.sin_addr) == 1;
}

static bool read_tcp(const char *text, tp_address *address, tp_error *error) {
  char host[HOST_SIZE];
  const char *port_text = NULL;
  bool bracketed = false;
  in_port_t port = 0;
  if (!split_host(text, host, &bracketed, &port_text))
    return tp_fail(error, TP_INVALID_ARGUMENT, "\"%s\" is not HOST:PORT, as 127.0.0.1:8001", text);
  if (!read_port(port_text, &port))
    return tp_fail(error, TP_INVALID_ARGUMENT, "the port in \"%s\" is not a number from 0 to 65535",
                   text);
  if (!read_host(host, bracketed, port, address))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the host in \"%s\" is not an address: use 127.0.0.1, [::1] or localhost", text);
  if (!is_loopback(address))
    return tp_fail(
        error, TP_DENIED,
        "%s is not a loopback address, and without tokens a control server listens to this "
        "machine only: use 127.0.0.1, [::1] or localhost",
        host);
  return true;
}

/* ---- all of them ---- */

static const struct {
  const char *prefix;
  scheme_reader read; /* reads what follows the prefix */
} schemes[] = {
    {.prefix = "unix:", .read = read_unix},
    {.prefix = "tcp://", .read = read_tcp},
};

bool tp_address_read(const char *text, tp_address *address, tp_error *error) {
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    size_t length = strlen(schemes[i].prefix);
    if (strncmp(text, schemes[i].prefix, length) == 0)
      return schemes[i].read(text + length, address, error);
  }
  return tp_fail(error, TP_INVALID_ARGUMENT, "\"%s\" is neither unix:PATH nor tcp://HOST:PORT",
                 text);
}

void tp_address_write(const tp_address *address, char text[TP_ADDRESS_TEXT_SIZE]) {
  char host[HOST_SIZE] = "";
  switch (address->kind) {
  case TP_ADDRESS_UNIX:
    snprintf(text, TP_ADDRESS_TEXT_SIZE, "unix:%s", address->as.path);
    break;
  case TP_ADDRESS_IPV4:
    inet_ntop(AF_INET, &address->as.ipv4.sin_addr, host, sizeof host);
    snprintf(text, TP_ADDRESS_TEXT_SIZE, "tcp://%s:%d", host, ntohs(address->as.ipv4.sin_port));
    break;
  case TP_ADDRESS_IPV6:
    inet_ntop(AF_INET6, &address->as.ipv6.sin6_addr, host, sizeof host);
    snprintf(text, TP_ADDRESS_TEXT_SIZE, "tcp://[%s]:%d", host, ntohs(address->as.ipv6.sin6_port));
    break;
  }
}

socklen_t tp_address_size(const tp_address *address) {
  return address->kind == TP_ADDRESS_IPV6 ? sizeof address->as.ipv6 : sizeof address->as.ipv4;
}
