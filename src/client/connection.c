/* SPDX-License-Identifier: MIT
 *
 * A control connection of the client; see connection.h.
 *
 * How it works: `fill` appends what the socket has to the buffer; the two reads call it until they
 * see the end of an answer. What a read hands out stays in the buffer until the next read, so
 * nothing is copied.
 *
 * To add a kind of address: a function that dials it and a row in `kinds`. To explain one more
 * error of connect: a row in `refusals`. */
#include "client/connection.h"
#include "base/address.h"
#include "base/fail.h"
#include "base/seconds.h"
#include <errno.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
  CHUNK = 4 * 1024,              /* room for the next bytes */
  BUFFER_MAX = 16 * 1024 * 1024, /* twice what a control server queues: more is not an answer */
  QUIET_MS = 50, /* a plain answer ends if nothing comes for so long after a newline */
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Why connect failed, and what to do about it. */
typedef struct refusal {
  int number;         /* errno */
  tp_code code;       /* what it counts as */
  const char *advice; /* completes "cannot connect to ADDRESS: " */
} refusal;

static const refusal refusals[] = {
    {.number = ENOENT,
     .code = TP_IO_ERROR,
     .advice = "there is no such socket; start the host first, or correct the path"},
    {.number = ECONNREFUSED,
     .code = TP_IO_ERROR,
     .advice = "nobody listens there; start the host first, or correct the address"},
    {.number = EACCES,
     .code = TP_DENIED,
     .advice = "no permission; ask as the user who runs the host"},
    {.number = EPERM,
     .code = TP_DENIED,
     .advice = "no permission; ask as the user who runs the host"},
    {.number = ETIMEDOUT,
     .code = TP_IO_ERROR,
     .advice = "no reply; correct the address, or check the network in between"},
};

static void explain(const char *address, int number, tp_error *error) {
  if (number == EAGAIN || number == EINPROGRESS) { /* the time limit of the socket is over */
    tp_fail(error, TP_TIMED_OUT, "cannot connect to %s: it does not answer in time", address);
    return;
  }
  for (size_t i = 0; i < COUNT(refusals); i++)
    if (refusals[i].number == number) {
      tp_fail(error, refusals[i].code, "cannot connect to %s: %s", address, refusals[i].advice);
      return;
    }
  tp_fail(error, TP_IO_ERROR, "cannot connect to %s: %s", address, strerror(number));
}

/* Limits how long connecting and sending may take. */
static void limit(int fd, double seconds) {
  uint64_t microseconds = tp_seconds_to_nanoseconds(seconds) / 1000 + 1;
  struct timeval most = {.tv_sec = (time_t)(microseconds / 1000000),
                         .tv_usec = (suseconds_t)(microseconds % 1000000)};
  if (seconds > 0)
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
}

/* A connected socket, or -1 with errno. */
static int dial(int family, const struct sockaddr *to, socklen_t size, double timeout) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0)
    limit(fd, timeout);
  if (fd < 0 || connect(fd, to, size) == 0)
    return fd;
  int number = errno;
  close(fd);
  errno = number;
  return -1;
}

static int dial_unix(const char *text, const tp_address *address, double timeout, tp_error *error) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  memcpy(to.sun_path, address->path, strlen(address->path) + 1);
  int fd = dial(AF_UNIX, (const struct sockaddr *)&to, sizeof to, timeout);
  if (fd < 0)
    explain(text, errno, error);
  return fd;
}

/* Tries each IP address that a name has; the error tells of the last one. */
static int dial_any(const char *text, const struct addrinfo *list, double timeout,
                    tp_error *error) {
  int number = EADDRNOTAVAIL;
  for (; list; list = list->ai_next) {
    int fd = dial(list->ai_family, list->ai_addr, list->ai_addrlen, timeout);
    if (fd >= 0)
      return fd;
    number = errno;
  }
  explain(text, number, error);
  return -1;
}

