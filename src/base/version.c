/* SPDX-License-Identifier: MIT
 *
 * The version of the library. */
#include "taskpool.h"

const char *tp_version(void) {
  return TP_VERSION;
}
