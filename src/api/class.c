/* SPDX-License-Identifier: MIT
 *
 * The classes of pools: their userdata, constructors, and how a name becomes a method or a
 * property. */
#include "api/class.h"
#include "api/arguments.h"
#include "api/funcname.h"
#include "api/method.h"
#include "exec/exec.h"
#include "host/host.h"
#include "value/error.h"
#include "value/text.h"

#include <lauxlib.h>

/* Its address is the registry key of the weak table pool -> userdata. */
static const char pools_key;

static const char *class_name(int kind) {
  return kind == TP_ON_TASK_POOL ? "TaskPool" : "SimpleTaskPool";
}

/* ---- the userdata ---- */

static tp_pool *to_pool(lua_State *L, int index) {
  static const int kinds[] = {TP_ON_TASK_POOL, TP_ON_SIMPLE_POOL};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    tp_pool **box = luaL_testudata(L, index, class_name(kinds[i]));
    if (box)
      return *box;
  }
  return NULL;
}

tp_pool *tp_pool_check(lua_State *L, int index) {
  tp_pool *pool = to_pool(L, index);
  if (!pool)
    tp_raise(L, TP_INVALID_ARGUMENT,
             "a pool is wanted, not %s; call methods with a colon, as pool:lock()",
             luaL_typename(L, index));
  return pool;
}

void tp_pool_push(lua_State *L, tp_pool *pool) {
  lua_rawgetp(L, LUA_REGISTRYINDEX, &pools_key);
  lua_rawgetp(L, -1, pool);
  lua_remove(L, -2);
}

static int l_pool_gc(lua_State *L) {
  tp_pool **box = lua_touserdata(L, 1);
  if (*box)
    tp_host_remove_pool(tp_host_of(L), *box);
  *box = NULL;
  return 0;
}

static int l_pool_tostring(lua_State *L) {
  lua_pushstring(L, tp_pool_check(L, 1)->label);
  return 1;
}

/* Makes a pool and pushes its userdata. */
static tp_pool *push_new(lua_State *L, int kind, const char *name, uint64_t size) {
  if (tp_host_of(L)->closing)
    tp_raise(L, TP_NOT_AVAILABLE, "the host is closed");
  tp_pool **box = lua_newuserdatauv(L, sizeof(tp_pool *), TP_PEG_VALUES);
  *box = NULL;
  luaL_setmetatable(L, class_name(kind));
  tp_pool *pool = tp_host_add_pool(tp_host_of(L), kind, class_name(kind), name, size);
  if (!pool)
    tp_raise(L, TP_NO_MEMORY, "no memory for a pool");
  *box = pool;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &pools_key);
  lua_pushvalue(L, -2);
  lua_rawsetp(L, -2, pool);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, pool); /* stays until it is closed */
  return pool;
}

void tp_pool_unpin(lua_State *L, tp_pool *pool) {
  lua_pushnil(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, pool);
}

/* ---- constructors ---- */

/* Pushes the option `param` of the table at `options`, checked; nil if there is none. */
static int push_option(lua_State *L, int options, const char *what, const char *name,
                       tp_param_type type) {
  const tp_param param = {.name = name, .type = type};
  if (lua_isnoneornil(L, options))
    lua_pushnil(L);
  else if (lua_getfield(L, options, name) != LUA_TNIL)
    tp_arguments_check(L, lua_gettop(L), what, &param);
  return lua_gettop(L);
}

uint64_t tp_pool_to_size(lua_State *L, int index) {
  return lua_isinteger(L, index) ? (uint64_t)lua_tointeger(L, index) : TP_UNLIMITED;
}

static void set_grace(lua_State *L, const tp_pool *pool, int seconds) {
  tp_run *run = pool->owner;
  if (!lua_isnil(L, seconds))
    run->grace = lua_tonumber(L, seconds);
}

static void check_options(lua_State *L, int options, const char *what, const char *const known[]) {
  if (lua_isnoneornil(L, options))
    return;
  if (!lua_istable(L, options))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: the options must be a table, not %s", what,
             luaL_typename(L, options));
  tp_arguments_check_keys(L, options, what, known);
}

int l_task_pool_new(lua_State *L) {
  static const char *const known[] = {"size", "name", "cancel_grace", NULL};
  lua_settop(L, 1);
  check_options(L, 1, "TaskPool", known);
  int size = push_option(L, 1, "TaskPool", "size", TP_PARAM_SIZE);
  int name = push_option(L, 1, "TaskPool", "name", TP_PARAM_NAME);
  int grace = push_option(L, 1, "TaskPool", "cancel_grace", TP_PARAM_SECONDS);
  tp_pool *pool = push_new(L, TP_ON_TASK_POOL, lua_tostring(L, name), tp_pool_to_size(L, size));
  set_grace(L, pool, grace);
  return 1;
}

