/* SPDX-License-Identifier: MIT
 *
 * taskpool.control for Lua: servers as values, and what their clients need.
 *
 *     local server = control.serve{pool, tcp = "127.0.0.1:0"}     or {pool, other, unix = path}
 *     print(server:address())                                     tcp://127.0.0.1:40123
 *     server:wait()                                               until it is closed
 *
 * A server stays open until it is closed, whether or not Lua still holds the value: the value is
 * kept in the registry meanwhile. */
#include "server/module.h"
#include "binding/load.h"
#include "command/schema.h"
#include "exec/park.h"
#include "exec/wait.h"
#include "server/answer.h"
#include "server/builtin.h"
#include "server/options.h"
#include "server/server.h"
#include "value/json.h"
#include "value/raise.h"
#include <lauxlib.h>

#define SERVER_TYPE "taskpool.server"

/* The userdata. Its user value is the list of the wake ids of the coroutines that wait for the end.
 */
typedef struct server_value {
  tp_server *server; /* NULL: not yet open, or gone */
  tp_host *host;     /* where it runs */
  int self;          /* registry reference of this userdata while the server lives */
  char address[TP_ADDRESS_TEXT_SIZE]; /* where it listens, or did */
} server_value;

static server_value *check_server(lua_State *L) {
  return luaL_checkudata(L, 1, SERVER_TYPE);
}

/* ---- methods ---- */

static int l_server_close(lua_State *L) {
  server_value *value = check_server(L);
  if (value->server)
    tp_server_end(value->server);
  return 0;
}

static int l_server_address(lua_State *L) {
  lua_pushstring(L, check_server(L)->address);
  return 1;
}

static int l_server_tostring(lua_State *L) {
  const server_value *value = check_server(L);
  lua_pushfstring(L, "control server %s%s", value->address, value->server ? "" : " (closed)");
  return 1;
}

static int after_wait(lua_State *L, int status, lua_KContext context) {
  (void)status;
  tp_wait_values((tp_exec *)context, L, 1);
  lua_pushboolean(L, true);
  return 1;
}

/* Waits until the server is closed and its last client gone; returns true. */
static int l_server_wait(lua_State *L) {
  const server_value *value = check_server(L);
  if (!value->server) {
    lua_pushboolean(L, true);
    return 1;
  }
  lua_settop(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_pushinteger(L, (lua_Integer)tp_wait_id(value->host->exec, L));
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_settop(L, 1);
  return tp_wait_park(value->host->exec, L, after_wait, (lua_KContext)value->host->exec);
}

/* The server is gone: releases the value and wakes the coroutines that wait. */
static void on_closed(void *context) {
  server_value *value = context;
  lua_State *L = value->host->L;
  value->server = NULL;
  if (!lua_checkstack(L, 4))
    return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, value->self);
  lua_getiuservalue(L, -1, 1);
  for (lua_Integer i = 1; lua_rawgeti(L, -1, i) == LUA_TNUMBER; i++) {
    tp_park_wake(value->host->exec, (tp_wake_id)lua_tointeger(L, -1), L, 0);
    lua_pop(L, 1);
  }
  lua_pop(L, 3);
  luaL_unref(L, LUA_REGISTRYINDEX, value->self);
}

static const luaL_Reg server_methods[] = {
    {"close", l_server_close},
    {"wait", l_server_wait},
    {"address", l_server_address},
    {NULL, NULL},
};

static const luaL_Reg server_metamethods[] = {
    {"__close", l_server_close},
    {"__gc", l_server_close},
    {"__tostring", l_server_tostring},
    {"__index", NULL},
    {NULL, NULL},
};

/* Pushes a new value for a server that is yet to be opened. */
static server_value *push_server(lua_State *L) {
  server_value *value = lua_newuserdatauv(L, sizeof *value, 1);
  *value = (server_value){.host = tp_state_host(L), .self = LUA_NOREF};
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  if (luaL_newmetatable(L, SERVER_TYPE)) {
    luaL_setfuncs(L, server_metamethods, 0);
    luaL_newlib(L, server_methods);
    lua_setfield(L, -2, "__index");
  }
  lua_setmetatable(L, -2);
  return value;
}

/* ---- serve ---- */

/* serve{pool…, tcp = "HOST:PORT" | unix = "PATH", …}: opens a server for these pools, or for all.
 */
static int l_serve(lua_State *L) {
  tp_server_options options = {.closed = on_closed};
  tp_error error;
  tp_load_check(L, "no control server can be opened");
  tp_options_read(L, &options);
  server_value *value = push_server(L);
  options.context = value;
  lua_pushvalue(L, -1);
  value->self = luaL_ref(L, LUA_REGISTRYINDEX);
  value->server = tp_server_open(value->host, L, &options, &error);
  if (!value->server) {
    luaL_unref(L, LUA_REGISTRYINDEX, value->self);
    return tp_raise_error(L, &error);
  }
  tp_address_write(&value->server->listener.address, value->address);
  return 1;
}

/* ---- answers, for clients ---- */

/* Lua: pushes the light userdata, which is JSON. */
static int l_push_json(lua_State *L) {
  tp_json_push(L, lua_touserdata(L, 1));
  return 1;
}

/* decode(line): the value of a line of JSON; nil for anything else. */
static int l_decode(lua_State *L) {
  size_t length;
  const char *line = luaL_checklstring(L, 1, &length);
  json_t *json = json_loadb(line, length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (!json)
    return 0;
  lua_pushcfunction(L, l_push_json);
  lua_pushlightuserdata(L, json);
  int status = lua_pcall(L, 1, 1, 0);
  json_decref(json);
  return status == LUA_OK ? 1 : lua_error(L);
}

/* schema(): all commands, as `help --json` has them. */
static int l_schema(lua_State *L) {
  tp_schema_push(L, tp_builtin_tables, TP_ANSWER_PROTOCOL);
  return 1;
}

static const luaL_Reg functions[] = {
    {"schema", l_schema},
    {"serve", l_serve},
    {"decode", l_decode},
    {NULL, NULL},
};

int luaopen_taskpool_control_core(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
