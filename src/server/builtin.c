/* SPDX-License-Identifier: MIT
 *
 * The commands of a session itself; see builtin.h. */
#include "server/builtin.h"
#include "binding/candidates.h"
#include "binding/follow.h"
#include "binding/load.h"
#include "binding/profiling.h"
#include "binding/status.h"
#include "command/complete.h"
#include "command/line.h"
#include "command/spelling.h"
#include "server/auth.h"
#include "server/manual.h"
#include "server/session.h"
#include "value/raise.h"
#include <lauxlib.h>
#include <string.h>

/* Each function gets the session in slot 1, then its arguments as a method does. */
enum { SESSION = 1 };

/* Has no answer: the session ends. */
static int l_exit(lua_State *L) {
  tp_session *session = lua_touserdata(L, SESSION);
  session->busy = false;
  tp_session_leave(session);
  return 0;
}

static int l_ping(lua_State *L) {
  lua_pushliteral(L, "pong");
  return 1;
}

/* What there is to end was ended when the line came (session.h). */
static int l_interrupt(lua_State *L) {
  (void)L;
  return 0;
}

static int l_auth(lua_State *L) {
  enum { TOKEN = 2 };
  tp_session *session = lua_touserdata(L, SESSION);
  tp_span token = {.bytes = luaL_checklstring(L, TOKEN, &token.length)};
  token = tp_span_trim(token, " \t");
  return tp_auth_take(session, token.bytes, token.length) ? 0 : tp_auth_refuse(L, session);
}

