/* SPDX-License-Identifier: MIT
 *
 * Answers that are made of tables; see table.h.
 *
 * How it works. First the text of each cell is kept, and each column becomes as wide as its widest
 * cell. Then lines are put together from these texts, which are freed on the way. */
#include "command/table.h"
#include "base/utf8.h"
#include "command/help.h"
#include "command/spelling.h"
#include "value/raise.h"
#include "value/text.h"
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TYPE "taskpool.table"

enum {
  GAP = 2,       /* between two columns */
  LAST_MIN = 12, /* the last column is at least so wide */
};

struct tp_table {
  const char *const *fields;     /* of a row; NULL: rows are put together otherwise */
  int columns;                   /* cells of a row */
  int width;                     /* of a line */
  size_t rows;                   /* rows that were added, and the titles */
  size_t lines;                  /* lines that were laid out */
  int widths[TP_TABLE_FIELDS];   /* columns of the terminal that the widest cell takes */
  bool numbers[TP_TABLE_FIELDS]; /* the column has numbers … */
  bool texts[TP_TABLE_FIELDS];   /* … and other values; only columns of numbers are set right */
  int last;                      /* how wide the last column may be */
  size_t ends;                   /* bytes of the cells of the last column at least, all together */
  tp_blocks cells;               /* those that are not laid out: before each text its `cell` */
  size_t used;                   /* how many bytes of the first block were laid out */
  tp_blocks text;                /* the lines */
  bool failed;                   /* there was no memory */
};

/* What is known of a cell. */
typedef struct cell {
  size_t length; /* bytes of its text */
  int columns;   /* columns of the terminal that the whole text takes */
} cell;

/* ---- cells ---- */

static int smaller(int a, int b) {
  return a < b ? a : b;
}

/* Keeps a text as a cell; of one in the last column, no more than a line can show. */
static void keep_text(tp_table *t, int column, const char *text, size_t length) {
  cell kept = {.length = length, .columns = tp_utf8_width(text, length)};
  if (kept.columns > t->widths[column])
    t->widths[column] = kept.columns;
  if (column == t->columns - 1) {
    t->ends += (size_t)smaller(kept.columns, LAST_MIN);
    if (kept.columns > t->width)
      kept.length = tp_utf8_fit(text, length, t->width);
  }
  char *to = tp_blocks_add(&t->cells, sizeof kept + kept.length);
  if (!to) {
    t->failed = true;
    return;
  }
  memcpy(to, &kept, sizeof kept);
  memcpy(to + sizeof kept, text, kept.length);
}

/* The same for an integer, which makes no string: Lua would keep all of them in one table. */
static void keep_integer(tp_table *t, int column, lua_Integer value) {
  char text[32];
  int length = snprintf(text, sizeof text, LUA_INTEGER_FMT, (LUAI_UACINT)value);
  keep_text(t, column, text, (size_t)length);
}

/* The same for a time of day, in seconds since 1970, which is shown to the second. */
static void keep_time(tp_table *t, int column, double seconds) {
  char text[32] = "?";
  time_t whole = (time_t)seconds;
  struct tm parts;
  if (localtime_r(&whole, &parts))
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  keep_text(t, column, text, strlen(text));
}

/* The same for how long something takes, in seconds. */
static void keep_duration(tp_table *t, int column, double seconds) {
  char text[32];
  unsigned long long whole = seconds < 1e15 ? (unsigned long long)seconds : 1000000000000000ULL;
  if (seconds < 60)
    snprintf(text, sizeof text, "%.1fs", seconds);
  else if (whole < 3600)
    snprintf(text, sizeof text, "%llum%02llus", whole / 60, whole % 60);
  else if (whole < 86400)
    snprintf(text, sizeof text, "%lluh%02llum", whole / 3600, whole / 60 % 60);
  else
    snprintf(text, sizeof text, "%llud%02lluh", whole / 86400, whole / 3600 % 24);
  keep_text(t, column, text, strlen(text));
}

