/* SPDX-License-Identifier: MIT
 *
 * Standard input, output and error. */
#ifndef TP_BASE_STANDARD_H
#define TP_BASE_STANDARD_H

/* Opens /dev/null in place of those that are closed. libuv ends a process in which it gets one of
 * their numbers for a handle of its own, and a socket must not get what is meant for stdout. */
void tp_standard_open(void);

#endif
