/* SPDX-License-Identifier: MIT
 *
 * A record of the log as a line. */
#ifndef TP_HOST_LOGLINE_H
#define TP_HOST_LOGLINE_H

#include "taskpool.h"

/* Writes a record to the `size` bytes at `text`, at least 2048, as text or as JSON, without the
 * line break at its end. JSON has no line break inside, and is valid whatever is in the record:
 * bytes that are not UTF-8 become \xNN. Of what is too long, the middle is left out. */
void tp_logline_write(char *text, size_t size, const tp_log_record *record, bool json);

#endif