static int dial_tcp(const char *text, const tp_address *address, double timeout, tp_error *error) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
  struct addrinfo *list;
  char port[sizeof "65535"];
  if (address->port == 0) {
    tp_fail(error, TP_INVALID_ARGUMENT, "cannot connect to %s: a port is from 1 to 65535", text);
    return -1;
  }
  snprintf(port, sizeof port, "%u", address->port);
  int status = getaddrinfo(address->host, port, &hints, &list);
  if (status != 0) {
    tp_fail(error, TP_IO_ERROR, "cannot connect to %s: %s; correct the name of the host", text,
            gai_strerror(status));
    return -1;
  }
  int fd = dial_any(text, list, timeout, error);
  freeaddrinfo(list);
  return fd;
}

/* How each kind of address is dialled: a connected socket, or -1. `text` is the address too. */
static int (*const kinds[])(const char *text, const tp_address *address, double timeout,
                            tp_error *error) = {
    [TP_ADDRESS_UNIX] = dial_unix,
    [TP_ADDRESS_TCP] = dial_tcp,
};

uint64_t tp_connection_now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

void tp_connection_start_clock(tp_connection *connection) {
  if (connection->timeout > 0)
    connection->deadline = tp_connection_now() + tp_seconds_to_nanoseconds(connection->timeout);
}

bool tp_connection_open(tp_connection *connection, const char *text, double timeout,
                        tp_error *error) {
  tp_address address;
  *connection = (tp_connection){.address = text, .fd = -1, .timeout = timeout};
  tp_connection_start_clock(connection);
  if (!tp_address_read(text, &address, error))
    return false;
  connection->fd = kinds[address.kind](text, &address, timeout, error);
  return connection->fd >= 0;
}

void tp_connection_close(tp_connection *connection) {
  if (connection->fd >= 0)
    close(connection->fd);
  tp_bytes_clear(&connection->received);
  *connection = (tp_connection){.address = connection->address, .fd = -1};
}

static bool describe_lateness(const tp_connection *connection, tp_error *error) {
  return tp_fail(error, TP_TIMED_OUT, "the server at %s does not answer within %g s",
                 connection->address, connection->timeout);
}

static bool broken(tp_connection *connection, int number, tp_error *error) {
  if (number == EAGAIN)
    return describe_lateness(connection, error);
  connection->lost = true;
  if (number == 0 || number == EPIPE || number == ECONNRESET)
    return tp_fail(error, TP_IO_ERROR, "the server at %s closed the connection",
                   connection->address);
  return tp_fail(error, TP_IO_ERROR, "the connection to %s broke: %s", connection->address,
                 strerror(number));
}

static bool send_all(tp_connection *connection, struct msghdr *message, tp_error *error) {
  while (message->msg_iovlen > 0) {
    ssize_t sent = sendmsg(connection->fd, message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0)
      return broken(connection, errno, error);
    size_t left = (size_t)sent;
    while (message->msg_iovlen > 0 && left >= message->msg_iov->iov_len) {
      left -= message->msg_iov->iov_len;
      message->msg_iov++;
      message->msg_iovlen--;
    }
    if (message->msg_iovlen > 0) {
      message->msg_iov->iov_base = (char *)message->msg_iov->iov_base + left;
      message->msg_iov->iov_len -= left;
    }
  }
  return true;
}

bool tp_connection_send(tp_connection *connection, const char *bytes, size_t length,
                        tp_error *error) {
  struct iovec parts[] = {
      {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length}, /* sendmsg does not write to it */
      {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
  };
  /* Line and newline are sent together, so that no half of a command waits in Nagle's algorithm. */
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = COUNT(parts)};
  return send_all(connection, &message, error);
}

static bool is_readable(const tp_connection *connection, int milliseconds) {
  struct pollfd socket = {.fd = connection->fd, .events = POLLIN};
  return poll(&socket, 1, milliseconds) != 0;
}

bool tp_connection_wait(const tp_connection *connection, int milliseconds) {
  return connection->received.length > connection->taken || is_readable(connection, milliseconds);
}

