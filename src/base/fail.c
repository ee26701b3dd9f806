/* SPDX-License-Identifier: MIT
 *
 * Failures in C: see fail.h. */
#include "base/fail.h"

const char *tp_code_name(tp_code code) {
  switch (code) {
  case TP_OK:
    return "OK";
#define CODE_NAME(member, name)                                                                    \
  case TP_##member:                                                                                \
    return #name;
    TP_CODES(CODE_NAME)
#undef CODE_NAME
  }
  return "Unknown";
}

bool tp_fail_list(tp_error *error, tp_code code, const char *format, va_list arguments) {
  if (error) {
    error->code = code;
    error->column = 0;
    vsnprintf(error->message, sizeof error->message, format, arguments);
  }
  return false;
}

bool tp_fail(tp_error *error, tp_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tp_fail_list(error, code, format, arguments);
  va_end(arguments);
  return false;
}

bool tp_fail_at(tp_error *error, unsigned column, tp_code code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  tp_fail_list(error, code, format, arguments);
  va_end(arguments);
  if (error)
    error->column = column;
  return false;
}

bool tp_fail_unless_given(const void *pointer, const char *name, tp_error *error) {
  return pointer || tp_fail(error, TP_INVALID_ARGUMENT, "%s must not be NULL", name);
}
