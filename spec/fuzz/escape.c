/* SPDX-License-Identifier: MIT
 *
 * Fuzz target: any bytes as text for a terminal. What comes out is UTF-8 without anything that
 * could steer a terminal, says no less than what went in, and is the same for the same bytes; text
 * that is harmless already comes out as it is. */
#include "client/escape.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
  if (!holds)
    abort(); /* what a fuzzer takes for a failure */
}

/* The code point at `*at`, which moves on; the bytes must be valid UTF-8. */
static uint32_t take_point(const unsigned char *text, size_t length, size_t *at) {
  unsigned char lead = text[(*at)++];
  if (lead < 0x80)
    return lead;
  check(lead >= 0xC2 && lead < 0xF5);
  int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  uint32_t point = lead & (0x3Fu >> more);
  for (; more > 0; more--) {
    check(*at < length && (text[*at] & 0xC0) == 0x80);
    point = point << 6 | (text[(*at)++] & 0x3Fu);
  }
  return point;
}

/* Whether a terminal would do something else with it than show it. */
static bool steers(uint32_t point) {
  return (point < 0x20 && point != '\t' && point != '\n') || (point >= 0x7F && point < 0xA0) ||
         point == 0x061C || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069) ||
         (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF;
}

/* The escaped text, from malloc. */
static char *escape(const char *bytes, size_t size, size_t *length) {
  char *text = NULL;
  FILE *out = open_memstream(&text, length);
  check(out != NULL);
  tp_escape_write(out, bytes, size);
  fclose(out);
  return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t length, again_length;
  char *text = escape((const char *)data, size, &length);
  check(length >= size);
  for (size_t at = 0; at < length;)
    check(!steers(take_point((const unsigned char *)text, length, &at)));
  char *again = escape(text, length, &again_length);
  check(again_length == length && memcmp(again, text, length) == 0);
  free(again);
  free(text);
  return 0;
}
