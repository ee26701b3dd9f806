/* SPDX-License-Identifier: MIT
 *
 * Policies; see policy.h. */
#include "binding/policy.h"
#include "binding/arguments.h"
#include "exec/retry.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>

/* How many fields a policy may have. */
#define FIELDS_MAX 4

/* One number of a policy. */
typedef struct field {
  const char *name;   /* its key; NULL ends a list of fields */
  bool is_whole;      /* an integer */
  double least, most; /* its range */
  double fallback;    /* where it is not given; below `least`: it must be */
} field;

/* Checks the number on top, that of the field. */
static double check(lua_State *L, const char *policy, const field *of) {
  double value = lua_tonumber(L, -1);
  int is_integer;
  lua_tointegerx(L, -1, &is_integer);
  if (!(value >= of->least && value <= of->most) || (of->is_whole && !is_integer))
    tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' must be %s from %.10g to %.10g, not %s", policy,
             of->name, of->is_whole ? "an integer" : "a number", of->least, of->most,
             lua_tostring(L, -1));
  return value;
}

/* Pushes the fields of the policy at `index`, nil where one is not given: a number is the first. */
static void push_fields(lua_State *L, int index, const char *policy, const field *fields) {
  tp_param params[FIELDS_MAX + 1] = {{.name = NULL}};
  for (int i = 0; fields[i].name; i++)
    params[i] = (tp_param){.name = fields[i].name, .type = TP_PARAM_NUMBER};
  if (lua_istable(L, index)) {
    tp_arguments_lay_out_options(L, index, policy, params);
    return;
  }
  luaL_checkstack(L, FIELDS_MAX + 1, NULL);
  lua_pushvalue(L, index);
  for (int i = 1; fields[i].name; i++)
    lua_pushnil(L);
}

/* Reads the policy at `index` into `values`, one for each field. */
static void read_fields(lua_State *L, int index, const char *policy, const field *fields,
                        double *values) {
  int top = lua_gettop(L);
  push_fields(L, index, policy, fields);
  for (int i = 0; fields[i].name; i++) {
    values[i] = fields[i].fallback;
    lua_pushvalue(L, top + 1 + i);
    if (!lua_isnil(L, -1))
      values[i] = check(L, policy, &fields[i]);
    else if (values[i] < fields[i].least)
      tp_raise(L, TP_INVALID_ARGUMENT, "%s: '%s' is missing", policy, fields[i].name);
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}

tp_retry tp_policy_retries(lua_State *L, int index, const char *what, const tp_retry *fallback) {
  static const field fields[] = {
      {.name = "n", .is_whole = true, .least = 0, .most = 1e6, .fallback = -1},
      {.name = "backoff", .least = 0, .most = 3600, .fallback = 0},
      {.name = "jitter", .least = 0, .most = 1, .fallback = 0},
      {.name = NULL},
  };
  char policy[64];
  double values[FIELDS_MAX];
  if (lua_isnil(L, index))
    return *fallback;
  snprintf(policy, sizeof policy, "%s: retries", what);
  read_fields(L, index, policy, fields, values);
  return (tp_retry){.n = (uint32_t)values[0], .backoff = values[1], .jitter = values[2]};
}

tp_rate tp_policy_rate(lua_State *L, int index, const char *what) {
  static const field fields[] = {
      {.name = "n", .is_whole = true, .least = 1, .most = 1e9, .fallback = -1},
      {.name = "per", .least = 1e-6, .most = 1e9, .fallback = 1},
      {.name = "burst", .is_whole = true, .least = 1, .most = 1e9, .fallback = 1},
      {.name = NULL},
  };
  char policy[64];
  double values[FIELDS_MAX];
  if (lua_isnil(L, index))
    return (tp_rate){0};
  snprintf(policy, sizeof policy, "%s: rate", what);
  read_fields(L, index, policy, fields, values);
  return tp_rate_make((uint64_t)values[0], values[1], (uint64_t)values[2]);
}
