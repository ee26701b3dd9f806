/* SPDX-License-Identifier: MIT
 *
 * Functions that run another one under a rule for cancels: catch_cancel and shield. */
#include "binding/guard.h"
#include "binding/context.h"
#include "exec/cancel.h"
#include "exec/wait.h"
#include "value/raise.h"

#include <lauxlib.h>

static bool is_ok(int status) {
  return status == LUA_OK || status == LUA_YIELD;
}

/* ---- catch_cancel ---- */

static int end_catch(lua_State *L, int status, lua_KContext context) {
  (void)context;
  if (is_ok(status))
    return lua_gettop(L);
  lua_pushboolean(L, false);
  lua_insert(L, -2);
  return 2;
}

/* Lua: catch_cancel(fn, …): pcall that catches the cancel error too. */
int l_core_catch_cancel(lua_State *L) {
  luaL_checkany(L, 1);
  lua_pushboolean(L, true);
  lua_insert(L, 1);
  return end_catch(L, lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, end_catch), 0);
}

/* ---- shield ---- */

/* The shielded function is over. Stack: 1 what tp_exec_cancel_unshield takes, above it the results
 * or the error. */
static int end_shield(lua_State *L, int status, lua_KContext context) {
  tp_exec_cancel_unshield((tp_exec *)context, (uint64_t)lua_tointeger(L, 1));
  return is_ok(status) ? lua_gettop(L) - 1 : lua_error(L);
}

/* Lua: shield(seconds, fn, …). */
int l_core_shield(lua_State *L) {
  tp_exec *exec = tp_context_host(L)->exec;
  uint64_t before;
  double seconds = lua_tonumber(L, 1);
  if (lua_type(L, 1) != LUA_TNUMBER || !(seconds >= 0))
    return tp_raise(L, TP_INVALID_ARGUMENT, "shield: seconds must be a number, 0 or more");
  if (!lua_isfunction(L, 2))
    return tp_raise(L, TP_INVALID_ARGUMENT, "shield: expected a function, not %s",
                    luaL_typename(L, 2));
  tp_wait_id(exec, L);
  if (!tp_exec_cancel_shield(exec, seconds, &before))
    return tp_raise(L, TP_NO_MEMORY, "no memory for a shield");
  lua_pushinteger(L, (lua_Integer)before);
  lua_replace(L, 1);
  int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, (lua_KContext)exec, end_shield);
  return end_shield(L, status, (lua_KContext)exec);
}
