/* SPDX-License-Identifier: MIT
 *
 * How C programs make a host, and what belongs to it. The other functions of taskpool.h are beside
 * it; those for futures are in binding/, tp_host_serve is in server/, and tp_client_run in client/.
 */
#include "host/host.h"
#include "base/fail.h"
#include "exec/exec.h"
#include "lib/attach.h"
#include "lib/luaopen.h"
#include "lib/method.h"
#include "lib/place.h"

#include <lauxlib.h>
#include <string.h>

/* ---- create and destroy ---- */

/* Lua: libraries, modules, and where to look for the Lua part. Stack: the host. */
static int l_open(lua_State *L) {
  tp_host *host = lua_touserdata(L, 1);
  tp_luaopen_preload(host);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "path");
  tp_place_push(L);
  if (strstr(lua_tostring(L, -2), lua_tostring(L, -1))) /* another host was here before */
    return 0;
  lua_pushfstring(L, "%s;%s/?.lua;%s/?/init.lua", lua_tostring(L, -2), lua_tostring(L, -1),
                  lua_tostring(L, -1));
  lua_replace(L, -3);
  lua_pop(L, 1);
  lua_setfield(L, -2, "path");
  return 0;
}

static bool call(lua_State *L, lua_CFunction function, void *argument, tp_error *error) {
  lua_pushcfunction(L, function);
  lua_pushlightuserdata(L, argument);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK)
    return true;
  tp_fail(error, TP_NO_MEMORY, "no memory for a host");
  lua_pop(L, 1);
  return false;
}

void tp_host_options_init(tp_host_options *options) {
  *options = (tp_host_options){.size = sizeof *options, .log_level = TP_LOG_WARNING};
}

/* A complete copy of the options of a host, checked. */
static bool read_options(const tp_host_options *options, tp_host_options *copy, tp_error *error) {
  tp_host_options_init(copy);
  if (options && (options->size == 0 || options->size > sizeof *copy))
    return tp_fail(error, TP_INVALID_ARGUMENT,
                   "options: call tp_host_options_init before setting fields");
  if (options)
    memcpy(copy, options, options->size);
  if (copy->log_level == TP_LOG_DEFAULT)
    copy->log_level = TP_LOG_WARNING;
  if (copy->log_level > TP_LOG_NONE)
    return tp_fail(error, TP_INVALID_ARGUMENT, "log_level: unknown level %d", (int)copy->log_level);
  if (copy->lua_state && lua_pushthread(copy->lua_state) != 1)
    return tp_fail(error, TP_INVALID_ARGUMENT, "lua_state must be the main thread of its state");
  if (copy->lua_state)
    lua_pop(copy->lua_state, 1);
  return true;
}

/* A host in the embedder's state, or in a new one. */
static tp_host *open_host(const tp_host_options *options, tp_error *error) {
  if (options->lua_state)
    return tp_host_open(options->lua_state, false, error);
  lua_State *L = tp_state_create(options->allocate, options->allocate_context, error);
  tp_host *host = L ? tp_host_open(L, true, error) : NULL;
  if (L && !host)
    lua_close(L);
  return host;
}

tp_host *tp_host_create(const tp_host_options *options, tp_error *error) {
  tp_host_options copy;
  tp_host *host = read_options(options, &copy, error) ? open_host(&copy, error) : NULL;
  if (!host)
    return NULL;
  host->default_log = (tp_log){copy.log, copy.log_context, copy.log_level};
  host->log = host->default_log;
  host->preload = tp_luaopen_preload;
  host->names.directory = copy.modules ? strdup(copy.modules) : NULL;
  if (!tp_exec_set_preempt(host->exec, copy.preempt, copy.preempt_signal, error) ||
      !call(host->L, l_open, host, error) ||
      (copy.loop && !tp_attach_open(host, copy.loop, error))) {
    tp_host_close(host);
    return NULL;
  }
  return host;
}

/* ---- what belongs to a host ---- */

struct lua_State *tp_host_lua_state(tp_host *host) {
  return host ? host->L : NULL;
}

struct uv_loop_s *tp_host_loop(tp_host *host) {
  return host ? host->loop : NULL;
}

bool tp_host_expose(tp_host *host, const char *name, tp_error *error) {
  return tp_fail_unless_given(host, "host", error) && tp_fail_unless_given(name, "name", error) &&
         tp_exposure_add(&host->names, name, error);
}
