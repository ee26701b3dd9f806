/* SPDX-License-Identifier: MIT
 *
 * The client's end of a control connection: a blocking socket with a buffer for what has come.
 *
 * A framed answer (mode 2) ends at its newline. A plain answer (mode 1), which may have several
 * lines, ends when a newline has come and nothing more does. */
#ifndef TP_CLIENT_CONNECTION_H
#define TP_CLIENT_CONNECTION_H

#include "base/bytes.h"
#include "base/span.h"
#include "taskpool.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct tp_connection {
  const char *address; /* for messages; the caller's */
  int fd;              /* the socket, -1 when closed */
  double timeout;      /* seconds that the server has; 0: any time */
  uint64_t deadline;   /* when they are over, on the steady clock, nanoseconds; 0: never */
  tp_bytes received;   /* what has come; its first `taken` bytes have been handed out */
  size_t taken;        /* bytes that the next read drops */
  bool lost;           /* the connection was there and is not any more */
} tp_connection;

/* Connects to "unix:PATH" or "tcp://HOST:PORT". InvalidArgument: the address is malformed; Denied:
 * it may not be used; IOError: nobody answers there; TimedOut: not within `timeout` seconds (0: any
 * time), in which the first answer must come too. Needs a close afterwards in any case. */
bool tp_connection_open(tp_connection *connection, const char *address, double timeout,
                        tp_error *error);

/* The steady clock, in nanoseconds. */
uint64_t tp_connection_now(void);

/* The server has its time anew. What is sent and read after it is over fails with TimedOut. */
void tp_connection_start_clock(tp_connection *connection);

/* Sends `length` bytes and a newline. */
bool tp_connection_send(tp_connection *connection, const char *bytes, size_t length,
                        tp_error *error);

/* What tp_connection_try_line has found. */
typedef enum tp_connection_step {
  TP_CONNECTION_NOTHING, /* no whole line is there yet */
  TP_CONNECTION_LINE,    /* a line */
  TP_CONNECTION_FAILED,  /* the end, or an error */
} tp_connection_step;

/* Reads a line as tp_connection_read_line does, but never waits. */
tp_connection_step tp_connection_try_line(tp_connection *connection, tp_span *line,
                                          tp_error *error);

/* Whether the server's time is over, and then the failure that says so. */
bool tp_connection_is_late(const tp_connection *connection, tp_error *error);

/* True as soon as there is something to read (the end counts), false when the time is over. */
bool tp_connection_wait(const tp_connection *connection, int milliseconds);

/* Reads up to a newline and hands out what is before it, valid until the next read or the close. */
bool tp_connection_read_line(tp_connection *connection, tp_span *line, tp_error *error);

/* Reads until what has come ends in a newline and nothing follows; hands out all of it, valid as
 * long. */
bool tp_connection_read_burst(tp_connection *connection, tp_span *burst, tp_error *error);

void tp_connection_close(tp_connection *connection);

#endif
