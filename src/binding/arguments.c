/* SPDX-License-Identifier: MIT
 *
 * Arguments of a method call in Lua; see arguments.h. */
#include "binding/arguments.h"
#include "binding/slots.h"
#include "exec/luastd.h"
#include "host/host.h"
#include "value/callable.h"
#include "value/iterator.h"
#include "value/list.h"
#include "value/name.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <math.h>

/* Raises that the value at `index` is not what was expected. Shows a number, or the type of another
 * value. */
static int refuse(lua_State *L, int index, const char *what, const tp_param *param,
                  const char *expected) {
  bool is_number = lua_type(L, index) == LUA_TNUMBER;
  return tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must be %s, not %s", what, param->name,
                  expected, is_number ? luaL_tolstring(L, index, NULL) : luaL_typename(L, index));
}

/* ---- one check for each type ---- */

/* A zero byte would cut a name. */
static void check_zero_bytes(lua_State *L, int index, const char *what, const tp_param *param) {
  size_t length;
  if (strlen(lua_tolstring(L, index, &length)) < length)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must not hold a zero byte", what, param->name);
}

static void check_function(lua_State *L, int index, const char *what, const tp_param *param) {
  if (tp_callable_is(L, index))
    return;
  if (lua_type(L, index) != LUA_TSTRING)
    refuse(L, index, what, param, "a function or its name");
  check_zero_bytes(L, index, what, param);
  tp_error error;
  if (!tp_name_push(L, lua_tostring(L, index), &error))
    tp_raise_error(L, &error);
  if (!tp_callable_is(L, -1))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' is %s, not a function", what, lua_tostring(L, index),
             luaL_typename(L, -1));
  lua_replace(L, index);
}

/* Raises that the table at `index`, which has keys only, is not a list. */
static void refuse_keys(lua_State *L, int index, const char *what, const tp_param *param,
                        const char *advice) {
  lua_pushnil(L);
  lua_next(L, index);
  lua_pop(L, 1);
  tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must be a list, but has the key '%.100s'; %s", what,
           param->name, luaL_tolstring(L, -1, NULL), advice);
}

/* Refuses the first value of pairs(t) or ipairs(t), which is all that is left of them if another
 * argument follows: it does not know t. */
static void check_cut(lua_State *L, int index, const char *what) {
  static const char *const makers[] = {"pairs", "ipairs"};
  if (!lua_iscfunction(L, index))
    return;
  luaL_checkstack(L, 5, NULL);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  lua_getfield(L, -1, LUA_GNAME);
  for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
    lua_getfield(L, -1, makers[i]);
    lua_newtable(L);
    if (lua_pcall(L, 1, 1, 0) == LUA_OK && lua_rawequal(L, -1, index))
      tp_raise(L, TP_INVALID_ARGUMENT,
               "%s: %s(t) is cut to its first value where an argument follows it; write: local f, "
               "s, i = %s(t); pool:%s(func, f, s, i, {...})",
               what, makers[i], makers[i], what);
    lua_pop(L, 1);
  }
  lua_pop(L, 2);
}

/* Replaces a table at `index` that is not a plain list by an iterator over it. */
static void check_iterable_table(lua_State *L, int index, const char *what, const tp_param *param) {
  bool says_length = tp_callable_has(L, index, "__len");
  lua_pushvalue(L, index);
  if (tp_callable_is(L, index)) {
    tp_iterator_push_calls(L);
  } else if ((!says_length || luaL_len(L, index) == 0) &&
             luaL_getmetafield(L, index, "__pairs") != LUA_TNIL) {
    lua_insert(L, -2);
    tp_iterator_push_made(L);
  } else if (says_length || tp_callable_has(L, index, "__index")) {
    tp_iterator_push_list(L);
  } else if (tp_list_has_keys_only(L, index)) {
    refuse_keys(L, index, what, param, "pairs(t) goes over keys and values");
  }
  lua_replace(L, index);
}

static void check_iterable(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_isthread(L, index)) {
    lua_pushvalue(L, index);
    tp_luastd_push_iterator(L, tp_state_host(L)->exec);
    lua_replace(L, index);
  } else if (lua_istable(L, index)) {
    check_iterable_table(L, index, what, param);
  } else if (!tp_callable_is(L, index)) {
    refuse(L, index, what, param, "a list, an iterator function or a coroutine");
  } else {
    check_cut(L, index, what);
  }
}

static void check_list(lua_State *L, int index, const char *what, const tp_param *param) {
  if (!lua_istable(L, index))
    refuse(L, index, what, param, "a table");
  if (tp_list_has_keys_only(L, index))
    refuse_keys(L, index, what, param, "arguments by name are 'kwargs', options come after it");
}

static void check_table(lua_State *L, int index, const char *what, const tp_param *param) {
  if (!lua_istable(L, index))
    refuse(L, index, what, param, "a table");
}

