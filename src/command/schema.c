/* SPDX-License-Identifier: MIT
 *
 * All commands as a value; see schema.h. */
#include "command/schema.h"
#include "command/reader.h"
#include "command/spelling.h"
#include "taskpool.h"

#include <lauxlib.h>
#include <string.h>

/* Sets a field of the table on top; NULL sets nothing. */
static void set_text(lua_State *L, const char *field, const char *text) {
  if (!text)
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, field);
}

static void set_flag(lua_State *L, const char *field, bool value) {
  lua_pushboolean(L, value);
  lua_setfield(L, -2, field);
}

/* Adds a string to the list on top. */
static void add_text(lua_State *L, const char *text, size_t length) {
  lua_pushlstring(L, text, length);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
}

/* Sets the list of the words in `text`; NULL sets nothing. */
static void set_words(lua_State *L, const char *field, const char *text) {
  if (!text)
    return;
  lua_newtable(L);
  while (*text) {
    size_t length = strcspn(text, " ");
    add_text(L, text, length);
    text += length + (text[length] == ' ');
  }
  lua_setfield(L, -2, field);
}

static void push_param(lua_State *L, const tp_param *param) {
  static const char *const things[] = {
      [TP_PARAM_OF_GROUP] = "group",
      [TP_PARAM_OF_POOL] = "pool",
      [TP_PARAM_OF_MODULE] = "module",
      [TP_PARAM_OF_COMMAND] = "command",
  };
  char option[TP_SPELLING_SIZE + 2] = "--", letter[] = {'-', param->letter, '\0'};
  lua_newtable(L);
  set_text(L, "name", param->name);
  set_text(L, "kind", tp_method_kind_name(param->kind));
  set_text(L, "type", tp_method_type_name(param->type));
  set_text(L, "takes", tp_reader_takes(param->type));
  set_flag(L, "required", param->kind == TP_PARAM_REQUIRED || param->kind == TP_PARAM_REST);
  if (tp_method_is_option(param)) {
    tp_spelling_command(param->name, option + 2);
    set_text(L, "option", option);
    set_text(L, "letter", param->letter ? letter : NULL);
  }
  set_text(L, "value", param->value);
  set_text(L, "default", param->fallback);
  set_text(L, "of", param->of == TP_PARAM_OF_ANYTHING ? NULL : things[param->of]);
  set_words(L, "choices", param->choices);
  set_text(L, "help", param->help);
}

static void set_params(lua_State *L, const tp_method *method) {
  lua_newtable(L);
  for (int i = 0; method->params[i].kind != TP_PARAM_NONE; i++) {
    push_param(L, &method->params[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "params");
}

static void set_result(lua_State *L, const tp_method *method) {
  lua_newtable(L);
  set_text(L, "type", tp_method_result_name(method));
  if (method->fields) {
    lua_newtable(L);
    for (const char *const *field = method->fields; *field; field++)
      add_text(L, *field, strlen(*field));
    lua_setfield(L, -2, "fields");
  }
  lua_setfield(L, -2, "result");
}

/* Sets which pools have the method. */
static void set_pools(lua_State *L, const tp_method *method) {
  static const int kinds[] = {TP_ON_TASK_POOL, TP_ON_SIMPLE_POOL};
  lua_newtable(L);
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    if (!(method->on & kinds[i]))
      continue;
    const char *class = tp_handle_class(kinds[i]);
    add_text(L, class, strlen(class));
  }
  lua_setfield(L, -2, "pools");
}

static void push_command(lua_State *L, const tp_method *method, bool is_method) {
  static const char *const roles[] = {[TP_ROLE_READ] = "read", [TP_ROLE_OPERATE] = "operate"};
  char name[TP_SPELLING_SIZE];
  lua_newtable(L);
  set_text(L, "name", tp_spelling_command(method->name, name));
  set_text(L, "summary", method->summary);
  set_text(L, "role", method->role == TP_ROLE_NONE ? "none" : roles[method->role]);
  if (is_method) {
    set_text(L, "method", method->name);
    set_flag(L, "property", method->property);
    set_pools(L, method);
  }
  set_params(L, method);
  set_result(L, method);
}

void tp_schema_push(lua_State *L, const tp_method *const *tables, int protocol) {
  lua_Integer count = 0;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_newtable(L);
  set_text(L, "version", tp_version());
  lua_pushinteger(L, protocol);
  lua_setfield(L, -2, "protocol");
  lua_newtable(L);
  for (const tp_method *const *table = tables; *table; table++)
    for (const tp_method *method = *table; method->name; method++) {
      push_command(L, method, table == tables);
      lua_rawseti(L, -2, ++count);
    }
  lua_setfield(L, -2, "commands");
}
