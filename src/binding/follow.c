/* SPDX-License-Identifier: MIT
 *
 * Events as a stream; see follow.h.
 *
 * A line is made once for all who read it in the same form, and kept with the event. */
#include "binding/follow.h"
#include "binding/arguments.h"
#include "binding/context.h"
#include "binding/rows.h"
#include "host/events.h"
#include "value/json.h"
#include "value/raise.h"
#include "value/text.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *const tp_follow_fields[] = {"event", "time",   "pool",  "group",
                                        "task",  "detail", "count", NULL};

/* The rows of one who follows events. */
typedef struct follow_rows {
  tp_rows rows;         /* its step is `next` */
  tp_follower follower; /* what waits for it */
  tp_host *host;        /* whose events they are */
} follow_rows;

/* ---- an event as a table, as JSON and as text ---- */

static void set_text(lua_State *L, const char *field, const char *text) {
  lua_pushstring(L, text); /* NULL: nil */
  lua_setfield(L, -2, field);
}

static void push_table(lua_State *L, const tp_kept_event *note) {
  lua_createtable(L, 0, 6);
  set_text(L, "event", note->event);
  lua_pushnumber(L, note->time);
  lua_setfield(L, -2, "time");
  set_text(L, "pool", note->pool);
  set_text(L, "group", note->group);
  set_text(L, "detail", note->detail);
  if (note->task >= 0) {
    lua_pushinteger(L, note->task);
    lua_setfield(L, -2, "task");
  }
  if (note->count > 0) {
    lua_pushinteger(L, (lua_Integer)note->count);
    lua_setfield(L, -2, "count");
  }
}

/* The JSON of an event, from malloc. NULL: no memory. */
static char *make_json(lua_State *L, const tp_kept_event *note) {
  push_table(L, note);
  json_t *json = tp_json_create(L, -1);
  lua_pop(L, 1);
  char *line = json ? json_dumps(json, JSON_SORT_KEYS) : NULL;
  json_decref(json);
  return line;
}

/* Pushes the time as the log writes it. */
static void push_time(lua_State *L, double time) {
  char text[40];
  struct tm parts;
  long long milliseconds = (long long)(time * 1000 + 0.5);
  time_t seconds = (time_t)(milliseconds / 1000);
  localtime_r(&seconds, &parts);
  size_t length = strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  snprintf(text + length, sizeof text - length, ".%03d", (int)(milliseconds % 1000));
  lua_pushstring(L, text);
}

/* Pushes the text of an event: "2026-01-31 12:00:00.000 ended TaskPool-jobs_Task-3 in map-f-0:
 * failed". */
static void push_text(lua_State *L, const tp_kept_event *note) {
  int top = lua_gettop(L);
  push_time(L, note->time);
  lua_pushfstring(L, " %s", note->event);
  if (note->pool)
    lua_pushfstring(L, " %s", note->pool);
  if (note->task >= 0)
    lua_pushfstring(L, "_Task-%I", (LUAI_UACINT)note->task);
  if (note->group)
    lua_pushfstring(L, "%s %s", note->task >= 0 ? " in" : "", note->group);
  if (note->detail)
    lua_pushfstring(L, ": %s", note->detail + strspn(note->detail, " "));
  if (note->count > 0)
    lua_pushfstring(L, " %I", (LUAI_UACINT)note->count);
  lua_concat(L, lua_gettop(L) - top);
}

/* The same as one line, from malloc. NULL: no memory. */
static char *make_text(lua_State *L, const tp_kept_event *note) {
  size_t length;
  push_text(L, note);
  const char *text = lua_tolstring(L, -1, &length);
  tp_text_escape(L, text, length);
  char *line = strdup(lua_tostring(L, -1));
  lua_pop(L, 2);
  return line;
}

/* Pushes an event's line in one of its forms. */
static void push_line(lua_State *L, tp_kept_event *note, int form) {
  char **line = &note->lines[form];
  if (!*line)
    *line = form == TP_KEPT_JSON ? make_json(L, note) : make_text(L, note);
  if (!*line)
    tp_raise(L, TP_NO_MEMORY, "no memory for an event");
  lua_pushstring(L, *line);
}

/* ---- rows ---- */

