/* SPDX-License-Identifier: MIT
 *
 * Commands that start tasks, with `--wait`: the client waits for the group that they have made. */
#ifndef TP_CLIENT_FOLLOW_H
#define TP_CLIENT_FOLLOW_H

#include <stdbool.h>

/* Takes --wait out of a command that starts tasks. Whether it was there. */
bool tp_follow_take(char *line);

/* The same for a command that is its words, ended by NULL. */
bool tp_follow_take_word(const char **words);

#endif
