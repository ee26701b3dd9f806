/* SPDX-License-Identifier: MIT
 *
 * Answers that are being sent to a client; see output.h. */
#include "server/output.h"
#include <stdlib.h>
#include <string.h>

enum {
  FIRST_CAPACITY = 1024,     /* room for the answers of a person */
  KEPT_CAPACITY = 64 * 1024, /* a larger buffer is freed when it is empty */
};

void tp_output_open(tp_output *output, uv_stream_t *stream,
                    void (*written)(tp_output *output, int status)) {
  *output = (tp_output){.stream = stream, .written = written};
}

static void drop_buffer(tp_output *output) {
  free(output->bytes);
  output->bytes = NULL;
  output->length = output->capacity = 0;
}

void tp_output_close(tp_output *output) {
  drop_buffer(output);
  free(output->sending);
  output->sending = NULL;
}

static bool reserve(tp_output *output, size_t needed) {
  size_t capacity = output->capacity > 0 ? output->capacity : FIRST_CAPACITY;
  while (capacity < needed)
    capacity *= 2;
  if (capacity == output->capacity)
    return true;
  char *bytes = realloc(output->bytes, capacity);
  if (!bytes)
    return false;
  output->bytes = bytes;
  output->capacity = capacity;
  return true;
}

void tp_output_begin(tp_output *output) {
  output->answer = output->length;
  output->failure = 0;
}

bool tp_output_add(tp_output *output, const char *bytes, size_t length) {
  if (output->muted)
    return true;
  if (output->failure == 0 && length > TP_OUTPUT_MAX - tp_output_pending(output))
    output->failure = UV_ENOBUFS;
  if (output->failure == 0 && !reserve(output, output->length + length))
    output->failure = UV_ENOMEM;
  if (output->failure != 0)
    return false;
  memcpy(output->bytes + output->length, bytes, length);
  output->length += length;
  return true;
}

int tp_output_end(tp_output *output) {
  if (output->failure != 0)
    output->length = output->answer;
  return output->failure;
}

static void on_written(uv_write_t *request, int status) {
  tp_output *output = request->data;
  free(output->sending);
  output->sending = NULL;
  output->sending_length = 0;
  output->written(output, status);
}

/* Hands the buffer to libuv; the next answer begins a new one. */
static int send_buffer(tp_output *output) {
  uv_buf_t buffer = uv_buf_init(output->bytes, (unsigned)output->length);
  output->request.data = output;
  int status = uv_write(&output->request, output->stream, &buffer, 1, on_written);
  if (status != 0)
    return status;
  output->sending = output->bytes;
  output->sending_length = output->length;
  output->bytes = NULL;
  output->length = output->capacity = 0;
  return 0;
}

int tp_output_flush(tp_output *output) {
  if (output->failure != 0)
    return output->failure;
  if (output->length == 0 || output->sending)
    return 0;
  uv_buf_t buffer = uv_buf_init(output->bytes, (unsigned)output->length);
  int count = uv_try_write(output->stream, &buffer, 1);
  if (count < 0 && count != UV_EAGAIN)
    return count;
  size_t left = output->length - (size_t)(count > 0 ? count : 0);
  memmove(output->bytes, output->bytes + output->length - left, left);
  output->length = left;
  if (left > 0)
    return send_buffer(output);
  if (output->capacity > KEPT_CAPACITY)
    drop_buffer(output);
  return 0;
}

void tp_output_mute(tp_output *output) {
  drop_buffer(output);
  output->muted = true;
}

size_t tp_output_pending(const tp_output *output) {
  return output->length + output->sending_length;
}
