/* SPDX-License-Identifier: MIT
 *
 * The engine on a Redis server, 6.2 or later, or on Valkey, by hiredis.
 *
 * Each query is one script that runs in the server as one (redis/ has them, and which keys there
 * are). There are two connections: one for queries, one for events. When one of them is lost, both
 * are closed, what was asked fails, and after a pause, which grows, both are made anew. */
#ifndef TP_ENGINE_REDIS_H
#define TP_ENGINE_REDIS_H

#include "engine/query.h"

extern const tp_engine_kind tp_redis_kind;

#endif
