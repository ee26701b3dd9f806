/* SPDX-License-Identifier: MIT
 *
 * Private to src/engine/: the members of a SQLite engine. The queries; see engine.h. */
#ifndef TP_ENGINE_SQLITE_MEMBERS_H
#define TP_ENGINE_SQLITE_MEMBERS_H

#include "engine/query.h"
#include "engine/sqlite_file.h"

void tp_sqlite_members_join(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_members_beat(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_members_reap(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_members_leave(tp_sqlite_file *file, tp_query *query);
void tp_sqlite_members_list(tp_sqlite_file *file, tp_query *query);

#endif
