/* SPDX-License-Identifier: MIT
 *
 * URLs of engines; see url.h. */
#define _GNU_SOURCE
#include "engine/url.h"
#include "base/fail.h"
#include "base/span.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_PORT 6379

/* Databases that a Redis URL may name. */
#define DATABASE_MAX 65535

static bool fail(tp_error *error, const char *what) {
  return tp_fail(error, TP_INVALID_ARGUMENT,
                 "the URL of an engine %s; it is sqlite:PATH, redis://USER:PASSWORD@HOST:PORT/"
                 "DATABASE or redis+unix:PATH",
                 what);
}

static bool copy(char *to, size_t size, tp_span from) {
  if (from.length >= size || memchr(from.bytes, '\0', from.length))
    return false;
  memcpy(to, from.bytes, from.length);
  to[from.length] = '\0';
  return true;
}

static int hex(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *digit = c ? strchr(digits, c | ('A' <= c && c <= 'F' ? 32 : 0)) : NULL;
  return digit ? (int)(digit - digits) : -1;
}

/* Copies a word whose %XX stand for bytes. */
static bool decode(char *to, size_t size, tp_span from) {
  size_t length = 0;
  for (size_t i = 0; i < from.length && length + 1 < size; i++) {
    char c = from.bytes[i];
    if (c == '%') {
      int high = i + 2 < from.length ? hex(from.bytes[i + 1]) : -1;
      int low = high >= 0 ? hex(from.bytes[i + 2]) : -1;
      if (low < 0 || high + low == 0)
        return false;
      c = (char)(high * 16 + low);
      i += 2;
    }
    to[length++] = c;
  }
  to[length] = '\0';
  return length + 1 < size;
}

/* A number that takes all of the span. */
static bool read_number(tp_span text, unsigned max, unsigned *number) {
  unsigned long value = 0;
  for (size_t i = 0; i < text.length; i++) {
    if (text.bytes[i] < '0' || text.bytes[i] > '9' || value > max)
      return false;
    value = value * 10 + (unsigned)(text.bytes[i] - '0');
  }
  *number = (unsigned)value;
  return text.length > 0 && value <= max;
}

/* Cuts `text` at the last or the first `c`; what is before it is in `head`. False: there is none.
 */
static bool cut(tp_span *text, char c, bool last, tp_span *head) {
  if (text->length == 0)
    return false;
  const char *at =
      last ? memrchr(text->bytes, c, text->length) : memchr(text->bytes, c, text->length);
  if (!at)
    return false;
  size_t before = (size_t)(at - text->bytes);
  *head = (tp_span){text->bytes, before};
  *text = (tp_span){at + 1, text->length - before - 1};
  return true;
}

/* Takes "USER:PASSWORD@" off, where it is. */
static bool read_user(tp_span *text, tp_url *url) {
  tp_span password, user = {"", 0};
  if (!cut(text, '@', true, &password))
    return true;
  cut(&password, ':', false, &user);
  return decode(url->user, sizeof url->user, user) &&
         decode(url->password, sizeof url->password, password);
}

/* HOST, HOST:PORT, [HOST] or [HOST]:PORT. */
static bool read_host(tp_span text, tp_url *url) {
  tp_span host, port = text;
  unsigned number = REDIS_PORT;
  if (text.length > 0 && text.bytes[0] == '[') {
    port = (tp_span){text.bytes + 1, text.length - 1};
    if (!cut(&port, ']', false, &host) || (port.length > 0 && port.bytes[0] != ':'))
      return false;
    port = port.length > 0 ? (tp_span){port.bytes + 1, port.length - 1} : (tp_span){NULL, 0};
  } else if (!cut(&port, ':', true, &host)) {
    host = text;
    port = (tp_span){NULL, 0};
  }
  if (port.bytes && (!read_number(port, UINT16_MAX, &number) || number == 0))
    return false;
  url->port = (uint16_t)number;
  return host.length > 0 && copy(url->host, sizeof url->host, host);
}

static bool read_redis(tp_span text, tp_url *url, tp_error *error) {
  tp_span rest = text;
  if (!read_user(&rest, url))
    return fail(error, "has a user or a password that is too long, or a wrong '%'");
  tp_span host = rest;
  if (cut(&rest, '/', false, &host) && rest.length > 0 &&
      !read_number(rest, DATABASE_MAX, &url->database))
    return fail(error, "must end with the number of a database");
  return read_host(host, url) || fail(error, "must have a host, and may have a port");
}

static bool read_redis_unix(tp_span text, tp_url *url, tp_error *error) {
  tp_span path = text, query = text;
  if (text.length > 2 && memcmp(text.bytes, "//", 2) == 0) {
    query = path = (tp_span){text.bytes + 2, text.length - 2};
    if (!read_user(&path, url))
      return fail(error, "has a user or a password that is too long, or a wrong '%'");
    query = path;
  }
  if (cut(&query, '?', true, &path) &&
      (query.length < 3 || memcmp(query.bytes, "db=", 3) != 0 ||
       !read_number((tp_span){query.bytes + 3, query.length - 3}, DATABASE_MAX, &url->database)))
    return fail(error, "may end with ?db=DATABASE, and with nothing else after '?'");
  return (path.length > 0 && copy(url->path, TP_ADDRESS_PATH_MAX + 1, path)) ||
         fail(error, "must have the path of a Unix socket, of at most 107 bytes");
}

static bool read_sqlite(tp_span text, tp_url *url, tp_error *error) {
  bool is_file = text.length > 0 && text.bytes[0] != ':';
  return (is_file && copy(url->path, sizeof url->path, text)) ||
         fail(error, "must have the path of a file");
}

bool tp_url_read(const char *text, tp_url *url, tp_error *error) {
  static const struct {
    const char *prefix;                                       /* what the URL begins with */
    bool (*read)(tp_span rest, tp_url *url, tp_error *error); /* reads what follows */
  } schemes[] = {
      [TP_URL_SQLITE] = {"sqlite:", read_sqlite},
      [TP_URL_REDIS] = {"redis://", read_redis},
      [TP_URL_REDIS_UNIX] = {"redis+unix:", read_redis_unix},
  };
  *url = (tp_url){0};
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    size_t length = strlen(schemes[i].prefix);
    if (strncmp(text, schemes[i].prefix, length) != 0)
      continue;
    url->scheme = (tp_url_scheme)i;
    return schemes[i].read(tp_span_of(text + length), url, error);
  }
  return fail(error, "has an unknown scheme");
}

bool tp_url_read_password(tp_url *url, const char *path, tp_error *error) {
  char line[TP_URL_WORD_SIZE] = "";
  FILE *file = fopen(path, "re");
  if (!file)
    return tp_fail(error, TP_IO_ERROR, "cannot read the file of a password, %s: %s", path,
                   strerror(errno)); /* NOLINT(concurrency-mt-unsafe): glibc's is safe */
  bool is_read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  line[strcspn(line, "\r\n")] = '\0';
  if (!is_read || line[0] == '\0' || strlen(line) + 1 == sizeof line)
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "the first line of the file %s must be a password of at most %d bytes", path,
                   TP_URL_WORD_SIZE - 2);
  strcpy(url->password, line);
  return true;
}
