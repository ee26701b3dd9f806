/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as what a client sends, in any pieces, to the control server of a host.
 * Each complete line gets one last answer, of one line, up to one that waits or ends the session.
 */
#define _GNU_SOURCE /* memmem */
#include "host/host.h"
#include "server/foreign.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

static const char script[] = "local taskpool = require 'taskpool'\n"
                             "pool = taskpool.TaskPool {name = 'fuzz', size = 3}\n"
                             "package.loaded.f = {g = function() taskpool.sleep(0) end}\n";

static const char greeting[] = "{\"terminal_width\": 80, \"reply\": \"json\"}\n";

/* After a line with one of these, an answer may never come: it may be a command that waits, perhaps
 * in the spelling of JSON. The same holds for a line of HTTP, which ends the session. */
static const char *const last_words[] = {"exit",   "flush",   "gather", "until",
                                         "events", "profile", "\\u"};

/* So ends an answer that is not the last one of its line. */
static const char more[] = "\"more\": true}";
enum { MORE = sizeof more - 1 };

/* Clients of one host. */
enum { STREAMS = 100 };

/* A host, its client, and what has been said. */
typedef struct talk {
  tp_host *host;
  unsigned streams; /* clients so far */
  int client;       /* its socket */
  char last;        /* the last byte that came */
  char tail[MORE];  /* the bytes before the last one */
  size_t answers;   /* lines that came, each the last answer to a line of ours */
} talk;

/* A new client; now and then a new host, since making one takes long. */
static void open_talk(talk *of) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  char address[sizeof name.sun_path + 8];
  of->last = '\0';
  of->answers = 0;
  const char *directory = getenv("TMPDIR");
  snprintf(name.sun_path, sizeof name.sun_path, "%s/taskpool-fuzz-%d",
           directory ? directory : "/tmp", (int)getpid());
  snprintf(address, sizeof address, "unix:%s", name.sun_path);
  if (of->streams++ % STREAMS == 0) {
    tp_host_destroy(of->host);
    of->host = tp_host_create(NULL, NULL);
    check(of->host && tp_host_run_text(of->host, script, "=fuzz", NULL));
    check(tp_host_expose(of->host, "f.*", NULL) &&
          tp_host_serve(of->host, NULL, address, NULL, NULL));
  }
  of->client = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  check(connect(of->client, (struct sockaddr *)&name, sizeof name) == 0);
}

/* Reads what is there: lines of JSON, without a control byte. */
static void read_answers(talk *of) {
  char bytes[4096];
  ssize_t count;
  while ((count = recv(of->client, bytes, sizeof bytes, 0)) > 0) {
    for (ssize_t i = 0; i < count; i++) {
      bool begins = of->last == '\n' || of->last == '\0';
      check(bytes[i] == '\n' ? of->last == '}' : (unsigned char)bytes[i] >= ' ');
      check(!begins || bytes[i] == '{');
      memmove(of->tail, of->tail + 1, MORE - 1);
      of->tail[MORE - 1] = of->last;
      of->last = bytes[i];
      of->answers += bytes[i] == '\n' && memcmp(of->tail, more, MORE) != 0;
    }
  }
}

static void turn(talk *of) {
  uv_run(of->host->loop, UV_RUN_NOWAIT);
  read_answers(of);
}

/* Sends bytes in pieces; each size is told by the byte that the piece begins with. */
static void send_all(talk *of, const char *bytes, size_t size) {
  while (size > 0) {
    size_t piece = 1 + (unsigned char)*bytes % 16;
    ssize_t count = send(of->client, bytes, piece < size ? piece : size, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN)
      return; /* the session has ended */
    bytes += count > 0 ? count : 0;
    size -= count > 0 ? (size_t)count : 0;
    turn(of);
  }
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t' || byte == '\r';
}

static bool is_last(const char *line, size_t length) {
  while (length > 0 && is_blank(line[length - 1]))
    length--;
  for (size_t i = 0; i < sizeof last_words / sizeof *last_words; i++)
    if (memmem(line, length, last_words[i], strlen(last_words[i])))
      return true;
  tp_span rest = {line, length};
  for (;;) {
    if (tp_foreign_is_request(rest) || tp_foreign_is_header(rest))
      return true;
    const char *semicolon = memchr(rest.bytes, ';', rest.length);
    if (!semicolon)
      return false;
    rest.length -= (size_t)(semicolon + 1 - rest.bytes);
    rest.bytes = semicolon + 1;
    rest = tp_span_trim(rest, "; \t");
  }
}

/* Counts the complete lines that are not blank; `*certain` of them come before the first one after
 * which an answer may never come. */
static size_t count_lines(const char *bytes, size_t size, size_t *certain) {
  size_t lines = 0;
  *certain = SIZE_MAX;
  const char *end;
  while ((end = memchr(bytes, '\n', size))) {
    const char *word = bytes;
    while (word < end && is_blank(*word))
      word++;
    if (word < end && *certain == SIZE_MAX && is_last(word, (size_t)(end - word)))
      *certain = lines;
    lines += word < end;
    size -= (size_t)(end + 1 - bytes);
    bytes = end + 1;
  }
  if (*certain == SIZE_MAX)
    *certain = lines;
  return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static talk with;
  size_t certain, lines = count_lines((const char *)data, size, &certain);
  open_talk(&with);
  send_all(&with, greeting, sizeof greeting - 1);
  send_all(&with, (const char *)data, size);
  for (int i = 0; i < 100000 && with.answers < 1 + certain; i++)
    turn(&with);
  check(with.answers >= 1 + certain);
  check(with.answers <= 1 + lines || certain < lines); /* a stream has more */
  check(with.last == '\n');
  close(with.client);
  uv_run(with.host->loop, UV_RUN_NOWAIT);
  return 0;
}
