/* SPDX-License-Identifier: MIT
 *
 * What was found by taking samples of the Lua code that runs: how often each stack, and each line.
 * Knows nothing of how samples are taken (sampler.h). */
#ifndef TP_EXEC_PROFILE_H
#define TP_EXEC_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

/* How many different stacks, and lines, are kept; further ones are counted as one, "(others)". */
#define TP_PROFILE_MAX 20000

/* How often something was found. */
typedef struct tp_finding {
  uint64_t count;    /* samples */
  UT_hash_handle hh; /* among those of its kind, by its text */
  char text[];       /* a stack as "frame;frame;frame", or a line as "file:line function" */
} tp_finding;

typedef struct tp_profile {
  uint64_t samples;   /* all of them */
  tp_finding *stacks; /* a uthash */
  tp_finding *lines;  /* a uthash */
} tp_profile;

/* Adds a stack that was found `count` times, and its innermost line. */
void tp_profile_add(tp_profile *profile, const char *stack, const char *line, uint64_t count);

/* Sorts the findings, the most frequent first: from there on through hh.next. */
void tp_profile_sort(tp_profile *profile);

/* Forgets all. */
void tp_profile_clear(tp_profile *profile);

#endif
