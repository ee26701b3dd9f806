/* SPDX-License-Identifier: MIT
 *
 * The pool that the commands of one client go to. It is chosen when it is first asked for, or by
 * `use`, and kept alive from then on. */
#ifndef TP_SERVER_TARGET_H
#define TP_SERVER_TARGET_H

#include "pool/pool.h"
#include "server/served.h"
#include <lua.h>
#include <stdbool.h>

typedef struct tp_target {
  const tp_served *served; /* the pools that can be chosen */
  tp_pool *pool;           /* the one chosen; NULL: none was there yet */
  int reference;           /* where the registry keeps its userdata */
} tp_target;

void tp_target_open(tp_target *target, const tp_served *served);
void tp_target_close(tp_target *target, lua_State *L);

/* Chooses `pool`. False: it is being collected. May raise for lack of memory, as all below. */
bool tp_target_use(tp_target *target, lua_State *L, tp_pool *pool);

/* The pool called `word`. Raises NotFound, InvalidArgument where two may be meant. */
tp_pool *tp_target_find(const tp_target *target, lua_State *L, const char *word);

/* How it prints, and which methods it has (TP_ON_…); without a pool "no pool" and all methods. */
const char *tp_target_label(tp_target *target, lua_State *L);
int tp_target_kind(tp_target *target, lua_State *L);

#endif
