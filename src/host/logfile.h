/* SPDX-License-Identifier: MIT
 *
 * The log in a file: tp_log_to_file of taskpool.h, and its end. */
#ifndef TP_HOST_LOGFILE_H
#define TP_HOST_LOGFILE_H

#include "host/log.h"

/* After the last record: says how many were dropped since the last one that was taken, if the log
 * goes to a file, and that takes it now. */
void tp_logfile_end(const tp_log *log);

#endif
