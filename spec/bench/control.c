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

static void send_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t sent = write(fd, bytes, size);
    if (sent <= 0)
      fail("write");
    bytes += sent;
    size -= (size_t)sent;
  }
}

/* Reads until `count` answers (lines) have come. */
static void await_answers(int fd, long count) {
  char buffer[1 << 16];
  while (count > 0) {
    ssize_t got = read(fd, buffer, sizeof buffer);
    if (got <= 0)
      fail("read");
    for (ssize_t i = 0; i < got; i++)
      count -= buffer[i] == '\n';
  }
}

static int open_session(const char *path) {
  static const char greeting[] = "{\"terminal_width\": 80}\n";
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail(path);
  send_all(fd, greeting, sizeof greeting - 1);
  await_answers(fd, 1);
  return fd;
}

static int compare(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return (left > right) - (left < right);
}

static void measure_latency(int fd, long count) {
  double *times = malloc((size_t)count * sizeof *times);
  if (times == NULL)
    fail("malloc");
  for (long i = 0; i < count; i++) {
    double start = now();
    send_all(fd, COMMAND, COMMAND_SIZE);
    await_answers(fd, 1);
    times[i] = (now() - start) * 1e6;
  }
  qsort(times, (size_t)count, sizeof *times, compare);
  printf("%.1f\n%.1f\n", times[count / 2], times[count - 1 - count / 100]);
  free(times);
}

static void measure_pipelined(int fd, long count) {
  char batch[BATCH * COMMAND_SIZE];
  for (int i = 0; i < BATCH; i++)
    memcpy(batch + (size_t)i * COMMAND_SIZE, COMMAND, COMMAND_SIZE);
  double start = now();
  send_all(fd, batch, sizeof batch);
  for (long sent = BATCH; sent < count; sent += BATCH) {
    send_all(fd, batch, sizeof batch);
    await_answers(fd, BATCH);
  }
  await_answers(fd, BATCH);
  printf("%.0f\n", (double)count / (now() - start));
}

int main(int argc, char **argv) {
  long count = argc == 4 ? strtol(argv[3], NULL, 10) / BATCH * BATCH : 0;
  if (count == 0) {
    fputs("usage: bench-control PATH latency|pipelined COUNT        COUNT: 500 or more\n", stderr);
    return 2;
  }
  int fd = open_session(argv[1]);
  if (strcmp(argv[2], "latency") == 0)
    measure_latency(fd, count);
  else
    measure_pipelined(fd, count);
  close(fd);
  return 0;
}