int l_simple_task_pool_new(lua_State *L) {
  static const char *const known[] = {"args", "kwargs", "end_callback", "cancel_callback", "size",
                                      "name", NULL};
  static const char *const what = "SimpleTaskPool";
  static const tp_param function = {.name = "func", .type = TP_PARAM_FUNCTION};
  lua_settop(L, 2);
  tp_arguments_check(L, 1, what, &function);
  check_options(L, 2, what, known);
  int args = push_option(L, 2, what, "args", TP_PARAM_LIST);
  int kwargs = push_option(L, 2, what, "kwargs", TP_PARAM_TABLE);
  int end_callback = push_option(L, 2, what, "end_callback", TP_PARAM_FUNCTION);
  int cancel_callback = push_option(L, 2, what, "cancel_callback", TP_PARAM_FUNCTION);
  int size = push_option(L, 2, what, "size", TP_PARAM_SIZE);
  int name = push_option(L, 2, what, "name", TP_PARAM_NAME);
  tp_bind_arguments(L, 1, args, kwargs);
  int arguments = lua_gettop(L);
  tp_funcname_push(L, 1);
  int function_name = lua_gettop(L);
  int grace = push_option(L, 2, what, "cancel_grace", TP_PARAM_SECONDS);
  tp_pool *pool = push_new(L, TP_ON_SIMPLE_POOL, lua_tostring(L, name), tp_pool_to_size(L, size));
  set_grace(L, pool, grace);
  const int values[] = {[TP_PEG_FUNCTION] = 1,
                        [TP_PEG_ARGUMENTS] = arguments,
                        [TP_PEG_END_CALLBACK] = end_callback,
                        [TP_PEG_CANCEL_CALLBACK] = cancel_callback,
                        [TP_PEG_NAME] = function_name};
  for (int i = TP_PEG_FUNCTION; i <= TP_PEG_VALUES; i++) {
    lua_pushvalue(L, values[i]);
    lua_setiuservalue(L, -2, i);
  }
  return 1;
}

/* ---- the classes ---- */

/* Lua: calls a method with its arguments laid out. Upvalue: the record. */
static int l_call(lua_State *L) {
  const tp_method *method = lua_touserdata(L, lua_upvalueindex(1));
  const tp_pool *pool = tp_pool_check(L, 1);
  if (!(method->on & pool->kind))
    return tp_raise(L, TP_INVALID_ARGUMENT, "%s has no method '%s'", pool->label, method->name);
  tp_arguments_lay_out(L, method);
  return method->call(L);
}

/* Lua: pool.name. Upvalue: the table of methods (functions) and properties (records). */
static int l_index(lua_State *L) {
  lua_settop(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  if (lua_type(L, -1) != LUA_TLIGHTUSERDATA)
    return 1;
  const tp_method *method = lua_touserdata(L, -1);
  lua_settop(L, 1);
  lua_pushnil(L);
  return method->call(L);
}

/* Lua: pool.name = value. Upvalue: as above. */
static int l_newindex(lua_State *L) {
  lua_settop(L, 3);
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(1));
  const tp_method *method = lua_touserdata(L, -1);
  if (!method || !method->params[0].kind)
    return tp_raise(L, TP_INVALID_ARGUMENT, "%s has no property '%s' that can be set",
                    tp_pool_check(L, 1)->label, luaL_tolstring(L, 2, NULL));
  lua_pop(L, 1);
  lua_remove(L, 2);
  tp_arguments_check(L, 2, method->name, &method->params[0]);
  return method->call(L);
}

/* Pushes the table name -> method or record for pools of that kind. */
static void push_members(lua_State *L, int kind) {
  lua_newtable(L);
  for (const tp_method *method = tp_methods; method->name; method++) {
    if (!(method->on & kind))
      continue;
    lua_pushlightuserdata(L, (void *)method);
    if (!method->property)
      lua_pushcclosure(L, l_call, 1);
    lua_setfield(L, -2, method->name);
  }
}

static void open_class(lua_State *L, int kind) {
  luaL_newmetatable(L, class_name(kind));
  lua_pushcfunction(L, l_pool_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, l_pool_tostring);
  lua_setfield(L, -2, "__tostring");
  push_members(L, kind);
  lua_pushvalue(L, -1);
  lua_pushcclosure(L, l_index, 1);
  lua_setfield(L, -3, "__index");
  lua_pushcclosure(L, l_newindex, 1);
  lua_setfield(L, -2, "__newindex");
  lua_pushstring(L, class_name(kind));
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}

/* Lua: the text of a set. */
static int l_set_tostring(lua_State *L) {
  tp_text_push(L, 1);
  return 1;
}

void tp_pool_open(lua_State *L) {
  open_class(L, TP_ON_TASK_POOL);
  open_class(L, TP_ON_SIMPLE_POOL);
  luaL_newmetatable(L, TP_SET_TYPE);
  lua_pushcfunction(L, l_set_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_newtable(L);
  lua_newtable(L);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &pools_key);
  lua_pop(L, 1);
}