static void check_integer(lua_State *L, int index, const char *what, const tp_param *param) {
  int is_integer;
  lua_Integer value = lua_tointegerx(L, index, &is_integer);
  if (!is_integer || lua_type(L, index) != LUA_TNUMBER)
    refuse(L, index, what, param, "an integer");
  lua_pushinteger(L, value);
  lua_replace(L, index);
}

static void check_number(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_type(L, index) != LUA_TNUMBER)
    refuse(L, index, what, param, "a number");
  if (isnan(lua_tonumber(L, index)))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must not be nan", what, param->name);
}

static void check_count(lua_State *L, int index, const char *what, const tp_param *param) {
  check_integer(L, index, what, param);
  if (lua_tointeger(L, index) < 0)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must not be negative (%lld)", what, param->name,
             (long long)lua_tointeger(L, index));
}

static void check_seconds(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_type(L, index) != LUA_TNUMBER || !(lua_tonumber(L, index) >= 0))
    refuse(L, index, what, param, "a number of seconds, 0 or more");
}

static void check_size(lua_State *L, int index, const char *what, const tp_param *param) {
  bool is_infinite = lua_type(L, index) == LUA_TNUMBER && lua_tonumber(L, index) == HUGE_VAL;
  if (!is_infinite)
    check_count(L, index, what, param);
}

static void check_name(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_type(L, index) != LUA_TSTRING)
    refuse(L, index, what, param, "a string");
  check_zero_bytes(L, index, what, param);
}

static void check_policy(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_type(L, index) != LUA_TNUMBER && !lua_istable(L, index))
    refuse(L, index, what, param, "a number or a table");
}

static void check_target(lua_State *L, int index, const char *what, const tp_param *param) {
  if (lua_type(L, index) == LUA_TNUMBER)
    check_count(L, index, what, param);
  else if (lua_type(L, index) != LUA_TSTRING)
    refuse(L, index, what, param, "a group's name or a task's id");
  else
    check_name(L, index, what, param);
}

static void check_flag(lua_State *L, int index, const char *what, const tp_param *param) {
  if (!lua_isboolean(L, index))
    refuse(L, index, what, param, "a boolean");
}

uint64_t tp_arguments_to_size(lua_State *L, int index) {
  return lua_isinteger(L, index) ? (uint64_t)lua_tointeger(L, index) : TP_UNLIMITED;
}

uint64_t tp_arguments_to_limit(lua_State *L, int index) {
  return lua_isnil(L, index) ? TP_LIMIT_DEFAULT : tp_arguments_to_size(L, index);
}

void tp_arguments_check(lua_State *L, int index, const char *what, const tp_param *param) {
  typedef void check(lua_State * L, int index, const char *what, const tp_param *param);
  static check *const checks[] = {
      [TP_PARAM_FUNCTION] = check_function, [TP_PARAM_ITERABLE] = check_iterable,
      [TP_PARAM_LIST] = check_list,         [TP_PARAM_TABLE] = check_table,
      [TP_PARAM_INTEGER] = check_integer,   [TP_PARAM_COUNT] = check_count,
      [TP_PARAM_SIZE] = check_size,         [TP_PARAM_NUMBER] = check_number,
      [TP_PARAM_SECONDS] = check_seconds,   [TP_PARAM_ID] = check_count,
      [TP_PARAM_NAME] = check_name,         [TP_PARAM_POLICY] = check_policy,
      [TP_PARAM_TARGET] = check_target,     [TP_PARAM_FLAG] = check_flag,
      [TP_PARAM_LINE] = check_name,
  };
  checks[param->type](L, index, what, param);
}

/* Refuses keys of the table at `index` that are not in `known` (ended by NULL). */
static void check_keys(lua_State *L, int index, const char *what, const char *const known[]) {
  lua_pushnil(L);
  while (lua_next(L, index)) {
    lua_pop(L, 1);
    if (lua_type(L, -1) != LUA_TSTRING)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s: options must be given by name", what);
    const char *key = lua_tostring(L, -1);
    const char *const *name = known;
    while (*name && strcmp(*name, key) != 0)
      name++;
    if (!*name)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s has no option '%s'", what, key);
  }
}

/* ---- the layout ---- */

void tp_arguments_lay_out_options(lua_State *L, int table, const char *what,
                                  const tp_param *options) {
  const char *known[TP_OPTIONS_MAX + 1] = {NULL};
  bool is_given = !lua_isnoneornil(L, table);
  if (is_given && !lua_istable(L, table))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: the options must be a table, not %s", what,
             luaL_typename(L, table));
  luaL_checkstack(L, TP_OPTIONS_MAX + 4, NULL);
  for (int i = 0; options[i].name; i++) {
    known[i] = options[i].name;
    if (!is_given)
      lua_pushnil(L);
    else if (lua_getfield(L, table, options[i].name) != LUA_TNIL)
      tp_arguments_check(L, lua_gettop(L), what, &options[i]);
  }
  if (is_given)
    check_keys(L, table, what, known);
}

