/* SPDX-License-Identifier: MIT
 *
 * Scripts that C programs run as the main task of a host. */
#include "base/fail.h"
#include "base/lines.h"
#include "binding/run.h"
#include "exec/exec.h"
#include "host/host.h"
#include "lib/end.h"
#include "lib/method.h"
#include "value/error.h"
#include "value/raise.h"

#include <lauxlib.h>
#include <string.h>

/* A script to run. */
typedef struct script {
  tp_host *host;     /* where */
  const char *path;  /* a file, or … */
  const char *text;  /* … text … */
  const char *name;  /* … with this name in messages */
  int argc;          /* its arguments */
  char *const *argv; /* the same */
  tp_error *error;   /* filled on failure */
  bool ok;           /* it ran to its end */
} script;

/* Pushes the global `arg`, as lua does it, and sets it. */
static void set_arg(lua_State *L, const script *of) {
  lua_createtable(L, of->argc, 1);
  lua_pushstring(L, of->path ? of->path : of->name);
  lua_rawseti(L, -2, 0);
  for (int i = 0; i < of->argc; i++) {
    lua_pushstring(L, of->argv[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setglobal(L, "arg");
}

/* Fills `error`, if there is one, with what went wrong in a script. */
static void fail_script(tp_error *error, const char *text) {
  tp_fail(error, TP_SCRIPT_ERROR, "%s", "");
  if (error)
    tp_lines_lay_out(error->message, sizeof error->message, text ? text : "no memory to say why");
}

/* The main task ended in the error that is first in the list at [1]; [2]: its traceback. */
static void tell_failure(lua_State *L, tp_error *error) {
  lua_rawgeti(L, 1, 1);
  if (tp_error_code(L, -1) != TP_CANCELLED) {
    fail_script(error, lua_tostring(L, 2));
    return;
  }
  lua_pushliteral(L, "message");
  lua_rawget(L, -2);
  const char *message = lua_tostring(L, -1);
  tp_fail(error, TP_CANCELLED, "%s", message ? message : "the main task was cancelled");
}

/* Lua: loads and runs a script. Stack: the script. */
static int l_run(lua_State *L) {
  script *self = lua_touserdata(L, 1);
  int status = self->path ? luaL_loadfilex(L, self->path, "t")
                          : luaL_loadbufferx(L, self->text, strlen(self->text), self->name, "t");
  if (status != LUA_OK) {
    fail_script(self->error, lua_tostring(L, -1));
    return 0;
  }
  tp_exposure *names = &self->host->names;
  if (self->path && !names->directory)
    names->directory = tp_host_directory_of(self->path);
  if (self->path && !tp_exposure_add_script(names, self->path))
    return tp_raise(L, TP_NO_MEMORY, "no memory to run the script");
  set_arg(L, self);
  luaL_checkstack(L, self->argc, "too many arguments");
  for (int i = 0; i < self->argc; i++)
    lua_pushstring(L, self->argv[i]);
  tp_error deadlock;
  self->ok = tp_run_main(self->host, L, self->argc, false, &deadlock);
  if (!self->ok)
    tell_failure(L, self->error);
  if (deadlock.code) {
    tp_fail(self->error, deadlock.code, "%s", deadlock.message);
    self->ok = false;
  }
  return 0;
}

static bool are_arguments(int argc, char *const argv[], tp_error *error) {
  if (argc < 0)
    return tp_fail(error, TP_INVALID_ARGUMENT, "argc must not be negative (%d)", argc);
  for (int i = 0; i < argc; i++)
    if (!argv || !argv[i])
      return tp_fail(error, TP_INVALID_ARGUMENT, "argv must have %d strings", argc);
  return true;
}

static bool run(script *of) {
  lua_State *L = of->host->L;
  lua_pushcfunction(L, l_run);
  lua_pushlightuserdata(L, of);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    lua_pop(L, 1);
    of->ok = tp_fail(of->error, TP_NO_MEMORY, "no memory to run the script");
  }
  return tp_end_run(of->host, of->ok, of->error);
}

bool tp_host_run_file(tp_host *host, const char *path, int argc, char *const argv[],
                      tp_error *error) {
  return tp_fail_unless_given(host, "host", error) && tp_fail_unless_given(path, "path", error) &&
         are_arguments(argc, argv, error) &&
         run(&(script){.host = host, .path = path, .argc = argc, .argv = argv, .error = error});
}

bool tp_host_run_text(tp_host *host, const char *text, const char *name, tp_error *error) {
  return tp_fail_unless_given(host, "host", error) && tp_fail_unless_given(text, "text", error) &&
         tp_fail_unless_given(name, "name", error) &&
         run(&(script){.host = host, .text = text, .name = name, .error = error});
}
