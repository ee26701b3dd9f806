/* SPDX-License-Identifier: MIT
 *
 * Help as an answer; see manual.h. */
#include "server/manual.h"
#include "command/help.h"
#include "command/schema.h"
#include "value/json.h"
#include "value/raise.h"

#include <jansson.h>
#include <stdlib.h>

void tp_manual_answer(lua_State *L, tp_session *session, const tp_method *const *tables,
                      const tp_method *method) {
  bool may_look = session->role != TP_ROLE_NONE;
  session->accepted = true;
  if (method)
    tp_help_push_command(L, method, session->width);
  else
    tp_help_push_all(L, may_look ? tp_target_label(&session->target, L) : "this server", tables,
                     tp_target_kind(&session->target, L), session->width);
  tp_answer_lines(&session->output, session->mode, L, -1);
}

/* Lua: pushes the string of the C string at 1. */
static int l_push_text(lua_State *L) {
  lua_pushstring(L, lua_touserdata(L, 1));
  return 1;
}

/* Pushes the JSON of the value on top. */
static void push_json(lua_State *L) {
  json_t *json = tp_json_create(L, -1);
  char *text = json ? json_dumps(json, JSON_SORT_KEYS) : NULL;
  json_decref(json);
  if (!text)
    tp_raise(L, TP_NO_MEMORY, "no memory for the answer");
  lua_pushcfunction(L, l_push_text);
  lua_pushlightuserdata(L, text);
  int status = lua_pcall(L, 1, 1, 0);
  free(text);
  if (status != LUA_OK)
    lua_error(L);
}

void tp_manual_answer_schema(lua_State *L, tp_session *session, const tp_method *const *tables) {
  tp_schema_push(L, tables, TP_ANSWER_PROTOCOL);
  int value = lua_gettop(L);
  push_json(L);
  tp_answer_table(&session->output, session->mode, L, value, NULL);
}
