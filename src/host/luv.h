/* SPDX-License-Identifier: MIT
 *
 * luv on the host's loop, with callbacks that cannot end the process. */
#ifndef TP_HOST_LUV_H
#define TP_HOST_LUV_H

#include "host/host.h"

/* The loop that luv uses in L already; NULL if luv was not loaded. */
uv_loop_t *tp_luv_loop(lua_State *L);

/* Opens luv on the host's loop. May raise for lack of memory. */
void tp_luv_open(tp_host *host);

/* Starts closing all handles of luv's on the host's loop. In a state that the host owns, finalizers
 * can from now on call only functions of luv that end at once. */
void tp_luv_close(tp_host *host);

/* The loop of luv in L is gone: luv is opened again by the next host there. */
void tp_luv_leave(lua_State *L);

/* For uv_walk, after the Lua state was closed: closes the handles that its finalizers have made. */
void tp_luv_close_handle(uv_handle_t *handle, void *context);

#endif
