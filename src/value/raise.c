/* SPDX-License-Identifier: MIT
 *
 * Raising errors of ours in Lua; see raise.h. */
#include "value/raise.h"
#include "base/fail.h"
#include "value/error.h"

#include <lauxlib.h>

int tp_raise(lua_State *L, tp_code code, const char *format, ...) {
  tp_error error;
  va_list arguments;
  va_start(arguments, format);
  tp_fail_list(&error, code, format, arguments);
  va_end(arguments);
  tp_raise_error(L, &error);
}

int tp_raise_error(lua_State *L, const tp_error *error) {
  luaL_checkstack(L, 1, NULL);
  lua_pushstring(L, error->message);
  tp_error_wrap_for(L, error->code, error->column > 0);
  if (error->column > 0) {
    lua_pushinteger(L, error->column);
    lua_setfield(L, -2, "column");
  }
  lua_error(L);
  __builtin_unreachable();
}
