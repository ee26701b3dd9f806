/* SPDX-License-Identifier: MIT
 *
 * Numbers as people say them. */
#ifndef TP_CLIENT_UNIT_H
#define TP_CLIENT_UNIT_H

#include <jansson.h>

/* Enough for each of these. */
#define TP_UNIT_SIZE 32

/* 14.2s, 3m20s, 2h05m, 4d03h. */
void tp_unit_duration(double seconds, char text[TP_UNIT_SIZE]);

/* A time of day, in seconds since 1970: 2026-01-31 12:00:00. */
void tp_unit_time(double seconds, char text[TP_UNIT_SIZE]);

/* 512 B, 1.5 MiB. */
void tp_unit_bytes(double bytes, char text[TP_UNIT_SIZE]);

/* A number whose unit is "duration" or "time"; of another one, as it is. */
void tp_unit_number(double number, const char *unit, char text[TP_UNIT_SIZE]);

/* The text of a value, whose unit is "" if it has none; the caller frees it. NULL: no memory. */
char *tp_unit_describe(const json_t *value, const char *unit);

#endif
