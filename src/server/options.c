/* SPDX-License-Identifier: MIT
 *
 * The options of a server as Lua gives them; see options.h. */
#include "server/options.h"
#include "binding/handle.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The stack: the table, and what was found in it. */
enum { OPTIONS = 1, ADDRESS, POOL, UIDS, TOP = UIDS };

/* ---- readers ---- */

typedef struct option option;

/* Reads the value on top of the stack. */
typedef void read_value(lua_State *L, const option *of, tp_serve_options *to);

struct option {
  const char *key;    /* in the table */
  read_value *read;   /* takes its value */
  const char *prefix; /* of an address: what stands before it */
  size_t field;       /* of the others: where it is in tp_serve_options */
  lua_Number least;   /* of a number: the smallest */
  lua_Number most;    /* of a number: the greatest */
};

static const char *check_text(lua_State *L, const option *of) {
  size_t length = 0;
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &length) : NULL;
  if (!text || strlen(text) != length)
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a string without zero bytes", of->key);
  return text;
}

static void read_address(lua_State *L, const option *of, tp_serve_options *to) {
  (void)to;
  if (!lua_isnil(L, ADDRESS))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: a server has one address, either tcp or unix");
  lua_pushfstring(L, "%s%s", of->prefix, check_text(L, of));
  lua_replace(L, ADDRESS);
}

static void read_pool(lua_State *L, const option *of, tp_serve_options *to) {
  (void)of, (void)to;
  lua_pushvalue(L, -1);
  lua_replace(L, POOL);
}

/* Where an option is to be kept. */
static void *field_of(const option *of, tp_serve_options *to) {
  return (char *)to + of->field;
}

/* A string that the table keeps alive. */
static void read_text(lua_State *L, const option *of, tp_serve_options *to) {
  const char **field = field_of(of, to);
  *field = check_text(L, of);
}

static void read_role(lua_State *L, const option *of, tp_serve_options *to) {
  if (!tp_access_read_role(check_text(L, of), &to->role))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be read or operate", of->key);
}

static lua_Number check_number(lua_State *L, const option *of) {
  lua_Number value = lua_tonumber(L, -1);
  if (lua_type(L, -1) != LUA_TNUMBER || !(value >= of->least && value <= of->most))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a number from %f to %f", of->key,
             of->least, of->most);
  return value;
}

static void read_count(lua_State *L, const option *of, tp_serve_options *to) {
  uint64_t *field = field_of(of, to);
  *field = (uint64_t)check_number(L, of);
}

static void read_seconds(lua_State *L, const option *of, tp_serve_options *to) {
  double *field = field_of(of, to);
  *field = (double)check_number(L, of);
}

/* Sets the list of user ids, which is kept in a buffer. */
static void read_uids(lua_State *L, const option *of, tp_serve_options *to) {
  int list = lua_gettop(L);
  lua_Unsigned count = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
  if (!lua_istable(L, list))
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a list of user ids", of->key);
  unsigned *uids = lua_newuserdatauv(L, (count + 1) * sizeof *uids, 0);
  for (lua_Unsigned i = 0; i < count; i++) {
    lua_rawgeti(L, list, (lua_Integer)i + 1);
    lua_Integer uid = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
    if (uid < 0 || uid >= (lua_Integer)UINT32_MAX)
      tp_raise(L, TP_INVALID_ARGUMENT, "serve: '%s' must be a list of user ids", of->key);
    uids[i] = (unsigned)uid;
    lua_pop(L, 1);
  }
  lua_replace(L, UIDS);
  to->uids = uids;
  to->uid_count = count;
}

#define FIELD(name) .key = #name, .field = offsetof(tp_serve_options, name)

/* How long a time may be, in seconds. */
#define SECONDS .read = read_seconds, .least = 0.001, .most = 1e6

static const option options[] = {
    {.key = "tcp", .read = read_address, .prefix = "tcp://"},
    {.key = "unix", .read = read_address, .prefix = "unix:"},
    {.key = "pool", .read = read_pool},
    {FIELD(role), .read = read_role},
    {FIELD(token), .read = read_text},
    {FIELD(token_file), .read = read_text},
    {FIELD(uids), .read = read_uids},
    {FIELD(max_clients), .read = read_count, .least = 1, .most = 1e6},
    {FIELD(max_line), .read = read_count, .least = 1024, .most = 1 << 30},
    {FIELD(max_unread), .read = read_count, .least = 65536, .most = 1 << 30},
    {FIELD(line_timeout), SECONDS},
    {FIELD(unread_timeout), SECONDS},
    {FIELD(idle_timeout), SECONDS},
};

/* ---- the table ---- */

/* Raises: there is no option with the key at -2. */
static void refuse_key(lua_State *L) {
  luaL_Buffer known;
  const char *key = luaL_tolstring(L, -2, NULL);
  luaL_buffinit(L, &known);
  for (size_t i = 0; i < COUNT(options); i++) {
    luaL_addstring(&known, ", ");
    luaL_addstring(&known, options[i].key);
  }
  luaL_pushresult(&known);
  tp_raise(L, TP_INVALID_ARGUMENT, "serve: unknown option '%s'; it takes pools%s", key,
           lua_tostring(L, -1));
}

/* Reads the option whose key and value are on top of the stack. */
static void read_option(lua_State *L, tp_serve_options *to) {
  const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
  lua_Integer index = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
  int top = lua_gettop(L);
  size_t i = 0;
  if (index >= 1 && index <= (lua_Integer)lua_rawlen(L, OPTIONS)) /* a pool, read later */
    return;
  while (i < COUNT(options) && strcmp(key, options[i].key) != 0)
    i++;
  if (i == COUNT(options))
    refuse_key(L);
  options[i].read(L, &options[i], to);
  lua_settop(L, top);
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

void tp_options_read(lua_State *L, tp_server_options *to) {
  if (lua_type(L, OPTIONS) != LUA_TTABLE)
    tp_raise(L, TP_INVALID_ARGUMENT, "serve: expects a table with pools and an address");
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  lua_settop(L, OPTIONS);
  lua_settop(L, TOP);
  tp_serve_options_init(&to->serve);
  for (lua_pushnil(L); lua_next(L, OPTIONS); lua_pop(L, 1))
    read_option(L, &to->serve);
  if (lua_isnil(L, ADDRESS))
    tp_raise(L, TP_INVALID_ARGUMENT,
             "serve: needs an address: tcp = \"127.0.0.1:8001\" or unix = \"PATH\"");
  to->address = lua_tostring(L, ADDRESS);
  to->pools = push_pools(L, &to->pool_count);
}