static int l_pools(lua_State *L) {
  enum { LONG = 2 };
  const tp_session *session = lua_touserdata(L, SESSION);
  bool is_long = lua_toboolean(L, LONG);
  const tp_pool *pool;
  lua_newtable(L);
  for (size_t i = 0; (pool = tp_served_at(session->target.served, i)); i++) {
    if (is_long)
      tp_status_push(L, pool);
    else
      lua_pushstring(L, pool->label);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int l_use(lua_State *L) {
  enum { POOL = 2 };
  tp_session *session = lua_touserdata(L, SESSION);
  const char *word = luaL_checkstring(L, POOL);
  if (!tp_target_use(&session->target, L, tp_target_find(&session->target, L, word)))
    return tp_raise(L, TP_NOT_FOUND, "there is no pool '%s'; `pools` lists all", word);
  return 0;
}

/* Pushes the events of the pools that are served, of one of them, or of a group. */
static int l_events(lua_State *L) {
  enum { KIND = 2, GROUP, POOL };
  tp_session *session = lua_touserdata(L, SESSION);
  const tp_served *served = session->target.served;
  const char *word = lua_tostring(L, POOL);
  tp_follower_filter filter = {.kinds = tp_follow_check_kinds(L, KIND),
                               .group = lua_tostring(L, GROUP),
                               .pool =
                                   word ? tp_target_find(&session->target, L, word)->label : NULL,
                               .has_pools = !served->all,
                               .pool_count = served->all ? 0 : served->count};
  filter.pools = lua_newuserdatauv(L, (filter.pool_count + 1) * sizeof *filter.pools, 0);
  for (size_t i = 0; i < filter.pool_count; i++)
    filter.pools[i] = served->kept[i].pool;
  tp_follow_push(L, session->clients->host, &filter, TP_FOLLOW_LIMIT_DEFAULT);
  return 1;
}

static int l_profile(lua_State *L) {
  enum { SECONDS = 2, POOL, LINES, INTERVAL };
  tp_session *session = lua_touserdata(L, SESSION);
  const char *word = lua_tostring(L, POOL);
  const tp_profiling of = {.seconds = lua_tonumber(L, SECONDS),
                           .pool = word ? tp_target_find(&session->target, L, word) : NULL,
                           .lines = lua_toboolean(L, LINES),
                           .interval = luaL_optnumber(L, INTERVAL, TP_SAMPLER_INTERVAL_DEFAULT)};
  return tp_profiling_run(L, session->clients->host, &of);
}

static int l_modules(lua_State *L) {
  const tp_session *session = lua_touserdata(L, SESSION);
  tp_catalog_push(L, &session->clients->host->names);
  return 1;
}

/* The new text has been run in this Lua state; the threads come next. What is lost is on top. */
static int after_reload(lua_State *L, int status, lua_KContext context) {
  enum { MODULE = 2 };
  const tp_session *session = lua_touserdata(L, SESSION);
  (void)status, (void)context;
  tp_host_reload(session->clients->host, lua_tostring(L, MODULE));
  return !lua_isnil(L, -1);
}

static int l_reload(lua_State *L) {
  enum { MODULE = 2 };
  tp_error error;
  const tp_session *session = lua_touserdata(L, SESSION);
  lua_pushcfunction(L, l_load);
  if (!tp_name_find_exposed(L, &session->clients->host->names, luaL_checkstring(L, MODULE),
                            tp_load_push_module(L), &error))
    return tp_raise_error(L, &error);
  lua_callk(L, 1, 1, 0, after_reload);
  return after_reload(L, LUA_OK, 0);
}

/* ---- help ---- */

/* The record of the command at `index`; raises NotFound. */
static const tp_method *check_command(lua_State *L, tp_session *session, int index) {
  size_t length;
  tp_line line;
  tp_error error;
  const char *word = lua_tolstring(L, index, &length);
  for (const tp_method *const *table = tp_builtin_tables; *table; table++)
    for (const tp_method *method = *table; method->name; method++)
      if (tp_spelling_equal(method->name, word, length))
        return method;
  tp_line_split(&line, (tp_cursor){.text = word, .length = length});
  tp_line_unknown(&line, tp_builtin_tables, tp_target_kind(&session->target, L), &error);
  tp_raise_error(L, &error);
}

/* Answers by itself. */
static int l_help(lua_State *L) {
  enum { COMMAND = 2, JSON };
  tp_session *session = lua_touserdata(L, SESSION);
  if (lua_toboolean(L, JSON))
    tp_manual_answer_schema(L, session, tp_builtin_tables);
  else if (lua_isnil(L, COMMAND))
    tp_manual_answer(L, session, tp_builtin_tables, NULL);
  else
    tp_manual_answer(L, session, tp_builtin_tables, check_command(L, session, COMMAND));
  session->busy = false;
  return 0;
}

/* ---- complete ---- */

static tp_pool *pool_at(const void *served, size_t index) {
  return tp_served_at(served, index);
}

static tp_pool *find_pool(const void *served, const char *word) {
  const tp_pool *other;
  tp_pool *pool = tp_served_find(served, word, &other);
  return other ? NULL : pool;
}

static int l_complete(lua_State *L) {
  enum { LINE = 2 };
  size_t length;
  tp_session *session = lua_touserdata(L, SESSION);
  const char *line = luaL_optlstring(L, LINE, "", &length);
  tp_target_kind(&session->target, L); /* chooses a pool where none was chosen */
  const tp_complete from = {.tables = tp_builtin_tables,
                            .role = session->role,
                            .pool = session->target.pool,
                            .names = &session->clients->host->names,
                            .pools = session->target.served,
                            .pool_at = pool_at,
                            .find_pool = find_pool};
  tp_complete_push(L, &from, line, length);
  return 1;
}

const tp_method tp_builtins[] = {
    {.name = "pools",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {{.name = "long",
                 .letter = 'l',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_FLAG,
                 .fallback = "false",
                 .help = "with the status of each"}},
     .summary = "List the pools that can be used here.",
     .fields = tp_status_list_fields,
     .result = TP_RESULT_ROWS,
     .call = l_pools},
    {.name = "use",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {{.name = "pool",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_NAME,
                 .value = "POOL",
                 .of = TP_PARAM_OF_POOL,
                 .help = "a pool, such as TaskPool-jobs or jobs"}},
     .summary = "Send the commands that follow to another pool.",
     .call = l_use},
    {.name = "modules",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .summary = "List the modules, or the names, that can be called from here.",
     .fields = tp_catalog_fields,
     .result = TP_RESULT_ROWS,
     .call = l_modules},
    {.name = "reload",
     .on = TP_ON_ALL,
     .role = TP_ROLE_OPERATE,
     .params = {{.name = "module",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_NAME,
                 .value = "MODULE",
                 .of = TP_PARAM_OF_MODULE,
                 .help = "a module, such as package.module"}},
     .summary = "Load the new text of a module, for tasks that start later.",
     .result = TP_RESULT_ANY,
     .call = l_reload},
    {.name = "complete",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {{.name = "line",
                 .kind = TP_PARAM_OPTIONAL,
                 .type = TP_PARAM_LINE,
                 .value = "LINE",
                 .help = "the beginning of a command line, as it stands"}},
     .summary = "List the words that could stand in place of the last word of a line.",
     .fields = tp_candidates_fields,
     .call = l_complete},
    {.name = "events",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .is_list = true,
     .params = {{.name = "kind",
                 .letter = 'k',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_NAME,
                 .value = "KIND",
                 .help = "only these, with commas between: pool, group or task for all of them, "
                         "or single ones such as started,ended (default: all)"},
                {.name = "group",
                 .letter = 'g',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_NAME,
                 .value = "NAME",
                 .of = TP_PARAM_OF_GROUP,
                 .help = "only those of this group (default: any)"},
                {.name = "pool",
                 .letter = 'p',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_NAME,
                 .value = "POOL",
                 .of = TP_PARAM_OF_POOL,
                 .help = "only those of this pool (default: any)"}},
     .summary = "Show what happens in pools, groups and tasks, until `interrupt` comes.",
     .fields = tp_follow_fields,
     .result = TP_RESULT_STREAM,
     .call = l_events},
    {.name = "profile",
     .on = TP_ON_ALL,
     .role = TP_ROLE_READ,
     .params = {{.name = "seconds",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_SECONDS,
                 .value = "SECONDS",
                 .help = "how long to look"},
                {.name = "pool",
                 .letter = 'p',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_NAME,
                 .value = "POOL",
                 .of = TP_PARAM_OF_POOL,
                 .help = "only tasks of this pool (default: all that runs)"},
                {.name = "lines",
                 .letter = 'l',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_FLAG,
                 .fallback = "false",
                 .help = "list the busiest lines, not stacks"},
                {.name = "interval",
                 .letter = 'i',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_SECONDS,
                 .value = "SECONDS",
                 .fallback = "0.001",
                 .help = "from one sample to the next"}},
     .summary = "Show what the Lua code of tasks does: stacks as flame graphs take them.",
     .result = TP_RESULT_ANY,
     .fields = tp_profiling_fields,
     .call = l_profile},
    {.name = "interrupt",
     .on = TP_ON_ALL,
     .role = TP_ROLE_NONE,
     .summary = "End the command before this one, if it still waits or streams.",
     .call = l_interrupt},
    {.name = "auth",
     .on = TP_ON_ALL,
     .role = TP_ROLE_NONE,
     .params = {{.name = "token",
                 .kind = TP_PARAM_REQUIRED,
                 .type = TP_PARAM_LINE,
                 .value = "TOKEN",
                 .help = "a token of this server"}},
     .summary = "Show a token, which says what this session may do.",
     .call = l_auth},
    {.name = "ping",
     .on = TP_ON_ALL,
     .role = TP_ROLE_NONE,
     .summary = "Answer pong, which tells that the host goes on.",
     .result = TP_RESULT_TEXT,
     .call = l_ping},
    {.name = "help",
     .on = TP_ON_ALL,
     .role = TP_ROLE_NONE,
     .params = {{.name = "command",
                 .kind = TP_PARAM_OPTIONAL,
                 .type = TP_PARAM_NAME,
                 .value = "COMMAND",
                 .of = TP_PARAM_OF_COMMAND,
                 .help = "explain this command, as COMMAND -h does"},
                {.name = "json",
                 .letter = 'j',
                 .kind = TP_PARAM_OPTION,
                 .type = TP_PARAM_FLAG,
                 .fallback = "false",
                 .help = "all commands, their parameters and results, for programs"}},
     .summary = "Show this list, as -h does, or the help on one command.",
     .result = TP_RESULT_TEXT,
     .call = l_help},
    {.name = "exit",
     .on = TP_ON_ALL,
     .role = TP_ROLE_NONE,
     .summary = "Leave this session.",
     .call = l_exit},
    {.name = NULL},
};

const tp_method *const tp_builtin_tables[] = {tp_methods, tp_builtins, NULL};

const tp_method *tp_builtin_find(const char *name) {
  for (const tp_method *builtin = tp_builtins; builtin->name; builtin++) {
    if (strcmp(builtin->name, name) == 0)
      return builtin;
  }
  return NULL;
}
