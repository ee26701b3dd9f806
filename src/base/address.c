/* SPDX-License-Identifier: MIT
 *
 * Addresses of control servers; see address.h. */
#include "base/address.h"
#include "base/fail.h"
#include <stdio.h>
#include <string.h>

/* ---- unix:PATH ---- */

static bool read_unix(const char *path, tp_address *address, tp_error *error) {
  size_t length = strlen(path);
  if (length == 0 || length > TP_ADDRESS_PATH_MAX)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the path of a socket has 1 to %d bytes, not %zu: unix:%s", TP_ADDRESS_PATH_MAX,
                   length, path);
  memcpy(address->path, path, length + 1);
  return true;
}

/* ---- tcp://HOST:PORT ---- */

/* Decimal digits up to 65535 and nothing else. */
static bool read_port(const char *text, uint16_t *port) {
  unsigned long number = 0;
  size_t length = strlen(text);
  if (length == 0 || length > 5 || strspn(text, "0123456789") != length)
    return false;
  for (const char *digit = text; *digit; digit++)
    number = number * 10 + (unsigned long)(*digit - '0');
  *port = (uint16_t)number;
  return number <= UINT16_MAX;
}

/* Takes the first `length` bytes of `text` as the host. */
static bool read_host(const char *text, size_t length, tp_address *address) {
  address->bracketed = length >= 2 && text[0] == '[' && text[length - 1] == ']';
  if (address->bracketed) {
    text++;
    length -= 2;
  }
  if (length == 0 || length >= sizeof address->host)
    return false;
  memcpy(address->host, text, length);
  address->host[length] = '\0';
  return true;
}

static bool read_tcp(const char *text, tp_address *address, tp_error *error) {
  const char *colon = strrchr(text, ':');
  if (!colon || !read_host(text, (size_t)(colon - text), address))
    return tp_fail(error, TP_INVALID_ARGUMENT, "\"%s\" is not HOST:PORT, such as 127.0.0.1:8001",
                   text);
  if (!read_port(colon + 1, &address->port))
    return tp_fail(error, TP_INVALID_ARGUMENT, "the port in \"%s\" is not a number up to 65535",
                   text);
  return true;
}

/* ---- all of them ---- */

static const struct {
  const char *prefix;                                                   /* how it begins */
  bool (*read)(const char *rest, tp_address *address, tp_error *error); /* what follows */
} schemes[] = {
    [TP_ADDRESS_UNIX] = {.prefix = "unix:", .read = read_unix},
    [TP_ADDRESS_TCP] = {.prefix = "tcp://", .read = read_tcp},
};

bool tp_address_read(const char *text, tp_address *address, tp_error *error) {
  for (size_t kind = 0; kind < sizeof schemes / sizeof schemes[0]; kind++) {
    size_t length = strlen(schemes[kind].prefix);
    if (strncmp(text, schemes[kind].prefix, length) != 0)
      continue;
    *address = (tp_address){.kind = (tp_address_kind)kind};
    return schemes[kind].read(text + length, address, error);
  }
  return tp_fail(error, TP_INVALID_ARGUMENT, "\"%s\" is neither unix:PATH nor tcp://HOST:PORT",
                 text);
}

void tp_address_write(const tp_address *address, char text[TP_ADDRESS_TEXT_SIZE]) {
  const char *prefix = schemes[address->kind].prefix;
  if (address->kind == TP_ADDRESS_UNIX)
    snprintf(text, TP_ADDRESS_TEXT_SIZE, "%s%s", prefix, address->path);
  else
    snprintf(text, TP_ADDRESS_TEXT_SIZE, address->bracketed ? "%s[%s]:%d" : "%s%s:%d", prefix,
             address->host, address->port);
}
