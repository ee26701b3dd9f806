/* SPDX-License-Identifier: MIT
 *
 * A file that is written by a thread of its own; see sink.h. */
#include "host/sink.h"
#include "base/blocks.h"
#include "base/fail.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

struct tp_sink {
  int fd;             /* the file */
  uv_thread_t thread; /* writes it */
  uv_mutex_t lock;    /* for what follows */
  uv_cond_t added;    /* something waits, or it is the end */
  tp_blocks waiting;  /* to be written */
  bool ends;          /* nothing more will come */
  int failure;        /* the errno of the first write that failed; nothing is written after it */
};

/* Writes a block. Returns 0 or an errno. */
static int write_block(int fd, const tp_block *block) {
  for (size_t done = 0; done < block->length;) {
    ssize_t count = write(fd, block->bytes + done, block->length - done);
    if (count < 0 && errno != EINTR)
      return errno;
    done += count > 0 ? (size_t)count : 0;
  }
  return 0;
}

/* Takes a block when there is one. NULL: the end. */
static tp_block *take(tp_sink *sink) {
  uv_mutex_lock(&sink->lock);
  while (!sink->waiting.first && !sink->ends)
    uv_cond_wait(&sink->added, &sink->lock);
  tp_block *block = sink->waiting.first ? tp_blocks_take(&sink->waiting) : NULL;
  uv_mutex_unlock(&sink->lock);
  return block;
}

/* The thread. */
static void run(void *context) {
  tp_sink *sink = context;
  tp_block *block;
  while ((block = take(sink))) {
    int failure = sink->failure ? sink->failure : write_block(sink->fd, block);
    free(block);
    sink->failure = failure;
  }
}

/* Starts the thread, which gets no signals: they are for those who wait for them. */
static bool start(tp_sink *sink) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = uv_thread_create(&sink->thread, run, sink) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

tp_sink *tp_sink_open(const char *path, tp_error *error) {
  tp_sink *sink = calloc(1, sizeof *sink);
  if (!sink)
    goto no_memory;
  sink->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (sink->fd < 0)
    goto no_file;
  if (uv_mutex_init(&sink->lock) != 0)
    goto close_file;
  if (uv_cond_init(&sink->added) != 0)
    goto destroy_lock;
  if (start(sink))
    return sink;
  uv_cond_destroy(&sink->added);
destroy_lock:
  uv_mutex_destroy(&sink->lock);
close_file:
  close(sink->fd);
no_memory:
  tp_fail(error, TP_NO_MEMORY, "no memory to write to '%s'", path);
  free(sink);
  return NULL;
no_file:
  tp_fail(error, TP_IO_ERROR, "cannot write to '%s': %s", path, strerror(errno));
  free(sink);
  return NULL;
}

bool tp_sink_add(tp_sink *sink, const char *bytes, size_t length) {
  uv_mutex_lock(&sink->lock);
  bool ok = sink->waiting.length + length <= TP_SINK_MAX;
  ok = ok && tp_blocks_append(&sink->waiting, bytes, length);
  uv_cond_signal(&sink->added);
  uv_mutex_unlock(&sink->lock);
  return ok;
}

bool tp_sink_close(tp_sink *sink, tp_error *error) {
  if (!sink)
    return true;
  uv_mutex_lock(&sink->lock);
  sink->ends = true;
  uv_cond_signal(&sink->added);
  uv_mutex_unlock(&sink->lock);
  uv_thread_join(&sink->thread);
  int failure = close(sink->fd) == 0 ? sink->failure : errno;
  uv_cond_destroy(&sink->added);
  uv_mutex_destroy(&sink->lock);
  tp_blocks_clear(&sink->waiting);
  free(sink);
  return failure == 0 ||
         tp_fail(error, TP_IO_ERROR, "a file was not written to its end: %s", strerror(failure));
}
