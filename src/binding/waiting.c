/* SPDX-License-Identifier: MIT
 *
 * The tasks that a pool has accepted and not started; see waiting.h.
 *
 * They are not there yet: a group knows how many it has, and, unless an iterator makes them, their
 * arguments. A step gives one of them, by its place in the group. */
#include "binding/waiting.h"
#include "binding/rows.h"
#include "exec/call.h"
#include "pool/view.h"
#include "value/brief.h"

#include <lauxlib.h>

/* A walk over the groups of a pool. */
typedef struct waiting_rows {
  tp_rows rows;
  tp_walk walk;    /* stands at the present group */
  bool has_group;  /* only tasks of one group */
  uint64_t group;  /* its number */
  uint64_t inside; /* the number of the group that `next` is of, + 1; 0: of none */
  uint64_t next;   /* the place of the next task in it */
} waiting_rows;

/* Pushes the table of a task. */
static void push_row(lua_State *L, const tp_group *group, uint64_t number) {
  char text[120] = "";
  tp_view view = tp_view_group(group);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_pushstring(L, group->name);
  if (tp_call_push_waiting(group, number, L)) {
    tp_brief_write_list(L, -1, text, sizeof text);
    lua_pop(L, 1);
  }
  lua_createtable(L, 0, 5);
  lua_insert(L, -2);
  lua_setfield(L, -2, "group");
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, "number");
  lua_pushliteral(L, "waiting");
  lua_setfield(L, -2, "state");
  lua_pushstring(L, view.why);
  lua_setfield(L, -2, "why");
  if (text[0]) {
    lua_pushstring(L, text);
    lua_setfield(L, -2, "args");
  }
}

/* Whether the group has a task at `next` that waits. Those before it may have started meanwhile. */
static bool has_next(waiting_rows *of, const tp_group *group) {
  if ((of->has_group && group->number != of->group) || !tp_group_is_feeding(group) || !group->call)
    return false;
  if (of->inside != group->number + 1 || of->next < group->started)
    of->next = group->started;
  of->inside = group->number + 1;
  return of->next < group->started + group->pool->ops->waiting(group);
}

static tp_rows_step next_waiting(tp_rows *rows, lua_State *L) {
  waiting_rows *of = (waiting_rows *)rows;
  const tp_group *group = of->walk.pool ? of->walk.group : NULL;
  if (!group)
    return TP_ROWS_END;
  if (!has_next(of, group)) {
    of->walk.group = TAILQ_NEXT(group, pool_link);
    return TP_ROWS_NONE;
  }
  push_row(L, group, of->next++);
  return TP_ROWS_FOUND;
}

static void close_waiting(tp_rows *rows) {
  tp_walk_close(&((waiting_rows *)rows)->walk);
}

void tp_waiting_push(lua_State *L, tp_pool *pool, const tp_group *group, uint64_t most) {
  const tp_rows rows = {.next = next_waiting, .close = close_waiting, .left = most};
  waiting_rows *of = tp_rows_push(L, sizeof *of, &rows);
  tp_walk_open(&of->walk, pool);
  of->has_group = group;
  of->group = group ? group->number : 0;
}
