/* SPDX-License-Identifier: MIT
 *
 * Why a task is cancelled; see cancel.h. */
#include "pool/cancel.h"
#include "base/seconds.h"

#include <stdlib.h>
#include <string.h>

tp_cancel *tp_cancel_create(tp_code code, const char *who, const char *message, double grace) {
  size_t size = message ? strlen(message) + 1 : 1;
  tp_cancel *cancel = malloc(sizeof *cancel + size);
  if (!cancel)
    return NULL;
  *cancel = (tp_cancel){
      .references = 1, .code = code, .when = tp_seconds_wall(), .grace = grace, .who = who};
  memcpy(cancel->message, message ? message : "", size);
  return cancel;
}

tp_cancel *tp_cancel_copy(const tp_cancel *cancel, double grace) {
  tp_cancel *copy = tp_cancel_create(cancel->code, cancel->who, cancel->message, grace);
  if (copy)
    copy->when = cancel->when;
  return copy;
}

tp_cancel *tp_cancel_keep(tp_cancel *cancel) {
  atomic_fetch_add_explicit(&cancel->references, 1, memory_order_relaxed);
  return cancel;
}

void tp_cancel_release(tp_cancel *cancel) {
  if (cancel && atomic_fetch_sub(&cancel->references, 1) == 1)
    free(cancel);
}
