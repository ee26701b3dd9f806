/* SPDX-License-Identifier: MIT
 *
 * Answers that are made of tables; see table.h.
 *
 * How it works. First each cell becomes a string in one Lua table, and each column as wide as its
 * widest cell. Then the text is put together from these strings. */
#include "command/table.h"
#include "base/utf8.h"
#include "command/help.h"
#include "command/spelling.h"
#include "value/text.h"
#include <lauxlib.h>
#include <string.h>

enum {
  GAP = 2,       /* between two columns */
  LAST_MIN = 12, /* the last column is at least so wide */
};

typedef struct grid {
  lua_State *L;
  int source;                    /* slot of the list */
  int cells;                     /* slot of the strings, row by row; the titles are the first row */
  int columns;                   /* fields of a row */
  lua_Integer rows;              /* including the titles */
  int widths[TP_TABLE_FIELDS];   /* columns of the terminal that the widest cell takes */
  bool numbers[TP_TABLE_FIELDS]; /* the column has numbers … */
  bool texts[TP_TABLE_FIELDS];   /* … and other values; only columns of numbers are set right */
  int last;                      /* how wide the last column may be */
} grid;

/* ---- cells ---- */

/* Notes the string on top as a cell; pops it. */
static void keep_cell(grid *g, lua_Integer row, int column) {
  size_t length;
  const char *text = lua_tolstring(g->L, -1, &length);
  int columns = tp_utf8_width(text, length);
  if (columns > g->widths[column])
    g->widths[column] = columns;
  lua_rawseti(g->L, g->cells, row * g->columns + column + 1);
}

static void keep_titles(grid *g, const char *const *fields) {
  char name[TP_SPELLING_SIZE];
  for (int column = 0; column < g->columns; column++) {
    lua_pushstring(g->L, tp_spelling_command(fields[column], name));
    keep_cell(g, 0, column);
  }
}

/* Replaces the value on top by its text. */
static void to_text(lua_State *L) {
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "-");
  else
    tp_text_push(L, -1);
  lua_remove(L, -2);
}

static void keep_row(grid *g, lua_Integer row, const char *const *fields) {
  lua_rawgeti(g->L, g->source, row);
  for (int column = 0; column < g->columns; column++) {
    lua_pushstring(g->L, fields[column]);
    lua_rawget(g->L, -2);
    bool is_number = lua_type(g->L, -1) == LUA_TNUMBER;
    g->numbers[column] = g->numbers[column] || is_number;
    g->texts[column] = g->texts[column] || !(is_number || lua_isnil(g->L, -1));
    to_text(g->L);
    keep_cell(g, row, column);
  }
  lua_pop(g->L, 1);
}

/* ---- the text ---- */

static void pad(luaL_Buffer *to, int count) {
  while (count-- > 0)
    luaL_addchar(to, ' ');
}

static bool is_set_right(const grid *g, int column) {
  return g->numbers[column] && !g->texts[column];
}

static void add_cell(grid *g, luaL_Buffer *to, lua_Integer row, int column) {
  size_t length;
  lua_rawgeti(g->L, g->cells, row * g->columns + column + 1);
  const char *text = lua_tolstring(g->L, -1, &length);
  lua_pop(g->L, 1); /* the table of cells keeps it */
  int columns = tp_utf8_width(text, length);
  bool is_last = column == g->columns - 1;
  int blanks = g->widths[column] - columns;
  if (is_set_right(g, column))
    pad(to, blanks);
  if (is_last && columns > g->last) {
    luaL_addlstring(to, text, tp_utf8_fit(text, length, g->last - 3));
    luaL_addstring(to, "...");
  } else {
    luaL_addlstring(to, text, length);
  }
  if (!is_last)
    pad(to, GAP + (is_set_right(g, column) ? 0 : blanks));
}

/* Says how wide the last column may be. */
static void fit(grid *g, int width) {
  for (int column = 0; column < g->columns - 1; column++)
    width -= g->widths[column] + GAP;
  g->last = width > LAST_MIN ? width : LAST_MIN;
}

static void push_text(grid *g) {
  luaL_Buffer text;
  luaL_buffinit(g->L, &text);
  for (lua_Integer row = 0; row < g->rows; row++) {
    if (row > 0)
      luaL_addchar(&text, '\n');
    for (int column = 0; column < g->columns; column++)
      add_cell(g, &text, row, column);
  }
  luaL_pushresult(&text);
}

static void push_rows(lua_State *L, int index, const char *const *fields, int width) {
  grid g = {.L = L, .source = index, .rows = (lua_Integer)lua_rawlen(L, index) + 1};
  while (fields[g.columns] && g.columns < TP_TABLE_FIELDS)
    g.columns++;
  lua_newtable(L);
  g.cells = lua_gettop(L);
  keep_titles(&g, fields);
  for (lua_Integer row = 1; row < g.rows; row++)
    keep_row(&g, row, fields);
  fit(&g, width > 0 ? width : TP_HELP_WIDTH_DEFAULT);
  push_text(&g);
  lua_remove(L, g.cells);
}

/* ---- the fields of one table ---- */

/* The fields become a list of rows of two cells, without a title. */
static void push_fields(lua_State *L, int index, const char *const *fields) {
  char name[TP_SPELLING_SIZE];
  grid g = {.L = L, .columns = 2};
  lua_newtable(L);
  g.cells = lua_gettop(L);
  for (; *fields; fields++) {
    lua_pushstring(L, *fields);
    if (lua_rawget(L, index) == LUA_TNIL) {
      lua_pop(L, 1);
      continue;
    }
    to_text(L);
    keep_cell(&g, g.rows, 1);
    lua_pushstring(L, tp_spelling_command(*fields, name));
    keep_cell(&g, g.rows++, 0);
  }
  g.last = g.widths[1];
  push_text(&g);
  lua_remove(L, g.cells);
}

bool tp_table_push(lua_State *L, int index, const char *const *fields, int width) {
  index = lua_absindex(L, index);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!lua_istable(L, index))
    return false;
  int first = lua_rawgeti(L, index, 1);
  lua_pushnil(L);
  bool is_empty = !lua_next(L, index);
  lua_settop(L, lua_gettop(L) - (is_empty ? 1 : 3));
  if (first == LUA_TTABLE || is_empty)
    push_rows(L, index, fields, width);
  else if (first == LUA_TNIL)
    push_fields(L, index, fields);
  return first == LUA_TTABLE || first == LUA_TNIL;
}
