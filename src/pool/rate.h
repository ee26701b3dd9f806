/* SPDX-License-Identifier: MIT
 *
 * How many tasks may start in how much time: a bucket that holds `burst` tokens, gets n more of
 * them evenly over `per` seconds, and gives one to each start.
 *
 * How it works. There is no count: the record only says when the bucket will be full (`full_at`).
 * Each token taken puts that off by the time that one takes to come; there is a token as long as it
 * is less than burst tokens away. Times are nanoseconds of the caller's clock, which never goes
 * back. */
#ifndef TP_POOL_RATE_H
#define TP_POOL_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* A token that is taken late by up to this (a timer counts in milliseconds, the loop was busy) does
 * not put off those after it, or a high rate would never be reached. */
#define TP_RATE_LATE UINT64_C(10000000)

typedef struct tp_rate {
  uint64_t interval; /* between two tokens, at least 1; 0: no limit */
  uint64_t slack;    /* in which all tokens of a burst but one come */
  uint64_t full_at;  /* when the bucket is full again */
} tp_rate;

/* A full bucket of `burst` tokens, to which `n` come in `per` seconds; all of them above 0. */
tp_rate tp_rate_make(uint64_t n, double per, uint64_t burst);

/* When the next token is there: it is if that is not after now. */
uint64_t tp_rate_due(const tp_rate *rate);

/* How many tokens are there. */
uint64_t tp_rate_ready(const tp_rate *rate, uint64_t now);

/* Takes a token that is there. */
void tp_rate_take(tp_rate *rate, uint64_t now);

#endif
