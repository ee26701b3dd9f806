/* SPDX-License-Identifier: MIT
 *
 * What a client has sent: bytes are added at the end, lines are taken from the start.
 *
 * The buffer is as long as the longest line with its end and never grows. Handing out a line moves
 * nothing, so the line stays where it is until tp_input_compact. */
#ifndef TP_SERVER_INPUT_H
#define TP_SERVER_INPUT_H

#include "base/span.h"
#include <stdbool.h>
#include <stddef.h>

/* The longest line, without its end: as a rule, and before a token has come. */
#define TP_INPUT_LINE_MAX 65536
#define TP_INPUT_LINE_FIRST 1024

typedef struct tp_input {
  char *bytes;      /* the buffer */
  size_t capacity;  /* how many bytes it may hold for now */
  size_t start;     /* where the next line begins */
  size_t end;       /* where the next bytes go */
  size_t searched;  /* no line end between `start` and here */
  const char *stop; /* the end of the next line, NULL: not known yet */
  size_t scanned;   /* where tp_input_find goes on: the start of a line */
} tp_input;

/* Opens an input whose lines have at most `longest` bytes. False: no memory. */
bool tp_input_open(tp_input *input, size_t longest);

/* From now on lines have at most `longest` bytes, which is no more than it was opened with. */
void tp_input_set_limit(tp_input *input, size_t longest);

void tp_input_close(tp_input *input);

/* The free part of the buffer, to be written to. */
void tp_input_space(const tp_input *input, char **bytes, size_t *length);

/* True if there is none. */
bool tp_input_is_full(const tp_input *input);

/* `count` bytes have been written to the space. */
void tp_input_add(tp_input *input, size_t count);

/* No more bytes will come: an unfinished line becomes a line. Needs space for one byte. */
void tp_input_finish(tp_input *input);

/* Discards all bytes. */
void tp_input_clear(tp_input *input);

bool tp_input_has_line(tp_input *input);

/* Whether one of the lines that have come since the last call, and were not taken, is `word`. */
bool tp_input_find(tp_input *input, const char *word);

/* Takes the next line, without its end and the blanks before it. False: there is none. */
bool tp_input_take_line(tp_input *input, tp_span *line);

/* Gives the part of the line taken last from `from` on back: it is the next line. */
void tp_input_give_back(tp_input *input, const char *from);

/* True if there are bytes of an unfinished line. To be asked when no line is left. */
bool tp_input_has_part(const tp_input *input);

/* Moves what is left to the start of the buffer, over the lines that were taken. */
void tp_input_compact(tp_input *input);

#endif
