/* SPDX-License-Identifier: MIT
 *
 * Lists that methods return row by row: one that is long is not made in one go for a control
 * session. A Lua caller gets it as one table.
 *
 * To return a list: a record that begins with a tp_rows, made by tp_rows_push; `is_list` in the
 * method's record. */
#ifndef TP_BINDING_ROWS_H
#define TP_BINDING_ROWS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a step has brought. */
typedef enum tp_rows_step {
  TP_ROWS_NONE,  /* nothing yet */
  TP_ROWS_FOUND, /* a row, which was pushed */
  TP_ROWS_END,   /* there are no more rows */
} tp_rows_step;

typedef struct tp_rows {
  tp_rows_step (*next)(struct tp_rows *rows, lua_State *L); /* takes a short step; may raise */
  void (*close)(struct tp_rows *rows);                      /* frees what it owns */
  uint64_t left;                                            /* rows that may still come */
  bool is_set; /* the rows are the members of a set, integers that rise; else integers or tables */
} tp_rows;

/* Pushes a userdata of `size` bytes, all zero but for its tp_rows, and returns it. */
void *tp_rows_push(lua_State *L, size_t size, const tp_rows *rows);

/* The rows at `index` of the stack. */
tp_rows *tp_rows_at(lua_State *L, int index);

/* Takes a step. At the end, closes the rows. */
tp_rows_step tp_rows_next(tp_rows *rows, lua_State *L);

/* Lua: replaces the rows on top by the table of all. */
int tp_rows_collect(lua_State *L);

#endif
