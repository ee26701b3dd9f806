/* SPDX-License-Identifier: MIT
 *
 * Commands of a session; see command.h. */
#include "server/command.h"
#include "binding/class.h"
#include "binding/future.h"
#include "binding/load.h"
#include "binding/method.h"
#include "binding/status.h"
#include "command/help.h"
#include "command/line.h"
#include "command/table.h"
#include "server/server.h"
#include "value/error.h"
#include <lauxlib.h>
#include <string.h>

/* ---- the pool of a session ---- */

/* Makes `pool` the one that commands go to, and keeps it alive. False: it is being collected. */
static bool use_pool(lua_State *L, tp_session *session, tp_pool *pool) {
  luaL_checkstack(L, 3, NULL);
  tp_pool_push(L, pool);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return false;
  }
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  luaL_unref(L, LUA_REGISTRYINDEX, session->pool_ref);
  session->pool_ref = reference;
  session->pool = pool;
  return true;
}

/* The session's pool; where none was chosen, the server's first that is not closed. NULL: there is
 * none. */
static tp_pool *pool_of(lua_State *L, tp_session *session) {
  tp_pool *pool;
  for (size_t i = 0; !session->pool && (pool = tp_server_pool_at(session->server, i)); i++) {
    if (!pool->closed)
      use_pool(L, session, pool);
  }
  if (!session->pool && (pool = tp_server_pool_at(session->server, 0)))
    use_pool(L, session, pool);
  return session->pool;
}

const char *tp_command_pool_label(lua_State *L, tp_session *session) {
  const tp_pool *pool = pool_of(L, session);
  return pool ? pool->label : "no pool";
}

static int kind_of(lua_State *L, tp_session *session) {
  const tp_pool *pool = pool_of(L, session);
  return pool ? pool->kind : TP_ON_ALL;
}

/* ---- the session's own commands: slot 1 is the session, then as for methods ---- */

/* Leaving is its answer. */
static int l_exit(lua_State *L) {
  tp_session *session = lua_touserdata(L, 1);
  session->busy = false;
  tp_session_leave(session);
  return 0;
}

