/* SPDX-License-Identifier: MIT
 *
 * Failures that nobody has looked at; see failures.h. */
#include "host/failures.h"
#include "base/fail.h"
#include "base/vec.h"
#include "host/host.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- submitted calls ---- */

/* The place of that pool, which is added if it is new; without memory for it, the first place. */
static size_t find(tp_failures *failures, const char *pool) {
  for (size_t i = 0; i < failures->count; i++)
    if (strcmp(failures->pools[i].pool, pool) == 0)
      return i;
  tp_unawaited *pools =
      tp_vec_reserve(failures->pools, &failures->capacity, failures->count + 1, sizeof *pools);
  if (pools)
    failures->pools = pools;
  char *label = pools ? strdup(pool) : NULL;
  if (!label)
    return 0;
  pools[failures->count] = (tp_unawaited){.pool = label};
  return failures->count++;
}

size_t tp_failures_add(tp_failures *failures, const char *pool) {
  size_t where = find(failures, pool);
  if (where < failures->count)
    failures->pools[where].count++;
  return where;
}

void tp_failures_remove(tp_failures *failures, size_t where) {
  if (where < failures->count)
    failures->pools[where].count--;
}

const char *tp_failures_pool(const tp_failures *failures, size_t where) {
  const char *pool = where < failures->count ? failures->pools[where].pool : "";
  return *pool ? pool : NULL;
}

void tp_failures_clear(tp_failures *failures) {
  for (size_t i = 0; i < failures->count; i++)
    free(failures->pools[i].pool);
  free(failures->pools);
  *failures = (tp_failures){0};
}

/* ---- all of them ---- */

/* How many places are named. */
enum { NAMED_MAX = 5 };

/* What is said about them. */
typedef struct summary {
  uint64_t failed;  /* tasks and calls */
  unsigned places;  /* groups, and pools with submitted calls */
  char words[1500]; /* the first places */
} summary;

/* Adds failures; `where` and `name` say where they were, such as "in group " and its name. */
static void add(summary *of, uint64_t count, const char *where, const char *name,
                const char *pool) {
  if (count == 0)
    return;
  size_t length = strlen(of->words);
  of->failed += count;
  if (of->places++ < NAMED_MAX)
    snprintf(of->words + length, sizeof of->words - length, "%s%" PRIu64 " %s%.100s%s%.100s",
             length ? ", " : "", count, where, name, *pool ? " of " : "", pool);
}

bool tp_host_check_failures(const tp_host *host, tp_error *error) {
  summary all = {0};
  const tp_pool *pool;
  const tp_group *group;
  TAILQ_FOREACH (pool, &host->pools, host_link)
    TAILQ_FOREACH (group, &pool->groups, pool_link)
      add(&all, group->unseen, "in group ", tp_group_label(group), pool->label);
  for (size_t i = 0; i < host->failures.count; i++)
    add(&all, host->failures.pools[i].count, "submitted to ", host->failures.pools[i].pool, "");
  if (all.failed == 0)
    return true;
  char more[40] = "";
  if (all.places > NAMED_MAX)
    snprintf(more, sizeof more, ", and in %u more", all.places - NAMED_MAX);
  bool is_one = all.failed == 1;
  return tp_fail(error, TP_TASK_FAILED, "%" PRIu64 " %s failed, and nothing has looked at %s: %s%s",
                 all.failed, is_one ? "task" : "tasks", is_one ? "its error" : "their errors",
                 all.words, more);
}
