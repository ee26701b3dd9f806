/* SPDX-License-Identifier: MIT
 *
 * ^C in a host that lives in the state of a stock interpreter. */
#ifndef TP_HOST_INTERRUPT_H
#define TP_HOST_INTERRUPT_H

#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <uv.h>

typedef struct tp_interrupt {
  lua_State *L;            /* the main thread of the interpreter's state */
  uv_signal_t handle;      /* takes SIGINT while the loop runs */
  bool is_open;            /* `handle` was made */
  bool is_started;         /* it takes SIGINT now */
  bool has_come;           /* the interpreter has asked for the end */
  struct sigaction theirs; /* what the interpreter does at SIGINT */
  struct sigaction ours;   /* what is done while the loop runs, once */
} tp_interrupt;

/* The loop begins to run, and has run. */
void tp_interrupt_start(tp_interrupt *of, uv_loop_t *loop, lua_State *L);
void tp_interrupt_stop(tp_interrupt *of);

/* Closes the handle, if there is one. */
void tp_interrupt_close(tp_interrupt *of);

#endif
