/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: what a Redis server has answered. It is input like any other: what does
 * not look as it must is an IOError. */
#ifndef TP_ENGINE_REDIS_ANSWER_H
#define TP_ENGINE_REDIS_ANSWER_H

#include "engine/query.h"
#include <hiredis/hiredis.h>

/* Fills the answer of a query, whose rows point into the reply. */
void tp_redis_answer_read(tp_query *query, const redisReply *reply);

/* The code of an error that a server has answered. */
tp_code tp_redis_answer_code(tp_span text);

/* The bytes of a string, status or error; none for anything else. */
tp_span tp_redis_answer_span(const redisReply *reply);

#endif
