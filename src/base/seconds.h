/* SPDX-License-Identifier: MIT
 *
 * Seconds, as users write them, and nanoseconds, as clocks count them. */
#ifndef TP_BASE_SECONDS_H
#define TP_BASE_SECONDS_H

#include <stdint.h>
#include <time.h>

/* More nanoseconds than anything lasts; a sum of three does not overflow. */
#define TP_FOREVER (UINT64_MAX / 4)

/* Nanoseconds for seconds from 0 on; what is too long is TP_FOREVER. */
static inline uint64_t tp_seconds_to_nanoseconds(double seconds) {
  double nanoseconds = seconds * 1e9;
  return nanoseconds < (double)TP_FOREVER ? (uint64_t)nanoseconds : TP_FOREVER;
}

static inline double tp_seconds_of(uint64_t nanoseconds) {
  return (double)nanoseconds / 1e9;
}

/* Seconds to the millisecond, if the number is small enough for that. */
static inline double tp_seconds_round(double seconds) {
  return seconds < 1e12 ? (double)(int64_t)(seconds * 1000 + 0.5) / 1000 : seconds;
}

/* The time of day, in seconds since 1970. */
static inline double tp_seconds_wall(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
