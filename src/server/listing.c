/* SPDX-License-Identifier: MIT
 *
 * Answers that are lists, made in slices; see listing.h.
 *
 * How it works. One step is one row that is taken, one line that is laid out, or one block of text
 * that goes to the output; each is short. After each step the clock of the turn is asked, and when
 * the turn is over, the session's coroutine lets the others run. The values of the rows go to the
 * output as they come; the text follows when all are there, because the columns of a table are as
 * wide as their widest cells. A list that gets too long ends at once, unless what makes its rows is
 * to be done to its end. */
#include "server/listing.h"
#include "binding/rows.h"
#include "command/table.h"
#include "exec/wait.h"
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE "taskpool.listing"

/* What the steps do. */
typedef enum phase {
  TAKING,     /* take rows */
  LAYING_OUT, /* lay lines out */
  SENDING,    /* give text to the output */
  OVER,       /* nothing is left */
} phase;

typedef struct listing {
  tp_session *session; /* whose answer it is */
  tp_rows *rows;       /* at [1] */
  tp_table *table;     /* at [3], for rows that are tables; NULL: they are integers */
  tp_blocks members;   /* the text of these */
  uint64_t count;      /* rows so far */
  phase phase;         /* what comes next */
} listing;

/* The stack. */
enum { ROWS = 1, LISTING, TABLE, TOP = TABLE };

/* ---- steps ---- */

static tp_blocks *text_of(listing *of) {
  return of->table ? tp_table_text(of->table) : &of->members;
}

/* The text of the answer has at least so many bytes. */
static size_t text_length(const listing *of) {
  return of->table ? tp_table_length(of->table) : of->members.length;
}

static void add_text(listing *of, const char *text) {
  if (!tp_blocks_append(&of->members, text, strlen(text)))
    tp_output_fail(&of->session->output, UV_ENOMEM);
}

/* Adds the text of the integer on top. */
static void add_member(listing *of, lua_State *L) {
  char text[32];
  snprintf(text, sizeof text, "%s" LUA_INTEGER_FMT, of->count > 0 ? ", " : "",
           (LUAI_UACINT)lua_tointeger(L, -1));
  add_text(of, text);
}

/* Whether the answer is an error already, or nobody is there to read it. */
static bool is_lost(const listing *of) {
  const tp_output *output = &of->session->output;
  return output->failure != 0 || output->muted;
}

/* Adds the row on top. */
static void add_row(listing *of, lua_State *L) {
  tp_output *output = &of->session->output;
  if (is_lost(of))
    return;
  tp_answer_add_item(output, of->session->mode, L, of->count == 0);
  if (of->table)
    tp_table_add(of->table, L);
  else
    add_member(of, L);
  of->count++;
  if (!tp_output_has_room(output, text_length(of)))
    tp_output_fail(output, UV_ENOBUFS);
}

/* All rows are there. */
static void begin_text(listing *of) {
  tp_session *session = of->session;
  tp_answer_columns columns = {.fields = session->method->fields};
  if (of->table)
    columns.right = tp_table_right(of->table);
  else
    add_text(of, of->rows->is_set ? "}" : "]");
  of->phase = of->table ? LAYING_OUT : SENDING;
  tp_answer_begin_text(&session->output, session->mode, of->table ? &columns : NULL);
}

static void take(listing *of, lua_State *L) {
  switch (tp_rows_next(of->rows, L)) {
  case TP_ROWS_NONE:
  case TP_ROWS_WAITING: /* no list waits */
    break;
  case TP_ROWS_FOUND:
    add_row(of, L);
    lua_pop(L, 1);
    break;
  case TP_ROWS_END:
    begin_text(of);
  }
}

static void send_block(listing *of) {
  tp_session *session = of->session;
  tp_blocks *text = text_of(of);
  if (!text->first) {
    of->phase = OVER;
    return;
  }
  tp_block *block = tp_blocks_take(text);
  tp_answer_add_text(&session->output, session->mode, block->bytes, block->length);
  free(block);
}

static void take_step(listing *of, lua_State *L) {
  bool operates = of->session->method->role == TP_ROLE_OPERATE;
  if (of->phase == TAKING)
    take(of, L);
  else if (of->phase == SENDING)
    send_block(of);
  else if (!tp_table_lay_out(of->table))
    of->phase = SENDING;
  if (of->table && tp_table_has_failed(of->table))
    tp_output_fail(&of->session->output, UV_ENOMEM);
  if (is_lost(of) && (of->phase != TAKING || !operates))
    of->phase = OVER;
}

/* ---- slices ---- */

/* Lua: frees a listing. */
static int l_gc(lua_State *L) {
  listing *of = lua_touserdata(L, 1);
  tp_blocks_clear(&of->members);
  return 0;
}

static int go_on(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  tp_exec *exec = session->clients->host->exec;
  listing *of = lua_touserdata(L, LISTING);
  if (status == LUA_YIELD)
    tp_wait_values(exec, L, TOP);
  if (session->state == TP_SESSION_CLOSED)
    return 0;
  do
    take_step(of, L);
  while (of->phase != OVER && !tp_wait_must_give_way(exec, L));
  if (of->phase != OVER)
    return tp_wait_give_way(exec, L, go_on, context);
  tp_answer_end_list(&session->output, session->mode);
  session->busy = session->listing = false;
  return 0;
}

static void push_listing(lua_State *L, tp_session *session) {
  listing *of = lua_newuserdatauv(L, sizeof *of, 0);
  *of = (listing){.session = session, .rows = tp_rows_at(L, ROWS)};
  if (luaL_newmetatable(L, TYPE)) {
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  if (session->method->fields)
    of->table = tp_table_create(L, session->method->fields, session->width);
  else
    add_text(of, of->rows->is_set ? "{" : "[");
  lua_settop(L, TOP);
}

int tp_listing_run(lua_State *L, tp_session *session) {
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_settop(L, ROWS);
  tp_answer_begin_list(&session->output, session->mode);
  push_listing(L, session);
  session->listing = true;
  return go_on(L, LUA_OK, (lua_KContext)session);
}
