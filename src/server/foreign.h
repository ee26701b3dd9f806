/* SPDX-License-Identifier: MIT
 *
 * What clients of other protocols send. A page can make a browser connect to a port of this
 * machine, and what it sends must not run as commands.
 *
 * Most protocols need no rule of their own: their first line is not a command, and a session whose
 * first line is bad ends (session.h). Lines of HTTP end a session at any time. */
#ifndef TP_SERVER_FOREIGN_H
#define TP_SERVER_FOREIGN_H

#include "base/span.h"
#include <stdbool.h>

/* True for the first byte of a TLS handshake, which no line begins with. */
bool tp_foreign_is_tls(char first);

/* True for a request of HTTP, with any method: "QUERY / HTTP/1.1". */
bool tp_foreign_is_request(tp_span line);

/* True for a header of HTTP: "Host: localhost". No command has a colon in its name. */
bool tp_foreign_is_header(tp_span line);

#endif
