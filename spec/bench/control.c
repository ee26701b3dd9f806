/* SPDX-License-Identifier: MIT
 *
 * Measures a control server on a Unix socket with a client that costs next to nothing.
 *
 *     bench-control PATH latency COUNT        prints p50 and p99 of a round trip, in microseconds
 *     bench-control PATH pipelined COUNT      prints commands a second with up to two batches under
 * way */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COMMAND "pool-size\n"

enum { COMMAND_SIZE = sizeof COMMAND - 1, BATCH = 500 };

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  perror(what);
  exit(EXIT_FAILURE);
}

/* A connection to the server. */
typedef struct session {
  int fd;       /* the socket */
  long answers; /* lines received so far, the greeting included */
} session;

static void send_all(const session *to, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = write(to->fd, bytes, size);
    if (sent <= 0)
      fail("write");
    bytes += sent;
    size -= (size_t)sent;
  }
}

/* Reads until `total` answers have come since the connection was made; more may come with them. */
static void await_answers(session *from, long total) {
  char buffer[1 << 16];
  while (from->answers < total) {
    ssize_t got = read(from->fd, buffer, sizeof buffer);
    if (got <= 0)
      fail("read");
    for (ssize_t i = 0; i < got; i++)
      from->answers += buffer[i] == '\n';
  }
}

static session open_session(const char *path) {
  static const char greeting[] = "{\"terminal_width\": 80}\n";
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  session made = {socket(AF_UNIX, SOCK_STREAM, 0), 0};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (made.fd < 0 || connect(made.fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail(path);
  send_all(&made, greeting, sizeof greeting - 1);
  await_answers(&made, 1);
  return made;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void measure_latency(session *with, long count) {
  double *times = malloc((size_t)count * sizeof *times);
  if (times == NULL)
    fail("malloc");
  for (long i = 0; i < count; i++) {
    double start = now();
    send_all(with, COMMAND, COMMAND_SIZE);
    await_answers(with, i + 2);
    times[i] = (now() - start) * 1e6;
  }
  qsort(times, (size_t)count, sizeof *times, compare);
  printf("%.1f\n%.1f\n", times[count / 2], times[count - 1 - count / 100]);
  free(times);
}

static void measure_pipelined(session *with, long count) {
  char batch[BATCH * COMMAND_SIZE];
  for (int i = 0; i < BATCH; i++)
    memcpy(batch + (size_t)i * COMMAND_SIZE, COMMAND, COMMAND_SIZE);
  double start = now();
  send_all(with, batch, sizeof batch);
  for (long sent = BATCH; sent < count; sent += BATCH) {
    send_all(with, batch, sizeof batch);
    await_answers(with, sent + 1);
  }
  await_answers(with, count + 1);
  printf("%.0f\n", (double)count / (now() - start));
}

int main(int argc, char **argv) {
  long count = argc == 4 ? strtol(argv[3], NULL, 10) / BATCH * BATCH : 0;
  if (count == 0) {
    fputs("usage: bench-control PATH latency|pipelined COUNT        COUNT: 500 or more\n", stderr);
    return 2;
  }
  session with = open_session(argv[1]);
  if (strcmp(argv[2], "latency") == 0)
    measure_latency(&with, count);
  else
    measure_pipelined(&with, count);
  close(with.fd);
  return 0;
}
