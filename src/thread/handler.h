/* SPDX-License-Identifier: MIT
 *
 * What a thread does with requests. For that thread. */
#ifndef TP_THREAD_HANDLER_H
#define TP_THREAD_HANDLER_H

#include "thread/set.h"

/* Starts the calls that the requests in the list ask for. */
void tp_handler_start(tp_thread *thread, tp_request_list *requests);

/* The request whose call runs now; NULL: none. */
const tp_request *tp_handler_current(const tp_exec *exec);

/* Loads a module anew, and looks up functions anew. */
void tp_handler_reload(tp_thread *thread, const char *module);

#endif
