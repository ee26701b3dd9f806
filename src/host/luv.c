/* SPDX-License-Identifier: MIT
 *
 * luv on the host's loop; see luv.h.
 *
 * luv's own runner of callbacks prints the error of a callback and ends the process. Ours logs it,
 * and ends a callback that runs for longer than a second. A host that is closing calls none.
 *
 * luv assumes that every handle of the loop is its own, and that Lua runs the loop. Neither is true
 * here, so `walk` and `run` are replaced. To replace another function: a row in `replaced`; it
 * finds luv's own in its upvalue. */
#include "host/luv.h"
#include "exec/exec.h"
#include "exec/preempt.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wstrict-prototypes"
#include <luv/lhandle.h>
#pragma GCC diagnostic pop

/* Its address is the registry key of the luv table. */
static const char luv_key;

uv_loop_t *tp_luv_loop(lua_State *L) {
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  bool is_loaded = lua_getfield(L, -1, "luv") != LUA_TNIL;
  lua_pop(L, 2);
  return is_loaded ? luv_loop(L) : NULL;
}

/* Lua: message and traceback of an error in a callback. */
static int l_traceback(lua_State *L) {
  luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
  return 1;
}

/* Calls the function below `nargs` arguments, as luv asks: leaves its results and returns how many,
 * or nothing and returns the negative status. */
static int call(lua_State *L, int nargs, int nresults, int flags) {
  (void)flags;
  const tp_host *host = tp_state_host(L);
  int function = lua_gettop(L) - nargs;
  if (host->closing) {
    lua_settop(L, function - 1);
    return 0;
  }
  luaL_checkstack(L, 2, NULL);
  lua_pushcfunction(L, l_traceback);
  lua_insert(L, function);
  int status = tp_preempt_call_outside(host->exec, L, nargs, nresults, function);
  lua_remove(L, function);
  if (status == LUA_OK)
    return nresults == LUA_MULTRET ? lua_gettop(L) - function + 1 : nresults;
  const char *text = lua_tostring(L, -1);
  tp_log_write(&host->log, TP_LOG_ERROR, "error in a luv callback: %s", text ? text : "unknown");
  lua_pop(L, 1);
  return -status;
}

/* ---- what is replaced ---- */

/* What luv keeps for a handle; NULL for a handle of ours. Its data is then a record of ours, and
 * all of these are larger than luv's. */
static const luv_handle_t *luv_data(const uv_handle_t *handle, const luv_ctx_t *context) {
  const luv_handle_t *data = handle->data;
  return data && data->ctx == context ? data : NULL;
}

/* A walk over luv's handles. */
typedef struct walk {
  lua_State *L;             /* what to call is at [1] there */
  const luv_ctx_t *context; /* luv's own */
} walk;

static void visit(uv_handle_t *handle, void *context) {
  const walk *of = context;
  const luv_handle_t *data = luv_data(handle, of->context);
  if (!data || !lua_checkstack(of->L, 4))
    return;
  lua_pushvalue(of->L, 1);
  lua_rawgeti(of->L, LUA_REGISTRYINDEX, data->ref);
  call(of->L, 1, 0, 0);
}

/* Lua: uv.walk. */
static int l_walk(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  walk of = {L, luv_context(L)};
  uv_walk(of.context->loop, visit, &of);
  return 0;
}

