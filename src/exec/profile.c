/* SPDX-License-Identifier: MIT
 *
 * What samples have found; see profile.h. */
#include "exec/profile.h"

#include <stdlib.h>
#include <string.h>

static const char others[] = "(others)";

/* The finding of a text, which is made if it is new. NULL: no memory. */
static tp_finding *find(tp_finding **all, const char *text) {
  tp_finding *found;
  size_t length = strlen(text);
  HASH_FIND(hh, *all, text, length, found);
  if (found)
    return found;
  if (HASH_COUNT(*all) >= TP_PROFILE_MAX && text != others)
    return find(all, others);
  found = calloc(1, sizeof *found + length + 1);
  if (!found)
    return NULL;
  memcpy(found->text, text, length + 1);
  HASH_ADD(hh, *all, text, length, found);
  if (found->hh.tbl)
    return found;
  free(found);
  return NULL;
}

static void add(tp_finding **all, const char *text, uint64_t count) {
  tp_finding *found = find(all, text);
  if (found)
    found->count += count;
}

void tp_profile_add(tp_profile *profile, const char *stack, const char *line, uint64_t count) {
  profile->samples += count;
  add(&profile->stacks, stack, count);
  add(&profile->lines, line, count);
}

/* The more frequent one comes first; among equals, the one of the smaller text. */
static int compare(const tp_finding *a, const tp_finding *b) {
  if (a->count != b->count)
    return a->count < b->count ? 1 : -1;
  return strcmp(a->text, b->text);
}

void tp_profile_sort(tp_profile *profile) {
  HASH_SORT(profile->stacks, compare);
  HASH_SORT(profile->lines, compare);
}

static void clear(tp_finding **all) {
  tp_finding *found, *next;
  HASH_ITER(hh, *all, found, next) {
    HASH_DEL(*all, found);
    free(found);
  }
}

void tp_profile_clear(tp_profile *profile) {
  clear(&profile->stacks);
  clear(&profile->lines);
  *profile = (tp_profile){0};
}
