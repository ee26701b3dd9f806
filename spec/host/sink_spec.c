/* SPDX-License-Identifier: MIT
 *
 * A file that a thread writes: what waits is bounded, and the rest arrives in order. */
#define _GNU_SOURCE
#include "host/sink.h"
#include "support/expect.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PIECE = 64 * 1024 };

static char directory[] = "/tmp/taskpool-sink-XXXXXX";

static const char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  return path;
}

/* Adds pieces until one is refused; each begins with its number. Returns how many were taken. */
static unsigned fill(tp_sink *sink) {
  static char piece[PIECE];
  unsigned count = 0;
  do
    memcpy(piece, &count, sizeof count);
  while (tp_sink_add(sink, piece, sizeof piece) && ++count < 10000);
  return count;
}

/* Reads the next piece, and returns its number. */
static unsigned read_piece(int fd) {
  static char piece[PIECE];
  unsigned number;
  for (size_t done = 0; done < sizeof piece;) {
    ssize_t count = read(fd, piece + done, sizeof piece - done);
    EXPECT(count > 0);
    done += (size_t)count;
  }
  memcpy(&number, piece, sizeof number);
  return number;
}

static void takes_no_more_than_it_may_while_nobody_reads(void) {
  tp_error error;
  const char *path = path_of("pipe");
  EXPECT(mkfifo(path, 0600) == 0);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  tp_sink *sink = tp_sink_open(path, &error);
  EXPECT(reader >= 0 && sink);
  EXPECT(fcntl(reader, F_SETFL, 0) == 0);
  unsigned count = fill(sink);
  EXPECT(count >= TP_SINK_MAX / PIECE && count <= TP_SINK_MAX / PIECE + 4);
  for (unsigned i = 0; i < count; i++)
    EXPECT(read_piece(reader) == i);
  EXPECT(tp_sink_add(sink, "end", 3));
  EXPECT_OK(tp_sink_close(sink, &error));
  char end[8];
  EXPECT(read(reader, end, sizeof end) == 3 && memcmp(end, "end", 3) == 0);
  EXPECT(close(reader) == 0 && unlink(path) == 0);
}

static void tells_what_fails(void) {
  tp_error error;
  EXPECT_ERROR(tp_sink_open(path_of("no/file"), &error), TP_IO_ERROR, "No such file");
  tp_sink *sink = tp_sink_open("/dev/full", &error);
  EXPECT(sink && tp_sink_add(sink, "text", 4));
  EXPECT_ERROR(tp_sink_close(sink, &error), TP_IO_ERROR, "No space left");
  EXPECT_OK(tp_sink_close(NULL, &error));
}

int main(int argc, char **argv) {
  static const spec_case cases[] = {
      CASE(takes_no_more_than_it_may_while_nobody_reads),
      CASE(tells_what_fails),
  };
  EXPECT(mkdtemp(directory));
  int result = run_cases("sink", cases, sizeof cases / sizeof *cases, argc, argv);
  EXPECT(rmdir(directory) == 0);
  return result;
}