static void drop_taken(tp_connection *connection) {
  if (connection->taken == 0)
    return;
  connection->received.length -= connection->taken;
  memmove(connection->received.data, connection->received.data + connection->taken,
          connection->received.length);
  connection->taken = 0;
}

static bool make_room(tp_connection *connection, tp_error *error) {
  tp_bytes *received = &connection->received;
  if (received->length >= BUFFER_MAX)
    return tp_fail(error, TP_IO_ERROR, "the answer of %s is longer than %d bytes",
                   connection->address, BUFFER_MAX);
  size_t left = BUFFER_MAX - received->length;
  return tp_bytes_reserve(received, left < CHUNK ? left : CHUNK) ||
         tp_fail(error, TP_NO_MEMORY, "no memory for an answer of more than %zu bytes",
                 received->length);
}

/* Waits for what comes next. False: not in time. */
static bool is_in_time(const tp_connection *connection) {
  if (!connection->deadline)
    return true;
  uint64_t time = tp_connection_now();
  uint64_t left = connection->deadline > time ? connection->deadline - time : 0;
  uint64_t milliseconds = (left + 999999) / 1000000;
  return is_readable(connection, milliseconds < INT_MAX ? (int)milliseconds : INT_MAX);
}

/* Appends what comes next. False at the end and on errors. */
static bool fill(tp_connection *connection, tp_error *error) {
  tp_bytes *received = &connection->received;
  ssize_t count;
  if (!make_room(connection, error))
    return false;
  if (!is_in_time(connection))
    return broken(connection, EAGAIN, error);
  do
    count = recv(connection->fd, received->data + received->length,
                 received->capacity - received->length, 0);
  while (count < 0 && errno == EINTR);
  if (count <= 0)
    return broken(connection, count == 0 ? 0 : errno, error);
  received->length += (size_t)count;
  return true;
}

/* Hands out the line whose newline is at or behind `searched`. False: there is none yet. */
static bool take_line(tp_connection *connection, size_t searched, tp_span *line) {
  const tp_bytes *received = &connection->received;
  size_t left = received->length - searched;
  const char *end = left > 0 ? memchr(received->data + searched, '\n', left) : NULL;
  if (!end)
    return false;
  *line = (tp_span){.bytes = received->data, .length = (size_t)(end - received->data)};
  connection->taken = line->length + 1;
  return true;
}

bool tp_connection_read_line(tp_connection *connection, tp_span *line, tp_error *error) {
  drop_taken(connection);
  size_t searched = 0; /* no newline before it */
  while (!take_line(connection, searched, line)) {
    searched = connection->received.length;
    if (!fill(connection, error))
      return false;
  }
  return true;
}

tp_connection_step tp_connection_try_line(tp_connection *connection, tp_span *line,
                                          tp_error *error) {
  drop_taken(connection);
  size_t searched = 0;
  while (!take_line(connection, searched, line)) {
    searched = connection->received.length;
    if (!is_readable(connection, 0))
      return TP_CONNECTION_NOTHING;
    if (!fill(connection, error))
      return TP_CONNECTION_FAILED;
  }
  return TP_CONNECTION_LINE;
}

bool tp_connection_is_late(const tp_connection *connection, tp_error *error) {
  if (!connection->deadline || tp_connection_now() < connection->deadline)
    return false;
  describe_lateness(connection, error);
  return true;
}

/* True if what has come looks like a whole plain answer. */
static bool is_quiet(const tp_connection *connection) {
  return connection->received.length > 0 &&
         connection->received.data[connection->received.length - 1] == '\n' &&
         !is_readable(connection, QUIET_MS);
}

bool tp_connection_read_burst(tp_connection *connection, tp_span *burst, tp_error *error) {
  drop_taken(connection);
  while (!is_quiet(connection))
    if (!fill(connection, error)) {
      if (connection->received.length == 0 || connection->received.length >= BUFFER_MAX)
        return false;
      break; /* the last answer of a server that left; the next read fails */
    }
  *burst = (tp_span){.bytes = connection->received.data, .length = connection->received.length};
  connection->taken = connection->received.length;
  return true;
}