/* Lua: uv.run, which may not run the loop inside itself. */
static int l_run(lua_State *L) {
  if (tp_exec_is_looping(tp_state_host(L)->exec))
    return tp_raise(L, TP_INVALID_ARGUMENT,
                    "uv.run: the host runs the loop already; taskpool.sleep lets it go on");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static const luaL_Reg replaced[] = {{"walk", l_walk}, {"run", l_run}, {NULL, NULL}};

/* Puts our functions into the luv table on top. */
static void replace(lua_State *L) {
  for (const luaL_Reg *with = replaced; with->name; with++) {
    lua_getfield(L, -1, with->name);
    lua_pushcclosure(L, with->func, 1);
    lua_setfield(L, -2, with->name);
  }
}

void tp_luv_open(tp_host *host) {
  lua_State *L = host->L;
  luv_set_loop(L, host->loop);
  luv_set_callback(L, call);
  luaL_requiref(L, "luv", luaopen_luv, 0);
  replace(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &luv_key);
}

/* ---- closing ---- */

/* Lua: closes the handle that is a light userdata at [1], as luv does it. */
static int l_close(lua_State *L) {
  const uv_handle_t *handle = lua_touserdata(L, 1);
  const luv_handle_t *data = handle->data;
  lua_rawgeti(L, LUA_REGISTRYINDEX, data->ref);
  if (luaL_getmetafield(L, -1, "__index") != LUA_TTABLE)
    return 0;
  lua_getfield(L, -1, "close");
  lua_pushvalue(L, -3);
  lua_call(L, 1, 0);
  return 0;
}

/* Frees a handle whose Lua object is gone already, because lua_close calls the newest finalizers
 * first. luv leaves that to the finalizer of its own loop, which this loop does not have. */
static void free_handle(uv_handle_t *handle) {
  luv_handle_t *data = handle->data;
  if (data && data->extra_gc)
    data->extra_gc(data->extra);
  free(data);
  free(handle);
}

static void close_handle(uv_handle_t *handle, void *context) {
  const walk *of = context;
  const luv_handle_t *data = luv_data(handle, of->context);
  if (uv_is_closing(handle) || !data)
    return;
  if (data->ref == LUA_REFNIL) {
    uv_close(handle, free_handle);
    return;
  }
  if (!lua_checkstack(of->L, 6))
    return;
  lua_pushcfunction(of->L, l_close);
  lua_pushlightuserdata(of->L, handle);
  if (lua_pcall(of->L, 1, 0, 0) != LUA_OK)
    lua_pop(of->L, 1);
}

/* Lua: replaces each function of luv's from then on, with that function as its upvalue. A finalizer
 * may still close a file, but must not begin anything that would outlive the Lua state. */
static int l_at_once(lua_State *L) {
  for (int i = 1; i <= lua_gettop(L); i++)
    if (lua_isfunction(L, i))
      return tp_raise(L, TP_NOT_AVAILABLE, "the host is being closed");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

/* Lua: refuses. */
static int l_never(lua_State *L) {
  return tp_raise(L, TP_NOT_AVAILABLE, "the host is being closed");
}

static bool makes_handle(const char *name) {
  return strncmp(name, "new_", 4) == 0 || strcmp(name, "spawn") == 0;
}

/* Lua: restricts luv, a table at [1], to what is done at once. */
static int l_restrict(lua_State *L) {
  lua_pushnil(L);
  while (lua_next(L, 1)) {
    const char *name = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (lua_isfunction(L, 3)) {
      lua_pushvalue(L, 2);
      lua_insert(L, 3);
      lua_pushcclosure(L, makes_handle(name) ? l_never : l_at_once, 1);
      lua_rawset(L, 1);
    } else {
      lua_pop(L, 1);
    }
  }
  return 0;
}

/* Scripts may keep the luv table anywhere; ours is in the registry. No finalizer runs from here on
 * until the state is closed: it could make a handle by a function that is not restricted yet. */
static void restrict_luv(lua_State *L) {
  lua_gc(L, LUA_GCSTOP);
  if (!lua_checkstack(L, 4))
    return;
  lua_pushcfunction(L, l_restrict);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &luv_key) != LUA_TTABLE)
    lua_pop(L, 2);
  else if (lua_pcall(L, 1, 0, 0) != LUA_OK)
    lua_pop(L, 1);
}

void tp_luv_leave(lua_State *L) {
  luv_set_loop(L, NULL);
}

void tp_luv_close_handle(uv_handle_t *handle, void *context) {
  (void)context;
  if (uv_is_closing(handle))
    handle->data = NULL; /* luv is no longer told */
  else
    uv_close(handle, free_handle);
}

void tp_luv_close(tp_host *host) {
  walk of = {host->L, luv_context(host->L)};
  if (host->owns_state)
    restrict_luv(host->L);
  uv_walk(host->loop, close_handle, &of);
}
