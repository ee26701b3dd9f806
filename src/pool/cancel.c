/* SPDX-License-Identifier: MIT
 *
 * Why a task is cancelled; see cancel.h. */
#include "pool/cancel.h"

#include <stdlib.h>
#include <string.h>

tp_cancel *tp_cancel_create(tp_code code, const char *who, const char *message, double when,
                            double grace) {
  size_t size = message ? strlen(message) + 1 : 1;
  tp_cancel *cancel = malloc(sizeof *cancel + size);
  if (!cancel)
    return NULL;
  *cancel = (tp_cancel){.references = 1, .code = code, .when = when, .grace = grace, .who = who};
  memcpy(cancel->message, message ? message : "", size);
  return cancel;
}

tp_cancel *tp_cancel_keep(tp_cancel *cancel) {
  cancel->references++;
  return cancel;
}

void tp_cancel_release(tp_cancel *cancel) {
  if (cancel && --cancel->references == 0)
    free(cancel);
}
