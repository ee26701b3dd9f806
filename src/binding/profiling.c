/* SPDX-License-Identifier: MIT
 *
 * Profiles; see profiling.h. */
#include "binding/profiling.h"
#include "binding/arguments.h"
#include "binding/context.h"
#include "binding/handle.h"
#include "exec/wait.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define TYPE "taskpool.profile"

/* How many lines are listed. */
enum { LINES_MAX = 50 };

const char *const tp_profiling_fields[] = {"samples", "percent", "line", "func", NULL};

/* A profile that is being taken, in a userdata. */
typedef struct taking {
  tp_profile profile; /* the first member */
  tp_exec *exec;      /* whose code it is */
  bool lines;         /* lines are wanted */
} taking;

/* Lua: the end of a profile, whichever way. */
static int l_close(lua_State *L) {
  taking *of = lua_touserdata(L, 1);
  if (of->exec)
    tp_sampler_stop(of->exec, &of->profile);
  of->exec = NULL;
  tp_profile_clear(&of->profile);
  return 0;
}

static taking *push_taking(lua_State *L) {
  static const luaL_Reg functions[] = {{"__gc", l_close}, {"__close", l_close}, {NULL, NULL}};
  taking *of = lua_newuserdatauv(L, sizeof *of, 0);
  *of = (taking){.exec = NULL};
  if (luaL_newmetatable(L, TYPE))
    luaL_setfuncs(L, functions, 0);
  lua_setmetatable(L, -2);
  return of;
}

/* ---- what was found ---- */

void tp_profiling_push_stacks(lua_State *L, tp_profile *profile) {
  luaL_Buffer text;
  tp_profile_sort(profile);
  luaL_buffinit(L, &text);
  for (const tp_finding *found = profile->stacks; found; found = found->hh.next) {
    char count[32];
    snprintf(count, sizeof count, " %llu\n", (unsigned long long)found->count);
    luaL_addstring(&text, found->text);
    luaL_addstring(&text, count);
  }
  if (profile->stacks)
    luaL_buffsub(&text, 1); /* the last line end */
  luaL_pushresult(&text);
}

/* Pushes the table of a line. */
static void push_line(lua_State *L, const tp_finding *found, uint64_t samples) {
  const char *blank = strrchr(found->text, ' ');
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, (lua_Integer)found->count);
  lua_setfield(L, -2, "samples");
  uint64_t tenths = found->count * 1000 / samples;
  lua_pushnumber(L, (double)tenths / 10);
  lua_setfield(L, -2, "percent");
  lua_pushlstring(L, found->text, blank ? (size_t)(blank - found->text) : strlen(found->text));
  lua_setfield(L, -2, "line");
  lua_pushstring(L, blank ? blank + 1 : "");
  lua_setfield(L, -2, "func");
}

static void push_lines(lua_State *L, tp_profile *profile) {
  lua_Integer row = 0;
  tp_profile_sort(profile);
  lua_newtable(L);
  for (const tp_finding *found = profile->lines; found && row < LINES_MAX; found = found->hh.next) {
    push_line(L, found, profile->samples);
    lua_rawseti(L, -2, ++row);
  }
}

/* ---- taking one ---- */

/* The time is over. The profile is below the values of the wake. */
static int after_pause(lua_State *L, int status, lua_KContext context) {
  int index = (int)context;
  taking *of = luaL_checkudata(L, index, TYPE);
  if (status == LUA_YIELD)
    tp_wait_values(of->exec, L, index);
  lua_settop(L, index);
  tp_sampler_stop(of->exec, &of->profile);
  if (of->lines)
    push_lines(L, &of->profile);
  else
    tp_profiling_push_stacks(L, &of->profile);
  return 1;
}

int tp_profiling_run(lua_State *L, tp_host *host, const tp_profiling *of) {
  tp_error error;
  luaL_checkstack(L, LUA_MINSTACK, NULL);
  if (!(of->interval >= TP_SAMPLER_INTERVAL_MIN && of->interval <= TP_SAMPLER_INTERVAL_MAX))
    return tp_raise(L, TP_INVALID_ARGUMENT, "profile: 'interval' must be from %g to %g seconds",
                    TP_SAMPLER_INTERVAL_MIN, TP_SAMPLER_INTERVAL_MAX);
  tp_wait_begin(host->exec, L);
  taking *taken = push_taking(L);
  lua_toclose(L, -1);
  taken->lines = of->lines;
  if (!tp_sampler_start(host->exec, &taken->profile, of->pool, of->interval, &error))
    return tp_raise_error(L, &error);
  taken->exec = host->exec;
  return tp_wait_pause(host->exec, L, of->seconds, after_pause, (lua_KContext)lua_gettop(L));
}

/* The pool that is called so. Raises NotFound. */
static const tp_pool *find_pool(lua_State *L, const tp_host *host, const char *name) {
  const tp_pool *pool;
  TAILQ_FOREACH (pool, &host->pools, host_link)
    if (tp_pool_is_called(pool, name))
      return pool;
  tp_raise(L, TP_NOT_FOUND, "profile: there is no pool '%s'", name);
}

int l_core_profile(lua_State *L) {
  enum { SECONDS = 1, TABLE, POOL, LINES, INTERVAL };
  static const tp_param seconds = {.name = "seconds", .type = TP_PARAM_SECONDS};
  static const tp_param options[] = {{.name = "pool", .type = TP_PARAM_NAME},
                                     {.name = "lines", .type = TP_PARAM_FLAG},
                                     {.name = "interval", .type = TP_PARAM_SECONDS},
                                     {.name = NULL}};
  tp_host *host = tp_context_host(L);
  lua_settop(L, TABLE);
  tp_arguments_check(L, SECONDS, "profile", &seconds);
  if (lua_istable(L, TABLE))
    tp_arguments_name_pool(L, TABLE);
  tp_arguments_lay_out_options(L, TABLE, "profile", options);
  lua_settop(L, INTERVAL);
  const char *name = lua_tostring(L, POOL);
  const tp_profiling of = {.seconds = lua_tonumber(L, SECONDS),
                           .pool = name ? find_pool(L, host, name) : NULL,
                           .lines = lua_toboolean(L, LINES),
                           .interval = luaL_optnumber(L, INTERVAL, TP_SAMPLER_INTERVAL_DEFAULT)};
  return tp_profiling_run(L, host, &of);
}
