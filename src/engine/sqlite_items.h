/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the items of a SQLite engine, from their submission to what came of
 * them. */
#ifndef TP_ENGINE_SQLITE_ITEMS_H
#define TP_ENGINE_SQLITE_ITEMS_H

#include "engine/query.h"
#include "engine/sqlite_file.h"

/* Takes back what the member in the row `num` holds. `is_lost`: the member has died, which items
 * survive only so often. Returns how many. */
size_t tp_sqlite_items_take_back(tp_sqlite_file *file, int64_t num, bool is_lost);

/* The queries; see engine.h. */
void tp_sqlite_items_submit(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_claim(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_held(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_done(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_results(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_dead(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_retry_dead(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_items_drop_dead(tp_sqlite_file *file, tp_query *query);

#endif
