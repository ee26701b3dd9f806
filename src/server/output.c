/* SPDX-License-Identifier: MIT
 *
 * Answers that are being sent to a client; see output.h. */
#include "server/output.h"
#include <stdlib.h>

/* Blocks that are written at a time. */
enum { BUFFERS = 16 };

void tp_output_open(tp_output *output, uv_stream_t *stream, size_t max,
                    void (*written)(tp_output *output, int status)) {
  *output = (tp_output){.stream = stream, .written = written, .max = max};
}

void tp_output_close(tp_output *output) {
  tp_blocks_clear(&output->answer);
  tp_blocks_clear(&output->waiting);
  free(output->sending);
}

void tp_output_begin(tp_output *output) {
  tp_blocks_empty(&output->answer);
  output->failure = 0;
}

bool tp_output_has_room(const tp_output *output, size_t more) {
  return more <= output->max &&
         output->answer.length + tp_output_pending(output) <= output->max - more;
}

void tp_output_fail(tp_output *output, int failure) {
  if (output->failure == 0)
    output->failure = failure;
}

bool tp_output_add(tp_output *output, const char *bytes, size_t length) {
  if (output->muted)
    return true;
  if (!tp_output_has_room(output, length))
    tp_output_fail(output, UV_ENOBUFS);
  if (output->failure == 0 && !tp_blocks_append(&output->answer, bytes, length))
    tp_output_fail(output, UV_ENOMEM);
  return output->failure == 0;
}

int tp_output_end(tp_output *output) {
  if (output->failure == 0)
    tp_blocks_move(&output->waiting, &output->answer);
  return output->failure;
}

static void on_written(uv_write_t *request, int status) {
  tp_output *output = request->data;
  free(output->sending);
  output->sending = NULL;
  output->unsent = 0;
  output->written(output, status);
}

/* Hands the last `unsent` bytes of a block to libuv. */
static int send_block(tp_output *output, tp_block *block, size_t unsent) {
  uv_buf_t buffer = uv_buf_init(block->bytes + block->length - unsent, (unsigned)unsent);
  output->request.data = output;
  int status = uv_write(&output->request, output->stream, &buffer, 1, on_written);
  if (status != 0) {
    free(block);
    return status;
  }
  output->sending = block;
  output->unsent = unsent;
  return 0;
}

bool tp_output_is_sending(const tp_output *output) {
  return output->sending;
}

/* Writes the first blocks, of about TP_BLOCK_MAX bytes. Returns how many the system has taken, or
 * an error of libuv. */
static int try_write(const tp_output *output) {
  uv_buf_t buffers[BUFFERS];
  size_t length = 0;
  unsigned count = 0;
  for (tp_block *block = output->waiting.first;
       block && count < BUFFERS && (count == 0 || length + block->length <= TP_BLOCK_MAX);
       block = block->next) {
    buffers[count++] = uv_buf_init(block->bytes, (unsigned)block->length);
    length += block->length;
  }
  int written = uv_try_write(output->stream, buffers, count);
  return written == UV_EAGAIN ? 0 : written;
}

int tp_output_flush(tp_output *output) {
  tp_blocks *waiting = &output->waiting;
  if (output->failure != 0)
    return output->failure;
  if (waiting->length == 0 || tp_output_is_sending(output))
    return 0;
  int written = try_write(output);
  if (written < 0)
    return written;
  size_t done = (size_t)written;
  if (done == waiting->length) {
    tp_blocks_empty(waiting);
    return 0;
  }
  for (; done >= waiting->first->length; free(tp_blocks_take(waiting)))
    done -= waiting->first->length;
  tp_block *next = tp_blocks_take(waiting);
  return send_block(output, next, next->length - done);
}

void tp_output_mute(tp_output *output) {
  tp_blocks_clear(&output->answer);
  tp_blocks_clear(&output->waiting);
  output->muted = true;
}

size_t tp_output_pending(const tp_output *output) {
  return output->waiting.length + output->unsent;
}
