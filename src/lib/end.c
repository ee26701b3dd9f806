/* SPDX-License-Identifier: MIT
 *
 * How C programs end a host; see end.h. */
#include "lib/end.h"
#include "base/fail.h"
#include "binding/handle.h"
#include "exec/exec.h"
#include "host/host.h"
#include "lib/luaopen.h"

void tp_host_stop(tp_host *host) {
  tp_host_stop_by(host, "tp_host_stop");
}

void tp_host_stop_by(tp_host *host, const char *who) {
  if (!host)
    return;
  atomic_store(&host->stopper, who ? who : "tp_host_stop");
  uv_async_send(&host->wake);
}

/* Lua: takes what belongs to a closed host out of a state that lives on. Stack: the host. */
static int l_leave(lua_State *L) {
  tp_host *host = lua_touserdata(L, 1);
  tp_handle_clear_all(L, host);
  tp_luaopen_unload(L);
  return 0;
}

bool tp_end_run(tp_host *host, bool ok, tp_error *error) {
  if (!host->is_unwanted)
    return ok;
  host->is_unwanted = false;
  tp_host_destroy(host);
  return tp_fail(error, TP_CANCELLED, "the host was destroyed in a callback");
}

void tp_host_destroy(tp_host *host) {
  if (!host)
    return;
  if (tp_exec_is_looping(host->exec)) {
    host->is_unwanted = true;
    tp_host_stop_by(host, "tp_host_destroy");
    return;
  }
  bool owns_state = host->owns_state;
  lua_State *L = host->L;
  tp_host_close(host);
  if (owns_state)
    return;
  tp_host_leave_state(host);
  lua_pushcfunction(L, l_leave);
  lua_pushlightuserdata(L, host);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) /* no memory: the state is as it is */
    lua_pop(L, 1);
}
