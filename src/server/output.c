/* SPDX-License-Identifier: MIT
 *
 * Answers that are being sent to a client; see output.h. */
#include "server/output.h"
#include <string.h>

/* A larger buffer is freed when it is empty. */
enum { KEPT_CAPACITY = 64 * 1024 };

void tp_output_open(tp_output *output, uv_stream_t *stream,
                    void (*written)(tp_output *output, int status)) {
  *output = (tp_output){.stream = stream, .written = written};
}

void tp_output_close(tp_output *output) {
  tp_bytes_clear(&output->waiting);
  tp_bytes_clear(&output->sending);
}

void tp_output_begin(tp_output *output) {
  output->answer = output->waiting.length;
  output->failure = 0;
}

bool tp_output_add(tp_output *output, const char *bytes, size_t length) {
  if (output->muted)
    return true;
  if (output->failure == 0 && length > TP_OUTPUT_MAX - tp_output_pending(output))
    output->failure = UV_ENOBUFS;
  if (output->failure == 0 && !tp_bytes_append(&output->waiting, bytes, length))
    output->failure = UV_ENOMEM;
  return output->failure == 0;
}

int tp_output_end(tp_output *output) {
  if (output->failure != 0)
    output->waiting.length = output->answer;
  return output->failure;
}

static void on_written(uv_write_t *request, int status) {
  tp_output *output = request->data;
  tp_bytes_clear(&output->sending);
  output->written(output, status);
}

/* Hands the buffer to libuv; the next answer begins a new one. */
static int send_buffer(tp_output *output) {
  uv_buf_t buffer = uv_buf_init(output->waiting.data, (unsigned)output->waiting.length);
  output->request.data = output;
  int status = uv_write(&output->request, output->stream, &buffer, 1, on_written);
  if (status != 0)
    return status;
  output->sending = output->waiting;
  output->waiting = (tp_bytes){0};
  return 0;
}

bool tp_output_is_sending(const tp_output *output) {
  return output->sending.data != NULL;
}

int tp_output_flush(tp_output *output) {
  tp_bytes *waiting = &output->waiting;
  if (output->failure != 0)
    return output->failure;
  if (waiting->length == 0 || tp_output_is_sending(output))
    return 0;
  uv_buf_t buffer = uv_buf_init(waiting->data, (unsigned)waiting->length);
  int count = uv_try_write(output->stream, &buffer, 1);
  if (count < 0 && count != UV_EAGAIN)
    return count;
  size_t left = waiting->length - (size_t)(count > 0 ? count : 0);
  memmove(waiting->data, waiting->data + waiting->length - left, left);
  waiting->length = left;
  if (left > 0)
    return send_buffer(output);
  if (waiting->capacity > KEPT_CAPACITY)
    tp_bytes_clear(waiting);
  return 0;
}

void tp_output_mute(tp_output *output) {
  tp_bytes_clear(&output->waiting);
  output->muted = true;
}

size_t tp_output_pending(const tp_output *output) {
  return output->waiting.length + output->sending.length;
}
