/* SPDX-License-Identifier: MIT
 *
 * A second connection; see side.h. */
#include "client/side.h"
#include <stdlib.h>

/* A person waits for the answer. */
#define TIMEOUT_SECONDS 2

void tp_side_close(tp_side *side) {
  if (side->is_open)
    tp_link_close(&side->link);
  side->is_open = false;
}

/* Connects to the pool. */
static bool open_link(tp_side *side, const tp_client_options *from, const char *pool) {
  tp_error silent;
  tp_client_options options = *from;
  options.timeout = TIMEOUT_SECONDS;
  json_t *answer = NULL;
  bool is_open = tp_link_open(&side->link, &options, 0, &silent) &&
                 (!pool || (answer = tp_link_use(&side->link, pool, &silent)));
  json_decref(answer);
  if (!is_open)
    tp_link_close(&side->link);
  return is_open;
}

json_t *tp_side_ask(tp_side *side, const tp_client_options *options, const char *pool,
                    const char *const *words) {
  tp_error silent;
  char *line = tp_link_join(words, true);
  json_t *answer = NULL, *value = NULL;
  if (line && !side->is_open)
    side->is_open = open_link(side, options, pool);
  if (line && side->is_open) {
    answer = tp_link_ask(&side->link, line, &silent);
    value = json_incref(json_object_get(answer, "value"));
    if (!answer)
      tp_side_close(side);
  }
  json_decref(answer);
  free(line);
  return value;
}