const char *tp_table_unit(const char *field) {
  static const char *const durations[] = {"age", "busy", "took", "left"};
  size_t length = strlen(field);
  if (length > 3 && strcmp(field + length - 3, "_at") == 0)
    return "time";
  for (size_t i = 0; i < sizeof durations / sizeof *durations; i++)
    if (strcmp(field, durations[i]) == 0)
      return "duration";
  return NULL;
}

/* How people see a number, by the name of its field. */
typedef void keep_number(tp_table *t, int column, double number);

static keep_number *number_of(const char *field) {
  const char *unit = tp_table_unit(field);
  return !unit ? NULL : *unit == 't' ? keep_time : keep_duration;
}

/* Keeps the text of the value on top as a cell; pops it. */
static void keep_value(tp_table *t, lua_State *L, int column, const char *field) {
  size_t length;
  keep_number *keep = lua_type(L, -1) == LUA_TNUMBER ? number_of(field) : NULL;
  if (keep) {
    keep(t, column, lua_tonumber(L, -1));
    lua_pop(L, 1);
    return;
  }
  if (lua_isinteger(L, -1)) {
    keep_integer(t, column, lua_tointeger(L, -1));
    lua_pop(L, 1);
    return;
  }
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "-");
  else
    tp_text_push(L, -1);
  const char *text = lua_tolstring(L, -1, &length);
  keep_text(t, column, text, length);
  lua_pop(L, 2);
}

static void keep_name(tp_table *t, int column, const char *field) {
  char name[TP_SPELLING_SIZE];
  tp_spelling_command(field, name);
  keep_text(t, column, name, strlen(name));
}

static void keep_titles(tp_table *t) {
  for (int column = 0; column < t->columns; column++)
    keep_name(t, column, t->fields[column]);
  t->rows++;
}

/* Notes of which kind the value on top is. */
static void note_kind(tp_table *t, lua_State *L, int column) {
  bool is_number = lua_type(L, -1) == LUA_TNUMBER;
  t->numbers[column] = t->numbers[column] || is_number;
  t->texts[column] = t->texts[column] || !(is_number || lua_isnil(L, -1));
}

void tp_table_add(tp_table *t, lua_State *L) {
  luaL_checkstack(L, 4, NULL);
  for (int column = 0; column < t->columns; column++) {
    lua_pushstring(L, t->fields[column]);
    lua_rawget(L, -2);
    note_kind(t, L, column);
    keep_value(t, L, column, t->fields[column]);
  }
  t->rows++;
}

size_t tp_table_length(const tp_table *t) {
  size_t line = 1;
  for (int column = 0; column < t->columns - 1; column++)
    line += (size_t)t->widths[column] + GAP;
  return t->rows * line + t->ends - 1;
}

/* ---- lines ---- */

static void add(tp_table *t, const char *bytes, size_t length) {
  t->failed = !tp_blocks_append(&t->text, bytes, length) || t->failed;
}

static void pad(tp_table *t, int count) {
  char *blanks = count > 0 ? tp_blocks_add(&t->text, (size_t)count) : NULL;
  if (blanks)
    memset(blanks, ' ', (size_t)count);
  else
    t->failed = count > 0 || t->failed;
}

static bool is_set_right(const tp_table *t, int column) {
  return t->numbers[column] && !t->texts[column];
}

uint64_t tp_table_right(const tp_table *t) {
  uint64_t columns = 0;
  for (int column = 0; column < t->columns; column++)
    columns |= (uint64_t)is_set_right(t, column) << column;
  return columns;
}

static void add_cell(tp_table *t, int column, const cell *of, const char *text) {
  bool is_last = column == t->columns - 1;
  int blanks = t->widths[column] - of->columns;
  if (is_set_right(t, column))
    pad(t, blanks);
  if (is_last && of->columns > t->last) {
    add(t, text, tp_utf8_fit(text, of->length, t->last - 3));
    add(t, "...", 3);
  } else {
    add(t, text, of->length);
  }
  if (!is_last)
    pad(t, GAP + (is_set_right(t, column) ? 0 : blanks));
}

/* Lays out the first cell that is kept, and frees the block that ends with it. */
static void take_cell(tp_table *t, int column) {
  cell of;
  const char *bytes = t->cells.first->bytes + t->used;
  memcpy(&of, bytes, sizeof of);
  add_cell(t, column, &of, bytes + sizeof of);
  t->used += sizeof of + of.length;
  if (t->used < t->cells.first->length)
    return;
  free(tp_blocks_take(&t->cells));
  t->used = 0;
}