/* Lua: pushes an event in the form that its reader wants. Stack: the rows, the note. */
static int l_push(lua_State *L) {
  const tp_rows *rows = lua_touserdata(L, 1);
  tp_kept_event *note = lua_touserdata(L, 2);
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (rows->form == TP_ROWS_TABLES)
    push_table(L, note);
  else
    push_line(L, note, rows->form == TP_ROWS_JSON ? TP_KEPT_JSON : TP_KEPT_TEXT);
  return 1;
}

static tp_rows_step next(tp_rows *rows, lua_State *L) {
  follow_rows *of = (follow_rows *)rows;
  luaL_checkstack(L, 4, NULL);
  lua_pushcfunction(L, l_push);
  tp_kept_event *note = tp_follower_take(&of->follower);
  if (!note) {
    lua_pop(L, 1);
    return TP_ROWS_WAITING;
  }
  lua_pushlightuserdata(L, rows);
  lua_pushlightuserdata(L, note);
  int status = lua_pcall(L, 2, 1, 0);
  tp_follower_release(note);
  if (status != LUA_OK)
    lua_error(L);
  return TP_ROWS_FOUND;
}

static void close_rows(tp_rows *rows) {
  follow_rows *of = (follow_rows *)rows;
  tp_events_unfollow(of->host, &of->follower);
}

/* An event has come: the reader takes it at its next turn. */
static void wake(tp_follower *follower) {
  const follow_rows *of =
      (const follow_rows *)((const char *)follower - offsetof(follow_rows, follower));
  tp_rows_wake(&of->rows);
}

void tp_follow_push(lua_State *L, tp_host *host, const tp_follower_filter *filter, size_t limit) {
  const tp_rows rows = {.next = next, .left = UINT64_MAX, .is_stream = true};
  follow_rows *of = tp_rows_push(L, sizeof *of, &rows);
  of->host = host;
  if (!tp_events_follow(host, &of->follower, filter, limit))
    tp_raise(L, TP_NO_MEMORY, "no memory to follow events");
  of->follower.wake = wake;
  of->rows.close = close_rows; /* from here on there is something to close */
}

unsigned tp_follow_check_kinds(lua_State *L, int index) {
  tp_error error;
  unsigned kinds;
  if (lua_isnil(L, index))
    return tp_events_all_kinds();
  if (!tp_events_find_kinds(lua_tostring(L, index), &kinds, &error))
    tp_raise_error(L, &error);
  return kinds;
}

/* ---- Lua ---- */

/* Replaces the list of words on top by one string. */
static void join_words(lua_State *L) {
  luaL_Buffer words;
  int list = lua_gettop(L);
  luaL_buffinit(L, &words);
  for (lua_Integer i = 1; lua_geti(L, list, i) != LUA_TNIL; i++) {
    if (lua_type(L, -1) != LUA_TSTRING)
      tp_raise(L, TP_INVALID_ARGUMENT, "events: 'kind' must be a string or a list of strings");
    luaL_addvalue(&words);
    luaL_addchar(&words, ',');
  }
  lua_pop(L, 1);
  luaL_pushresult(&words);
  lua_replace(L, list);
}

/* Simplifies the options at [1]: the kind, if it is a list, and the pool, if it is one, become
 * strings. */
static void simplify_options(lua_State *L) {
  tp_arguments_name_pool(L, 1);
  if (lua_getfield(L, 1, "kind") == LUA_TTABLE)
    join_words(L);
  lua_setfield(L, 1, "kind");
  lua_settop(L, 1);
}

int l_core_events(lua_State *L) {
  enum { TABLE = 1, KIND, GROUP, POOL, LIMIT };
  static const tp_param options[] = {{.name = "kind", .type = TP_PARAM_NAME},
                                     {.name = "group", .type = TP_PARAM_NAME},
                                     {.name = "pool", .type = TP_PARAM_NAME},
                                     {.name = "limit", .type = TP_PARAM_COUNT},
                                     {.name = NULL}};
  lua_settop(L, TABLE);
  if (lua_istable(L, TABLE))
    simplify_options(L);
  tp_arguments_lay_out_options(L, TABLE, "events", options);
  lua_settop(L, LIMIT);
  tp_follower_filter filter = {.kinds = tp_follow_check_kinds(L, KIND),
                               .group = lua_tostring(L, GROUP),
                               .pool = lua_tostring(L, POOL)};
  lua_Integer limit = luaL_optinteger(L, LIMIT, TP_FOLLOW_LIMIT_DEFAULT);
  tp_follow_push(L, tp_context_host(L), &filter, (size_t)limit);
  return tp_rows_return(L);
}
