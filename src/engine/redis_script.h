/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the scripts that a Redis server runs, one for each query. They are the
 * files in redis/, built in. A server is asked for them by their hashes, which it tells when it
 * loads them. */
#ifndef TP_ENGINE_REDIS_SCRIPT_H
#define TP_ENGINE_REDIS_SCRIPT_H

#include "base/span.h"
#include "engine/query.h"

/* The length of a hash. */
#define TP_REDIS_SCRIPT_HASH 40

/* The text of the script of a query. */
tp_span tp_redis_script_text(tp_verb verb);

#endif
