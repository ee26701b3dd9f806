/* SPDX-License-Identifier: MIT
 *
 * A host on a libuv loop of the embedder's, which has handles there that run the host's own loop
 * when that has something to do. */
#ifndef TP_LIB_ATTACH_H
#define TP_LIB_ATTACH_H

#include "host/host.h"

/* Attaches a host to a loop, until the host is closed. False: IOError, NoMemory. */
bool tp_attach_open(tp_host *host, uv_loop_t *loop, tp_error *error);

#endif
