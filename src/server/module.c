/* SPDX-License-Identifier: MIT
 *
 * taskpool.control for Lua: servers as values.
 *
 *     local server = control.serve{pool, tcp = "127.0.0.1:0"}     or {pool, other, unix = path}
 *     print(server:address())                                     tcp://127.0.0.1:40123
 *     server:wait()                                               until it is closed
 *
 * A server stays open until it is closed, whether or not Lua still holds the value: the value is
 * kept in the registry meanwhile. */
#include "server/module.h"
#include "binding/handle.h"
#include "binding/load.h"
#include "exec/park.h"
#include "exec/wait.h"
#include "server/server.h"
#include "value/json.h"
#include "value/raise.h"
#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

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

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The stack of `serve`: its options, and what was found in them. */
enum { OPTIONS = 1, ADDRESS, POOL };

/* The options that are addresses. */
static const struct {
  const char *key;    /* in the options */
  const char *prefix; /* of the address */
} addresses[] = {
    {.key = "tcp", .prefix = "tcp://"},
    {.key = "unix", .prefix = "unix:"},
};

/* Sets the address from the value on top, if `key` is an option for one. */
static bool read_address(lua_State *L, const char *key) {
  size_t length, i = 0;
  while (i < COUNT(addresses) && strcmp(key, addresses[i].key) != 0)
    i++;
  if (i == COUNT(addresses))
    return false;
  if (!lua_isnil(L, ADDRESS))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: a server has one address, either tcp or unix");
  const char *text = lua_tolstring(L, -1, &length);
  if (lua_type(L, -1) != LUA_TSTRING || strlen(text) != length)
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a string without zero bytes", key);
  lua_pushfstring(L, "%s%s", addresses[i].prefix, text);
  lua_replace(L, ADDRESS);
  return true;
}

/* The options that are numbers. */
static const struct {
  const char *key;  /* in the options */
  lua_Number least; /* the smallest value that it may have */
  lua_Number most;  /* the greatest */
  lua_Number unit;  /* what one of it is in the limit */
  size_t limit;     /* where that is in tp_client_limits */
} numbers[] = {
    {.key = "max_clients",
     .least = 1,
     .most = 1e6,
     .unit = 1,
     .limit = offsetof(tp_client_limits, clients)},
    {.key = "line_timeout",
     .least = 0.001,
     .most = 1e6,
     .unit = 1000,
     .limit = offsetof(tp_client_limits, line_ms)},
    {.key = "unread_timeout",
     .least = 0.001,
     .most = 1e6,
     .unit = 1000,
     .limit = offsetof(tp_client_limits, unread_ms)},
};

/* Sets a limit from the value on top, if `key` is an option for one. */
static bool read_limit(lua_State *L, const char *key, tp_client_limits *limits) {
  size_t i = 0;
  while (i < COUNT(numbers) && strcmp(key, numbers[i].key) != 0)
    i++;
  if (i == COUNT(numbers))
    return false;
  lua_Number value = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !(value >= numbers[i].least && value <= numbers[i].most))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a number from %f to %f", key,
             numbers[i].least, numbers[i].most);
  *(uint64_t *)((char *)limits + numbers[i].limit) = (uint64_t)(numbers[i].unit * value);
  return true;
}

/* Reads the option whose key and value are on top of the stack. */
static void read_option(lua_State *L, tp_client_limits *limits) {
  const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : NULL;
  lua_Integer index = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
  if (index >= 1 && index <= (lua_Integer)lua_rawlen(L, OPTIONS)) /* a pool, read later */
    return;
  if (key && strcmp(key, "pool") == 0) {
    lua_pushvalue(L, -1);
    lua_replace(L, POOL);
    return;
  }
  if (key && (read_address(L, key) || read_limit(L, key, limits)))
    return;
  tp_raise(L, TP_INVALID_ARGUMENT,
           "serve: unknown option '%s'; it takes pools, tcp, unix, max_clients, line_timeout and "
           "unread_timeout",
           luaL_tolstring(L, -2, NULL));
}

/* Pushes a buffer with the pools: that of the option `pool`, if any, then those of the list. */
static tp_pool **push_pools(lua_State *L, size_t *count) {
  lua_Unsigned length = lua_rawlen(L, OPTIONS);
  tp_pool **pools = lua_newuserdatauv(L, (length + 1) * sizeof(tp_pool *), 0);
  *count = 0;
  if (!lua_isnil(L, POOL))
    pools[(*count)++] = tp_handle_check(L, POOL);
  for (lua_Unsigned i = 1; i <= length; i++) {
    lua_rawgeti(L, OPTIONS, (lua_Integer)i);
    pools[(*count)++] = tp_handle_check(L, -1);
    lua_pop(L, 1);
  }
  return pools;
}

/* serve{pool…, tcp = "HOST:PORT" | unix = "PATH", …}: opens a server for these pools, or for all.
 */
static int l_serve(lua_State *L) {
  tp_server_options options = {.closed = on_closed};
  tp_error error;
  tp_load_check(L, "no control server can be opened");
  if (lua_type(L, OPTIONS) != LUA_TTABLE)
    return tp_raise(L, TP_INVALID_ARGUMENT, "serve: expects a table with pools and an address");
  lua_settop(L, OPTIONS);
  lua_settop(L, POOL);
  for (lua_pushnil(L); lua_next(L, OPTIONS); lua_pop(L, 1))
    read_option(L, &options.limits);
  if (lua_isnil(L, ADDRESS))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "serve: needs an address: tcp = \"127.0.0.1:8001\" or unix = \"PATH\"");
  options.address = lua_tostring(L, ADDRESS);
  options.pools = push_pools(L, &options.pool_count);
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

static const luaL_Reg functions[] = {
    {"serve", l_serve},
    {"decode", l_decode},
    {NULL, NULL},
};

int luaopen_taskpool_control_core(lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
