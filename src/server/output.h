/* SPDX-License-Identifier: MIT
 *
 * Answers that are being sent to a client.
 *
 * An answer is made between tp_output_begin and tp_output_end, and waits whole or not at all: no
 * more than `max` bytes are unread by a client. It may be made in several turns of the
 * loop. A flush writes some of what waits, and hands one block of the rest to libuv. The owner
 * flushes again when that is written: so a long answer does not hold the loop. For a client that is
 * gone the output is muted: answers are discarded. */
#ifndef TP_SERVER_OUTPUT_H
#define TP_SERVER_OUTPUT_H

#include "base/blocks.h"
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* How many bytes may wait for a client to read them, as a rule. */
#define TP_OUTPUT_MAX (8u * 1024 * 1024)

/* While so many bytes are unread, no more commands are run. */
#define TP_OUTPUT_HIGH (256u * 1024)

typedef struct tp_output {
  uv_stream_t *stream;                             /* where answers go; the owner's */
  void (*written)(struct tp_output *, int status); /* called when a request is done */
  tp_blocks answer;                                /* the answer that is being made */
  tp_blocks waiting;                               /* answers not yet handed over */
  tp_block *sending;  /* what the request writes; NULL: none is under way */
  size_t unsent;      /* how many bytes of it, up to its end */
  uv_write_t request; /* the write under way */
  int failure;        /* why the last answer did not fit, see tp_output_end */
  size_t max;         /* how many bytes may be unread */
  bool muted;         /* nobody is there to read; everything is discarded */
} tp_output;

/* `max` is how many bytes may be unread. */
void tp_output_open(tp_output *output, uv_stream_t *stream, size_t max,
                    void (*written)(tp_output *output, int status));

/* Frees the buffers; the stream must be closed. */
void tp_output_close(tp_output *output);

/* The bytes that are added from here on are one answer. What was added to one that has not been
 * completed is discarded. */
void tp_output_begin(tp_output *output);

/* Adds bytes to the answer. False: they do not fit, and nothing more is taken for this answer. */
bool tp_output_add(tp_output *output, const char *bytes, size_t length);

/* The answer does not fit, for that error of libuv. */
void tp_output_fail(tp_output *output, int failure);

/* Whether the answer could have `more` bytes. */
bool tp_output_has_room(const tp_output *output, size_t more);

/* Completes the answer. Not 0: it did not fit and was taken back. UV_ENOBUFS: more than
 * `max` bytes would be unread; UV_ENOMEM. */
int tp_output_end(tp_output *output);

/* True while a request is under way. */
bool tp_output_is_sending(const tp_output *output);

/* Sends some of what is there. 0, or an error of libuv; that of tp_output_end if no answer has
 * fitted since. */
int tp_output_flush(tp_output *output);

/* Discards what has not been handed over, and all that is added from now on. */
void tp_output_mute(tp_output *output);

/* The number of bytes of complete answers that have not been sent. */
size_t tp_output_pending(const tp_output *output);

#endif
