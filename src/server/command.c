/* SPDX-License-Identifier: MIT
 *
 * Commands of a session; see command.h. */
#include "server/command.h"
#include "binding/future.h"
#include "binding/handle.h"
#include "binding/load.h"
#include "binding/method.h"
#include "command/line.h"
#include "command/parse.h"
#include "command/table.h"
#include "exec/wait.h"
#include "server/auth.h"
#include "server/builtin.h"
#include "server/listing.h"
#include "server/manual.h"
#include "server/stream.h"
#include "value/literal.h"
#include "value/raise.h"
#include <lauxlib.h>
#include <string.h>

/* ---- help ---- */

static int answer_help(lua_State *L, tp_session *session, const tp_method *method) {
  tp_manual_answer(L, session, tp_builtin_tables, method);
  return 0;
}

/* ---- a command from line to answer ---- */

/* Answers with the table at [1], whose text is on top. */
static void answer_table(lua_State *L, tp_session *session, const char *const *fields) {
  tp_answer_columns columns = {.fields = fields, .right = tp_table_right_of(L, 1, fields)};
  tp_answer_table(&session->output, session->mode, L, 1, &columns);
}

/* The method has returned: slots from 1 on are its results. After a command that may have started
 * tasks these begin, so that the next command sees them. */
static int finish(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  const tp_method *method = session->method;
  (void)status;
  if (!session->busy || session->state == TP_SESSION_CLOSED)
    return 0;
  if (method->is_list && tp_rows_are_at(L, 1))
    return (tp_rows_at(L, 1)->is_stream ? tp_stream_run : tp_listing_run)(L, session);
  if (tp_future_push_group(L, 1)) /* a client cannot hold a future: it gets the name */
    lua_replace(L, 1);
  if (method->fields && lua_gettop(L) == 1 && lua_type(L, 1) == LUA_TSTRING)
    tp_answer_lines(&session->output, session->mode, L, 1);
  else if (method->fields && tp_table_push(L, 1, method->fields, session->width))
    answer_table(L, session, method->fields);
  else
    tp_answer_values(&session->output, session->mode, L, 1);
  session->busy = false;
  bool operates = method->role == TP_ROLE_OPERATE;
  return operates ? tp_wait_sleep(session->clients->host->exec, L, 0) : 0;
}

/* The module is loaded: the command is read again. */
static int after_load(lua_State *L, int status, lua_KContext context) {
  (void)status;
  lua_settop(L, 0);
  return tp_command_run(L, (tp_session *)context);
}

/* Loads a module that the line names. */
static int load_first(lua_State *L, tp_session *session, const tp_module *module) {
  lua_pushcfunction(L, l_load);
  *tp_load_push_module(L) = *module;
  lua_callk(L, 1, 0, (lua_KContext)session, after_load);
  return after_load(L, LUA_OK, (lua_KContext)session);
}

/* Looks whether the session may use the method before its arguments, which may load modules, are
 * read. To show a property is to look. */
static void check_role(lua_State *L, const tp_session *session, const tp_method *method) {
  tp_auth_check(L, session, method->property ? TP_ROLE_READ : method->role, method->name);
}

/* The arguments of a property, one nil for each that is not given, are above the pool. */
static void check_setting(lua_State *L, const tp_session *session, const tp_method *method) {
  if (method->property && lua_gettop(L) > 1 && !lua_isnil(L, 2))
    tp_auth_check(L, session, method->role, method->name);
}

/* Puts the arguments of `line` above the pool or session in slot 1 and calls the method with it. */
static int call_method(lua_State *L, tp_session *session, const tp_method *method,
                       const tp_line *line) {
  tp_error error;
  tp_module missing;
  check_role(L, session, method);
  if (!tp_parse_arguments(L, &session->clients->host->names, method, line->arguments, &missing,
                          &error))
    return missing.name[0] ? load_first(L, session, &missing) : tp_raise_error(L, &error);
  check_setting(L, session, method);
  session->accepted = true;
  session->method = method;
  luaL_checkstack(L, 1, NULL);
  lua_pushcfunction(L, method->call);
  lua_insert(L, 1);
  lua_KContext context = (lua_KContext)session;
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, context, finish);
  return finish(L, LUA_OK, context);
}

/* Whether a line is about help on the command: one whose argument is itself a line may have -h in
 * that. */
static bool asks_for_help(const tp_method *method, const tp_line *line) {
  tp_cursor rest = line->arguments;
  if (!line->help || method->params[0].type != TP_PARAM_LINE)
    return line->help;
  tp_cursor_skip_blanks(&rest);
  return tp_cursor_is(&rest, rest.length, "-h") || tp_cursor_is(&rest, rest.length, "--help");
}

static int run_builtin(lua_State *L, tp_session *session, const tp_method *builtin,
                       const tp_line *line) {
  if (line->pool.text)
    return tp_raise(L, TP_INVALID_ARGUMENT, "--pool stands before commands of a pool only");
  if (asks_for_help(builtin, line))
    return answer_help(L, session, builtin);
  lua_pushlightuserdata(L, session);
  return call_method(L, session, builtin, line);
}

/* Pushes the word after --pool, which may be in quotes. */
static const char *push_pool_name(lua_State *L, const tp_line *line) {
  tp_cursor word = line->pool;
  tp_error error;
  size_t length = word.length - word.at, used;
  const char *text = word.text + word.at;
  if (!tp_cursor_at_quote(&word))
    return lua_pushlstring(L, text, length);
  if (!tp_literal_read(L, text, length, &used, &error))
    tp_raise_error(L, &error);
  return luaL_checkstring(L, -1);
}

/* Pushes the pool that the line names, or else the session's, and returns it. NULL: there is none
 * yet, and nothing is pushed. */
static tp_pool *push_pool(lua_State *L, tp_session *session, const tp_line *line) {
  tp_target *target = &session->target;
  tp_pool *named = line->pool.text ? tp_target_find(target, L, push_pool_name(L, line)) : NULL;
  lua_settop(L, 0);
  if (!named && tp_target_kind(target, L) && !target->pool)
    return NULL;
  if (named)
    tp_handle_push(L, named);
  else
    lua_rawgeti(L, LUA_REGISTRYINDEX, target->reference);
  return named ? named : target->pool;
}

static int run_method(lua_State *L, tp_session *session, const tp_line *line) {
  tp_error error;
  const tp_pool *pool = push_pool(L, session, line);
  int kind = pool ? pool->kind : TP_ON_ALL;
  const tp_method *method = tp_method_find(line->command, kind);
  if (line->help && method)
    return answer_help(L, session, method);
  if (!method) {
    tp_line_unknown(line, tp_builtin_tables, kind, &error);
    return tp_raise_error(L, &error);
  }
  if (!pool || lua_isnil(L, 1))
    return tp_raise(L, TP_NOT_AVAILABLE, "the host has no pool yet");
  return call_method(L, session, method, line);
}

int tp_command_run(lua_State *L, tp_session *session) {
  tp_line line;
  tp_line_split(&line, session->command);
  if (line.command[0] == '\0' && !line.help && line.pool.text)
    return tp_raise(L, TP_INVALID_ARGUMENT, "--pool needs the name of a pool and a command");
  if (line.command[0] == '\0')
    return answer_help(L, session, NULL);
  const tp_method *builtin = tp_builtin_find(line.command);
  if (!builtin) /* names nothing to a stranger */
    tp_auth_check(L, session, TP_ROLE_READ, line.command);
  return builtin ? run_builtin(L, session, builtin, &line) : run_method(L, session, &line);
}
