/* SPDX-License-Identifier: MIT
 *
 * The engine in a SQLite file, which several processes of one machine may share. It is not for a
 * file system of a network.
 *
 * A thread of its own has the file. It takes all queries that wait, runs them in one transaction
 * and hands them back. When it has nothing to do, it looks now and then for what other processes
 * have changed. */
#ifndef TP_ENGINE_SQLITE_H
#define TP_ENGINE_SQLITE_H

#include "engine/query.h"

extern const tp_engine_kind tp_sqlite_kind;

#endif
