/* SPDX-License-Identifier: MIT
 *
 * Numbers as people say them; see unit.h. */
#include "client/unit.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

void tp_unit_duration(double seconds, char text[TP_UNIT_SIZE]) {
  unsigned long long whole = seconds < 1e15 ? (unsigned long long)seconds : 1000000000000000ULL;
  if (seconds < 60)
    snprintf(text, TP_UNIT_SIZE, "%.1fs", seconds);
  else if (whole < 3600)
    snprintf(text, TP_UNIT_SIZE, "%llum%02llus", whole / 60, whole % 60);
  else if (whole < 86400)
    snprintf(text, TP_UNIT_SIZE, "%lluh%02llum", whole / 3600, whole / 60 % 60);
  else
    snprintf(text, TP_UNIT_SIZE, "%llud%02lluh", whole / 86400, whole / 3600 % 24);
}

void tp_unit_time(double seconds, char text[TP_UNIT_SIZE]) {
  time_t whole = (time_t)seconds;
  struct tm parts;
  strcpy(text, "?");
  if (localtime_r(&whole, &parts))
    strftime(text, TP_UNIT_SIZE, "%Y-%m-%d %H:%M:%S", &parts);
}

void tp_unit_bytes(double bytes, char text[TP_UNIT_SIZE]) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < sizeof units / sizeof *units; unit++)
    bytes /= 1024;
  snprintf(text, TP_UNIT_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, units[unit]);
}

void tp_unit_number(double number, const char *unit, char text[TP_UNIT_SIZE]) {
  if (strcmp(unit, "duration") == 0)
    tp_unit_duration(number, text);
  else if (strcmp(unit, "time") == 0)
    tp_unit_time(number, text);
  else
    snprintf(text, TP_UNIT_SIZE, "%.14g", number);
}

char *tp_unit_describe(const json_t *value, const char *unit) {
  char number[TP_UNIT_SIZE];
  if (json_is_string(value))
    return strdup(json_string_value(value));
  if (!json_is_real(value) && !(json_is_number(value) && *unit))
    return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
  tp_unit_number(json_number_value(value), unit, number);
  return strdup(number);
}
