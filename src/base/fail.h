/* SPDX-License-Identifier: MIT
 *
 * How a C function reports a failure: it fills the caller's tp_error and returns false. */
#ifndef TP_BASE_FAIL_H
#define TP_BASE_FAIL_H

#include "taskpool.h"
#include <stdarg.h>

/* Fills `error` (which may be NULL) and returns false, so that a caller can `return tp_fail(…)`. */
bool tp_fail(tp_error *error, tp_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a mistake at a column of a text, from 1, which the message has to name too. */
bool tp_fail_at(tp_error *error, unsigned column, tp_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same as tp_fail with the arguments as a list. */
bool tp_fail_list(tp_error *error, tp_code code, const char *format, va_list arguments);

/* Whether a pointer is given; else InvalidArgument that names it. */
bool tp_fail_unless_given(const void *pointer, const char *name, tp_error *error);

#endif