void tp_arguments_name_pool(lua_State *L, int index) {
  luaL_checkstack(L, 6, NULL);
  lua_newtable(L);
  int copy = lua_gettop(L);
  for (lua_pushnil(L); lua_next(L, index);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, copy);
  }
  if (lua_getfield(L, copy, "pool") == LUA_TUSERDATA)
    luaL_tolstring(L, -1, NULL);
  lua_setfield(L, copy, "pool");
  lua_settop(L, copy);
  lua_replace(L, index);
}

/* Moves the options table at `options` (0: none) into the slots from `first` on. */
static void lay_out_options(lua_State *L, const tp_method *method, int options, int first) {
  const char *known[TP_PARAMS_MAX + 1] = {NULL};
  int count = 0;
  for (int i = 0; i < TP_PARAMS_MAX && method->params[i].kind; i++) {
    const tp_param *param = &method->params[i];
    if (param->kind != TP_PARAM_OPTION)
      continue;
    known[count++] = param->name;
    if (options && lua_getfield(L, options, param->name) != LUA_TNIL) {
      tp_arguments_check(L, lua_gettop(L), method->name, param);
      lua_replace(L, first + i);
    } else if (options) {
      lua_pop(L, 1);
    }
  }
  if (options)
    check_keys(L, options, method->name, known);
}

/* How many arguments the iterable at `index` takes: the values of a generic `for` are three, and a
 * fourth that is closed at the end. */
static int iterable_width(lua_State *L, int index, int top) {
  if (!tp_callable_is(L, index) || top < index + 2)
    return 1;
  return top > index + 2 && tp_callable_has(L, index + 3, "__close") ? 4 : 3;
}

/* Pushes the iterable at `index`, which takes `width` arguments, as one value. */
static void push_iterable(lua_State *L, int index, int width) {
  for (int i = 0; i < width; i++)
    lua_pushvalue(L, index + i);
  if (width == 1)
    return;
  if (width == 3)
    lua_pushnil(L);
  tp_iterator_push(L);
}

/* Takes the positional arguments from `source` on into their slots. Returns the first argument not
 * taken. */
static int lay_out_positional(lua_State *L, const tp_method *method, int source, int top,
                              int first) {
  for (int i = 0; i < TP_PARAMS_MAX && method->params[i].kind; i++) {
    const tp_param *param = &method->params[i];
    if (param->kind == TP_PARAM_OPTION || tp_method_is_rest(param))
      continue;
    if (source > top || (param->kind != TP_PARAM_REQUIRED && lua_isnil(L, source))) {
      if (param->kind == TP_PARAM_REQUIRED)
        tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' is missing", method->name, param->name);
      source++;
      continue;
    }
    int width = param->type == TP_PARAM_ITERABLE ? iterable_width(L, source, top) : 1;
    push_iterable(L, source, width);
    tp_arguments_check(L, lua_gettop(L), method->name, param);
    lua_replace(L, first + i);
    source += width;
  }
  return source;
}

static int count_params(const tp_method *method) {
  int count = 0;
  while (count < TP_PARAMS_MAX && method->params[count].kind)
    count++;
  return count;
}

void tp_arguments_lay_out(lua_State *L, const tp_method *method) {
  int top = lua_gettop(L), count = count_params(method);
  const tp_param *last = &method->params[count ? count - 1 : 0];
  bool has_rest = tp_method_is_rest(last);
  luaL_checkstack(L, count + 10, NULL);
  lua_settop(L, top + count);
  int first = top + 1;
  int source = lay_out_positional(L, method, 2, top, first);
  int rest = source;
  if (has_rest) {
    while (source <= top && !lua_istable(L, source))
      tp_arguments_check(L, source++, method->name, last);
    if (source == rest && last->kind == TP_PARAM_REST)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' is missing", method->name, last->name);
  }
  int options = source <= top && lua_istable(L, source) ? source++ : 0;
  while (source <= top && lua_isnil(L, source))
    source++;
  if (source <= top)
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: too many arguments (%s after the last one)", method->name,
             luaL_typename(L, source));
  lay_out_options(L, method, options, first);
  int rest_count = has_rest ? (options ? options : top + 1) - rest : 0;
  if (has_rest) {
    lua_settop(L, top + count - 1);
    luaL_checkstack(L, rest_count, "too many arguments");
    for (int i = 0; i < rest_count; i++)
      lua_pushvalue(L, rest + i);
  }
  /* pool | arguments | slots  ->  pool | slots */
  int slots = lua_gettop(L) - top;
  lua_rotate(L, 2, slots);
  lua_settop(L, 1 + slots);
}
