/* SPDX-License-Identifier: MIT
 *
 * The main task, for scripts under a stock interpreter and for programs that embed the host. */
#include "binding/run.h"
#include "binding/context.h"
#include "binding/load.h"
#include "binding/values.h"
#include "exec/exec.h"
#include "exec/report.h"
#include "exec/retry.h"
#include "value/raise.h"

#include <lauxlib.h>

/* How the main task ended. */
typedef struct outcome {
  tp_host *host; /* where it ran */
  bool ended;    /* it has */
  bool failed;   /* with an error */
  int values;    /* registry reference of the list of its results, or of its error */
  int traceback; /* the same of message and traceback; LUA_NOREF without an error */
} outcome;

static void main_done(void *context, lua_State *L, bool ok, int count) {
  outcome *end = context;
  end->ended = true;
  end->failed = !ok;
  if (!ok) {
    tp_retry_unwrap(L);
    tp_report_push_traceback(end->host->exec, L);
    end->traceback = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  tp_values_pack(L, lua_gettop(L) - count + 1, count);
  end->values = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Pushes the value that a reference holds, and gives the reference back. */
static void take(lua_State *L, int reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
  luaL_unref(L, LUA_REGISTRYINDEX, reference);
}

bool tp_run_main(tp_host *host, lua_State *L, int nargs, bool until_idle, tp_error *deadlock) {
  outcome end = {.host = host, .values = LUA_NOREF, .traceback = LUA_NOREF};
  deadlock->code = TP_OK;
  tp_coro *main = tp_exec_start(host->exec, L, nargs, "the main task", main_done, &end);
  tp_host_run_until(host, &end.ended, deadlock);
  if (end.failed)
    tp_host_end(host, "the error of the main task", TP_CANCELLED);
  if (end.failed || until_idle)
    tp_host_run_until(host, NULL, end.failed ? NULL : deadlock);
  if (!end.ended)
    tp_exec_detach(main);
  if (end.ended && end.values == LUA_NOREF)
    tp_raise(L, TP_NO_MEMORY, "no memory for what the main task has returned");
  lua_settop(L, 0);
  take(L, end.values);
  take(L, end.traceback);
  return !end.failed;
}

/* The main function has returned inside a task that was running already. */
static int after_call(lua_State *L, int status, lua_KContext context) {
  (void)status;
  (void)context;
  return lua_gettop(L);
}

/* Lua: run(main, …). */
int l_core_run(lua_State *L) {
  tp_host *host = tp_context_host(L);
  if (!lua_isfunction(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT, "run: expected a function, not %s",
                    luaL_typename(L, 1));
  tp_load_check(L, "run cannot be called");
  if (tp_exec_current(host->exec)) {
    lua_callk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, after_call);
    return lua_gettop(L);
  }
  if (tp_exec_is_looping(host->exec))
    return tp_raise(L, TP_INVALID_ARGUMENT, "run: the loop is running already");
  tp_error deadlock;
  bool ok = tp_run_main(host, L, lua_gettop(L) - 1, true, &deadlock);
  if (deadlock.code == TP_CANCELLED) { /* ^C: ends as the interpreter does */
    lua_pushstring(L, deadlock.message);
    return lua_error(L);
  }
  if (deadlock.code)
    return tp_raise_error(L, &deadlock);
  if (ok)
    return tp_values_unpack(L, 1);
  lua_rawgeti(L, 1, 1);
  return lua_error(L);
}
