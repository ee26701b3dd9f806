/* SPDX-License-Identifier: MIT
 *
 * Words that could stand at a place of a command line, each with one line of help, as rows of
 * tables (rows.h). Names of groups and tasks are looked for while the rows are taken, so that a
 * pool with very many of them does not hold the loop. */
#ifndef TP_BINDING_CANDIDATES_H
#define TP_BINDING_CANDIDATES_H

#include "pool/pool.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* How many candidates there are at most. */
#define TP_CANDIDATES_MAX 200

/* The fields of a row. */
extern const char *const tp_candidates_fields[];

typedef struct tp_candidates tp_candidates;

/* Pushes rows without a candidate, for the words that begin with the `length` bytes at `typed`. Of
 * these the first `head` stand before the value, as "--group=" does; each candidate has them, too.
 * What is typed of a value may begin with a quote. */
tp_candidates *tp_candidates_push(lua_State *L, const char *typed, size_t length, size_t head);

/* What is typed of the value, without its quote. */
const char *tp_candidates_typed(const tp_candidates *of);

/* Adds a word, with its help, if it begins as what is typed. A value that is not one plain word is
 * put in quotes. False: there are enough. */
bool tp_candidates_add(tp_candidates *of, const char *word, const char *help);

/* The same for a word that is known to fit what is typed, such as an option in another spelling. */
bool tp_candidates_add_fitting(tp_candidates *of, const char *word, const char *help);

/* Goes on with the groups of the pool, or with its running tasks, by their ids. */
void tp_candidates_add_groups(tp_candidates *of, tp_pool *pool);
void tp_candidates_add_tasks(tp_candidates *of, tp_pool *pool);

#endif
