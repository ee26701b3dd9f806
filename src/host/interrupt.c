/* SPDX-License-Identifier: MIT
 *
 * ^C in a host that lives in the state of a stock interpreter; see interrupt.h.
 *
 * The interpreter's handler of SIGINT has the next Lua code of the main thread raise an error. The
 * loop runs no Lua there, or catches what it raises. So while it runs, the loop takes the signal
 * and calls that handler itself, then some Lua code that does nothing: an error there is the
 * request to end. The action is for one signal: the next one meets the system's own, which ends the
 * process, even if a task blocks the loop. */
#include "host/interrupt.h"

/* Lua: nothing, for a hook to be called in. */
static int l_nothing(lua_State *L) {
  (void)L;
  return 0;
}

/* Whether the interpreter has a hook raise an error in its main thread. */
static bool look(tp_interrupt *of) {
  lua_State *L = of->L;
  if (!lua_gethook(L) || !lua_checkstack(L, 2))
    return false;
  lua_pushcfunction(L, l_nothing);
  if (lua_pcall(L, 0, 0, 0) == LUA_OK)
    return false;
  lua_pop(L, 1);
  return true;
}

static void on_interrupt(uv_signal_t *handle, int number) {
  tp_interrupt *of = handle->data;
  of->theirs.sa_handler(number);
  of->has_come = of->has_come || look(of);
  if (!of->has_come)
    sigaction(SIGINT, &of->ours, NULL);
}

void tp_interrupt_start(tp_interrupt *of, uv_loop_t *loop, lua_State *L) {
  of->L = L;
  of->has_come = look(of);
  if (sigaction(SIGINT, NULL, &of->theirs) != 0 || (of->theirs.sa_flags & SA_SIGINFO) ||
      of->theirs.sa_handler == SIG_DFL || of->theirs.sa_handler == SIG_IGN)
    return;
  if (!of->is_open && uv_signal_init(loop, &of->handle) != 0)
    return;
  of->is_open = true;
  of->handle.data = of;
  uv_unref((uv_handle_t *)&of->handle);
  of->is_started = uv_signal_start(&of->handle, on_interrupt, SIGINT) == 0;
  if (!of->is_started)
    return;
  sigaction(SIGINT, NULL, &of->ours);
  of->ours.sa_flags |= (int)SA_RESETHAND;
  sigaction(SIGINT, &of->ours, NULL);
}

void tp_interrupt_stop(tp_interrupt *of) {
  if (!of->is_started)
    return;
  of->is_started = false;
  uv_signal_stop(&of->handle);
  if (!of->has_come)
    sigaction(SIGINT, &of->theirs, NULL);
}

void tp_interrupt_close(tp_interrupt *of) {
  if (of->is_open)
    uv_close((uv_handle_t *)&of->handle, NULL);
}