/* Says how wide the last column may be. */
static void fit(tp_table *t) {
  int left = t->width;
  for (int column = 0; column < t->columns - 1; column++)
    left -= t->widths[column] + GAP;
  t->last = left > LAST_MIN ? left : LAST_MIN;
}

bool tp_table_lay_out(tp_table *t) {
  if (t->lines == t->rows || t->failed)
    return false;
  if (t->lines++ == 0)
    fit(t);
  else
    add(t, "\n", 1);
  for (int column = 0; column < t->columns; column++)
    take_cell(t, column);
  return true;
}

tp_blocks *tp_table_text(tp_table *t) {
  return &t->text;
}

bool tp_table_has_failed(const tp_table *t) {
  return t->failed;
}

/* ---- lifetime ---- */

static int l_gc(lua_State *L) {
  tp_table *t = lua_touserdata(L, 1);
  tp_blocks_clear(&t->cells);
  tp_blocks_clear(&t->text);
  return 0;
}

static tp_table *create(lua_State *L, int columns, int width) {
  luaL_checkstack(L, 3, NULL);
  tp_table *t = lua_newuserdatauv(L, sizeof *t, 0);
  *t = (tp_table){.columns = columns, .width = width > LAST_MIN ? width : LAST_MIN};
  if (luaL_newmetatable(L, TYPE)) {
    lua_pushcfunction(L, l_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return t;
}

tp_table *tp_table_create(lua_State *L, const char *const *fields, int width) {
  int columns = 0;
  while (columns < TP_TABLE_FIELDS && fields[columns])
    columns++;
  tp_table *t = create(L, columns, width > 0 ? width : TP_HELP_WIDTH_DEFAULT);
  t->fields = fields;
  keep_titles(t);
  return t;
}

/* ---- whole texts ---- */

/* Replaces the table on top by its text. */
static void push_text(tp_table *t, lua_State *L) {
  luaL_Buffer text;
  while (tp_table_lay_out(t))
    ;
  if (t->failed)
    tp_raise(L, TP_NO_MEMORY, "no memory for a table");
  luaL_buffinit(L, &text);
  for (const tp_block *block = t->text.first; block; block = block->next)
    luaL_addlstring(&text, block->bytes, block->length);
  luaL_pushresult(&text);
  lua_remove(L, -2);
}

static void push_rows(lua_State *L, int index, const char *const *fields, int width) {
  tp_table *t = tp_table_create(L, fields, width);
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  for (lua_Integer row = 1; row <= count; row++) {
    lua_rawgeti(L, index, row);
    tp_table_add(t, L);
    lua_pop(L, 1);
  }
  push_text(t, L);
}

uint64_t tp_table_right_of(lua_State *L, int index, const char *const *fields) {
  tp_table t = {.fields = fields};
  lua_Integer count = (lua_Integer)lua_rawlen(L, index);
  index = lua_absindex(L, index);
  luaL_checkstack(L, 4, NULL);
  for (lua_Integer row = 1; row <= count; row++) {
    lua_rawgeti(L, index, row);
    for (t.columns = 0; t.columns < TP_TABLE_FIELDS && fields[t.columns]; t.columns++) {
      lua_pushstring(L, fields[t.columns]);
      lua_rawget(L, -2);
      note_kind(&t, L, t.columns);
      lua_pop(L, 1);
    }
    lua_pop(L, 1);
  }
  return tp_table_right(&t);
}

/* The fields of one table become rows of two cells, without a title. */
static void push_fields(lua_State *L, int index, const char *const *fields) {
  tp_table *t = create(L, 2, INT_MAX);
  for (; *fields; fields++) {
    lua_pushstring(L, *fields);
    if (lua_rawget(L, index) == LUA_TNIL) {
      lua_pop(L, 1);
      continue;
    }
    keep_name(t, 0, *fields);
    keep_value(t, L, 1, *fields);
    t->rows++;
  }
  push_text(t, L);
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