static int l_pools(lua_State *L) {
  enum { SESSION = 1, LONG };
  const tp_session *session = lua_touserdata(L, SESSION);
  bool is_long = lua_toboolean(L, LONG);
  const tp_pool *pool;
  lua_newtable(L);
  for (size_t i = 0; (pool = tp_server_pool_at(session->server, i)); i++) {
    if (is_long)
      tp_status_push(L, pool);
    else
      lua_pushstring(L, pool->label);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

/* Whether the pool is called so without the name of its class. */
static bool is_called(const tp_pool *pool, const char *word) {
  const char *dash = strchr(pool->label, '-');
  return dash && strcmp(dash + 1, word) == 0;
}

/* The server's pool of that name, with or without its class; NULL: there is none. `*other` is a
 * second one that is called so without its class; NULL: there is none. */
static tp_pool *find_pool(tp_session *session, const char *word, const tp_pool **other) {
  tp_pool *pool, *found = NULL;
  *other = NULL;
  for (size_t i = 0; (pool = tp_server_pool_at(session->server, i)); i++) {
    if (strcmp(pool->label, word) == 0) {
      *other = NULL;
      return pool;
    }
    if (is_called(pool, word) && found)
      *other = pool;
    else if (is_called(pool, word))
      found = pool;
  }
  return found;
}

static int l_use(lua_State *L) {
  tp_session *session = lua_touserdata(L, 1);
  const char *word = luaL_checkstring(L, 2);
  const tp_pool *other;
  tp_pool *pool = find_pool(session, word, &other);
  if (other)
    return tp_raise(L, TP_INVALID_ARGUMENT, "'%s' may be %s or %s; give the whole name", word,
                    pool->label, other->label);
  if (!pool || !use_pool(L, session, pool))
    return tp_raise(L, TP_NOT_FOUND, "no pool is called %s; `pools` lists those that are", word);
  return 0;
}

static int l_modules(lua_State *L) {
  const tp_session *session = lua_touserdata(L, 1);
  tp_names_push_modules(L, &session->server->host->names);
  return 1;
}

/* The new text has been run here. Stack: the session, the module's name. */
static int after_reload(lua_State *L, int status, lua_KContext context) {
  const tp_session *session = lua_touserdata(L, 1);
  (void)status, (void)context;
  tp_host_reload(session->server->host, lua_tostring(L, 2));
  return 0;
}

static int l_reload(lua_State *L) {
  tp_error error;
  const tp_session *session = lua_touserdata(L, 1);
  lua_pushcfunction(L, l_load);
  if (!tp_name_find_exposed(L, &session->server->host->names, luaL_checkstring(L, 2),
                            tp_load_push_module(L), &error))
    return tp_raise_error(L, &error);
  lua_callk(L, 1, 0, 0, after_reload);
  return after_reload(L, LUA_OK, 0);
}

static const luaL_Reg own[] = {
    {"exit", l_exit},     {"modules", l_modules}, {"pools", l_pools},
    {"reload", l_reload}, {"use", l_use},         {NULL, NULL},
};

/* The record of a command of the session; `*call` is its function, NULL for what is help only. */
static const tp_method *find_own(const char *name, lua_CFunction *call) {
  const tp_method *record = tp_line_commands;
  while (record->name && strcmp(record->name, name) != 0)
    record++;
  const luaL_Reg *entry = own;
  while (entry->name && strcmp(entry->name, name) != 0)
    entry++;
  *call = entry->func;
  return record->name ? record : NULL;
}

/* ---- help ---- */

static int answer_help(lua_State *L, tp_session *session, const tp_method *method) {
  session->accepted = true;
  if (method)
    tp_help_push_command(L, method, session->width);
  else
    tp_help_push_all(L, tp_command_pool_label(L, session), tp_methods, kind_of(L, session),
                     session->width);
  tp_answer_lines(&session->output, session->mode, L, -1);
  return 0;
}

/* ---- a command from line to answer ---- */

/* The method has returned: slots from 1 on are its results. A command that may have started work
 * lets it begin, so that the next one sees it. */
static int finish(lua_State *L, int status, lua_KContext context) {
  tp_session *session = (tp_session *)context;
  const tp_method *method = session->method;
  (void)status;
  if (!session->busy || session->state == TP_SESSION_CLOSED)
    return 0;
  if (tp_future_push_group(L, 1)) /* a session cannot hold a future: it is told a name */
    lua_replace(L, 1);
  if (method->fields && tp_table_push(L, 1, method->fields, session->width))
    tp_answer_shown(&session->output, session->mode, L, 1);
  else
    tp_answer_values(&session->output, session->mode, L, 1);
  session->busy = false;
  bool operates = method->role == TP_ROLE_OPERATE;
  return operates ? tp_wait_sleep(session->server->host->exec, L, 0) : 0;
}

/* The module is loaded: the command is read anew. */
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

/* Puts the arguments of `line` above the target in slot 1 and calls `call` with all of it. */
static int call_method(lua_State *L, tp_session *session, const tp_method *method,
                       const tp_line *line, lua_CFunction call) {
  tp_error error;
  tp_module missing;
  if (!tp_line_parse(L, &session->server->host->names, method, line, &missing, &error))
    return missing.name[0] ? load_first(L, session, &missing) : tp_raise_error(L, &error);
  session->accepted = true;
  session->method = method;
  luaL_checkstack(L, 1, NULL);
  lua_pushcfunction(L, call);
  lua_insert(L, 1);
  lua_KContext context = (lua_KContext)session;
  lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, context, finish);
  return finish(L, LUA_OK, context);
}

static int run_own(lua_State *L, tp_session *session, const tp_method *record, const tp_line *line,
                   lua_CFunction call) {
  lua_pushlightuserdata(L, session);
  return call_method(L, session, record, line, call);
}

static int run_method(lua_State *L, tp_session *session, const tp_line *line) {
  tp_error error;
  int kind = kind_of(L, session);
  const tp_method *method = tp_method_find(line->command, kind);
  if (line->help && method)
    return answer_help(L, session, method);
  if (!method) {
    tp_line_unknown(line, tp_methods, kind, &error);
    return tp_raise_error(L, &error);
  }
  if (!session->pool)
    return tp_raise(L, TP_NOT_AVAILABLE, "the host has no pool yet");
  lua_rawgeti(L, LUA_REGISTRYINDEX, session->pool_ref);
  return call_method(L, session, method, line, method->call);
}

int tp_command_run(lua_State *L, tp_session *session) {
  tp_line line;
  lua_CFunction call;
  if (memchr(session->line.bytes, '\0', session->line.length))
    return tp_raise(L, TP_INVALID_ARGUMENT, "the line has a zero byte in it");
  tp_line_split(&line, session->line.bytes, session->line.length);
  const tp_method *record = find_own(line.command, &call);
  if (record && line.help)
    return answer_help(L, session, record);
  if (line.command[0] == '\0' || (record && !call))
    return answer_help(L, session, NULL);
  return record ? run_own(L, session, record, &line, call) : run_method(L, session, &line);
}
