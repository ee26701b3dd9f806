/* SPDX-License-Identifier: MIT
 *
 * Coroutines of their own, in no pool: start, on_end, cancel. What gather is made of.
 *
 * A job is a userdata under its handle in a table of the registry, until it has ended. */
#include "api/core.h"
#include "value/error.h"

#include <lauxlib.h>

/* Its user value is the function to call at its end. */
typedef struct job {
  tp_host *host;      /* where it runs */
  tp_coro *coro;      /* what it runs in */
  lua_Integer handle; /* its key */
} job;

/* Its address is the registry key of the table handle -> job. */
static const char jobs_key;

static void push_jobs(lua_State *L) {
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &jobs_key) == LUA_TTABLE)
    return;
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &jobs_key);
}

/* Pushes the job of the handle at [1], or nil. */
static job *push_job(lua_State *L) {
  push_jobs(L);
  lua_rawgeti(L, -1, lua_tointeger(L, 1));
  lua_remove(L, -2);
  return lua_touserdata(L, -1);
}

/* Tells what the function at the top says of the end; stack: …, job, function, arguments. */
static void call_on_end(tp_host *host, lua_State *L, int nargs) {
  if (lua_pcall(L, nargs, 0, 0) == LUA_OK)
    return;
  const char *text = lua_tostring(L, -1);
  tp_log_write(&host->log, TP_LOG_ERROR, "error in an on_end function: %s",
               text ? text : "unknown");
  lua_pop(L, 1);
}

static void job_done(void *context, lua_State *L, bool ok, int count) {
  job *self = context;
  int first = lua_gettop(L) - count + 1;
  luaL_checkstack(L, count + 6, "too many results");
  push_jobs(L);
  lua_rawgeti(L, -1, self->handle); /* anchors the job until the end of this function */
  lua_pushnil(L);
  lua_rawseti(L, -3, self->handle);
  if (lua_getiuservalue(L, -1, 1) == LUA_TFUNCTION) {
    lua_pushboolean(L, ok);
    for (int i = 0; i < count; i++)
      lua_pushvalue(L, first + i);
    call_on_end(self->host, L, count + 1);
  } else if (!ok && !tp_exec_is_cancel(self->host->exec, L, first)) {
    lua_pushvalue(L, first);
    tp_exec_push_traceback(self->host->exec, L);
    tp_log_write(&self->host->log, TP_LOG_ERROR, "error in a job: %s", lua_tostring(L, -1));
  }
}

/* Lua: start(fn, …). */
int l_core_start(lua_State *L) {
  tp_host *host = tp_core_host(L);
  if (!lua_isfunction(L, 1))
    return tp_raise(L, TP_INVALID_ARGUMENT, "start: a function is wanted, not %s",
                    luaL_typename(L, 1));
  int nargs = lua_gettop(L) - 1;
  job *new = lua_newuserdatauv(L, sizeof *new, 1);
  new->host = host;
  push_jobs(L);
  new->handle = (lua_Integer)++host->next_job;
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, new->handle);
  lua_pop(L, 2);
  lua_Integer handle = new->handle;
  new->coro = tp_exec_start(host->exec, L, nargs, "a job", job_done, new);
  lua_pushinteger(L, handle);
  return 1;
}

/* Lua: on_end(handle, f). */
int l_core_on_end(lua_State *L) {
  if (!push_job(L))
    return tp_raise(L, TP_INVALID_ARGUMENT, "on_end: no such handle, or it has ended");
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  return 0;
}

/* Lua: cancel(handle, message, timed_out). What has ended is left alone. */
int l_core_cancel(lua_State *L) {
  tp_host *host = tp_core_host(L);
  lua_settop(L, 3);
  const job *found = push_job(L);
  if (!found)
    return 0;
  tp_cancel *reason =
      tp_cancel_create(lua_toboolean(L, 3) ? TP_TIMED_OUT : TP_CANCELLED, "cancel",
                       lua_tostring(L, 2), tp_exec_now(host->exec), TP_GRACE_DEFAULT);
  if (!reason)
    return tp_raise(L, TP_NO_MEMORY, "no memory to cancel");
  tp_exec_cancel(host->exec, found->coro, reason);
  tp_cancel_release(reason);
  return 0;
}
