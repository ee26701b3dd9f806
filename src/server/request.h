/* SPDX-License-Identifier: MIT
 *
 * What a line asks for. It has one command, or several with ';' between them; or it is a JSON array
 * of strings, which are the words of one command, so that a program need not quote them. Both only
 * after a first line that was good: other protocols begin with such lines. */
#ifndef TP_SERVER_REQUEST_H
#define TP_SERVER_REQUEST_H

#include "server/session.h"
#include "taskpool.h"

/* Sets the command of the session to the first one of its line, and gives the others back to the
 * input, as a line to come. */
bool tp_request_read(tp_session *session, tp_error *error);

#endif
