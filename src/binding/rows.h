/* SPDX-License-Identifier: MIT
 *
 * Lists that methods return row by row: one that is long is not made in one go for a control
 * session. A Lua caller gets it as one table.
 *
 * A *stream* is a list whose rows come as things happen. Its `next` may say that there is none
 * before tp_rows_wake. A Lua caller gets an iterator, whose steps wait; a control session gets a
 * line for each row.
 *
 * To return a list: a record that begins with a tp_rows, made by tp_rows_push; `is_list` in the
 * method's record. */
#ifndef TP_BINDING_ROWS_H
#define TP_BINDING_ROWS_H

#include "exec/types.h"
#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a step has brought. */
typedef enum tp_rows_step {
  TP_ROWS_NONE,    /* nothing yet */
  TP_ROWS_WAITING, /* the same, and nothing will come before tp_rows_wake; only of a stream */
  TP_ROWS_FOUND,   /* a row, which was pushed */
  TP_ROWS_END,     /* there are no more rows */
} tp_rows_step;

/* What the reader of a stream makes of the rows. */
typedef enum tp_rows_form {
  TP_ROWS_TABLES, /* it wants the tables */
  TP_ROWS_TEXT,   /* lines for people */
  TP_ROWS_JSON,   /* lines of JSON */
} tp_rows_form;

typedef struct tp_rows {
  tp_rows_step (*next)(struct tp_rows *rows, lua_State *L); /* takes a short step; may raise */
  void (*close)(struct tp_rows *rows);                      /* frees what it owns */
  uint64_t left;                                            /* rows that may still come */
  bool is_set; /* the rows are the members of a set, integers that rise; else integers or tables */
  bool is_stream;    /* rows come as things happen; tables, or strings as `form` says */
  bool waits_in_lua; /* it is a stream for Lua code, if not for a control session */
  tp_rows_form form; /* set by the reader: instead of a table `next` may push its line, a string
                        without a line end */
  tp_wake_id reader; /* the park of who waits for a row of a stream; 0: nobody has waited yet */
  tp_exec *exec;     /* whose park that is */
} tp_rows;

/* Pushes a userdata of `size` bytes, all zero but for its tp_rows, and returns it. */
void *tp_rows_push(lua_State *L, size_t size, const tp_rows *rows);

/* Whether there are rows at `index` of the stack. */
bool tp_rows_are_at(lua_State *L, int index);

/* The rows at `index` of the stack. */
tp_rows *tp_rows_at(lua_State *L, int index);

/* Takes a step. At the end, closes the rows. */
tp_rows_step tp_rows_next(tp_rows *rows, lua_State *L);

/* There will be no more rows. */
void tp_rows_close(tp_rows *rows);

/* Parks the running coroutine until the stream is woken: `return tp_rows_park(…)`, with a
 * continuation as for tp_wait_park. */
int tp_rows_park(tp_rows *rows, lua_State *L, lua_KFunction k, lua_KContext context);

/* The reader of a stream, if it waits, takes another step at its next turn. */
void tp_rows_wake(const tp_rows *rows);

/* Lua: replaces the rows on top by the table of all. A stream raises InvalidArgument. */
int tp_rows_collect(lua_State *L);

/* Lua: replaces the rows on top by what Lua code gets: the table of all; of a stream, the four
 * values of a generic `for`, the first of which can be called for the next row. */
int tp_rows_return(lua_State *L);

#endif
