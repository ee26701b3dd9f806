/* SPDX-License-Identifier: MIT
 *
 * The scripts of a Redis engine; see redis_script.h. */
#include "engine/redis_script.h"

#include <redis_scripts.h>

static const struct {
  const unsigned char *text; /* of the script, with common.lua before it */
  size_t length;             /* its bytes */
} scripts[TP_VERB_COUNT] = {
#define SCRIPT_ROW(member, name) [TP_VERB_##member] = {script_##name, sizeof script_##name},
    TP_VERBS(SCRIPT_ROW)
#undef SCRIPT_ROW
};

tp_span tp_redis_script_text(tp_verb verb) {
  return (tp_span){(const char *)scripts[verb].text, scripts[verb].length};
}
