/* SPDX-License-Identifier: MIT
 *
 * Quotes and brackets of a command, which may go over several lines: it goes on until all of them
 * are closed. The rules are those of the server's command line. */
#ifndef TP_CLIENT_BALANCE_H
#define TP_CLIENT_BALANCE_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>

/* All zero: nothing has been read. */
typedef struct tp_balance {
  tp_bytes text; /* what has been read, as one line, ended by a NUL */
  size_t depth;  /* brackets that are open */
  char quote;    /* the quote that is open, or NUL */
  size_t word;   /* where the last word begins, outside of quotes and brackets */
} tp_balance;

/* Appends a line. The line end before it becomes a blank, or \n inside of quotes. False: no memory.
 */
bool tp_balance_add(tp_balance *balance, const char *line, size_t length);

/* Whether more lines belong to the command. */
bool tp_balance_is_open(const tp_balance *balance);

/* Where the first command of a text ends: at a ';' outside of quotes and brackets, or at the end.
 */
size_t tp_balance_command_end(const char *text, size_t length);

/* Forgets all lines. */
void tp_balance_clear(tp_balance *balance);

#endif
