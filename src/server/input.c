/* SPDX-License-Identifier: MIT
 *
 * What a client has sent; see input.h. */
#include "server/input.h"
#include <stdlib.h>
#include <string.h>

bool tp_input_open(tp_input *input, size_t longest) {
  *input = (tp_input){.bytes = malloc(longest + 1), .capacity = longest + 1};
  return input->bytes != NULL;
}

void tp_input_set_limit(tp_input *input, size_t longest) {
  input->capacity = longest + 1;
}

void tp_input_close(tp_input *input) {
  free(input->bytes);
  *input = (tp_input){0};
}

void tp_input_space(const tp_input *input, char **bytes, size_t *length) {
  *bytes = input->bytes + input->end;
  *length = input->capacity - input->end;
}

bool tp_input_is_full(const tp_input *input) {
  return input->end == input->capacity;
}

void tp_input_add(tp_input *input, size_t count) {
  input->end += count;
}

void tp_input_finish(tp_input *input) {
  if (input->end > input->start && input->bytes[input->end - 1] != '\n')
    input->bytes[input->end++] = '\n';
}

void tp_input_clear(tp_input *input) {
  input->start = input->end = input->searched = input->scanned = 0;
  input->stop = NULL;
}

bool tp_input_has_line(tp_input *input) {
  if (!input->stop && input->searched < input->end) {
    input->stop = memchr(input->bytes + input->searched, '\n', input->end - input->searched);
    input->searched = input->end;
  }
  return input->stop != NULL;
}

bool tp_input_find(tp_input *input, const char *word) {
  const char *stop;
  bool found = false;
  if (input->scanned < input->start)
    input->scanned = input->start;
  while ((stop = memchr(input->bytes + input->scanned, '\n', input->end - input->scanned))) {
    const char *start = input->bytes + input->scanned;
    tp_span line =
        tp_span_trim((tp_span){.bytes = start, .length = (size_t)(stop - start)}, " \t\r");
    found = found || (line.length == strlen(word) && memcmp(line.bytes, word, line.length) == 0);
    input->scanned = (size_t)(stop + 1 - input->bytes);
  }
  return found;
}

bool tp_input_take_line(tp_input *input, tp_span *line) {
  if (!tp_input_has_line(input))
    return false;
  const char *start = input->bytes + input->start;
  tp_span whole = {.bytes = start, .length = (size_t)(input->stop - start)};
  *line = tp_span_trim_start(tp_span_trim_end(whole, "\r"), " \t\r");
  input->start = input->searched = (size_t)(input->stop + 1 - input->bytes);
  input->stop = NULL;
  return true;
}

void tp_input_give_back(tp_input *input, const char *from) {
  input->start = input->searched = (size_t)(from - input->bytes);
  input->stop = NULL;
}

bool tp_input_has_part(const tp_input *input) {
  return input->start < input->end;
}

void tp_input_compact(tp_input *input) {
  if (input->start == 0)
    return;
  size_t shift = input->start;
  memmove(input->bytes, input->bytes + shift, input->end - shift);
  input->start = 0;
  input->end -= shift;
  input->searched -= shift;
  input->scanned = input->scanned > shift ? input->scanned - shift : 0;
  if (input->stop)
    input->stop -= shift;
}
