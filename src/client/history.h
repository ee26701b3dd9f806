/* SPDX-License-Identifier: MIT
 *
 * The file that keeps the lines of the prompt from one session to the next: one command a line, the
 * newest last. $XDG_STATE_HOME/taskpool/history, or ~/.local/state/taskpool/history; mode 0600,
 * since arguments of tasks may be private. */
#ifndef TP_CLIENT_HISTORY_H
#define TP_CLIENT_HISTORY_H

#include <stdbool.h>
#include <stdio.h>

/* Opens the file for reading from its start and for appending, and makes it where it is missing.
 * NULL if that cannot be done: there is no history then, which is not an error. */
FILE *tp_history_open(void);

/* True if this line may be kept. False for commands that carry a secret. */
bool tp_history_keeps(const char *line);

#endif
