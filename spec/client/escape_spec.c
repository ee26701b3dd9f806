/* SPDX-License-Identifier: MIT
 *
 * What the client writes to a terminal: every character, every byte and every pair of bytes. */
#include "client/escape.h"
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Texts tried, and those of which something came through that could steer a terminal. */
static size_t inputs, leaked;

static size_t encode(uint32_t point, char *bytes) {
  if (point < 0x80) {
    bytes[0] = (char)point;
    return 1;
  }
  size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  for (size_t i = length - 1; i > 0; i--, point >>= 6)
    bytes[i] = (char)(0x80 | (point & 0x3F));
  bytes[0] = (char)(0xF00u >> length | point);
  return length;
}

/* Whether a terminal would do something else with it than show it. */
static bool steers(uint32_t point) {
  return (point < 0x20 && point != '\t' && point != '\n') || (point >= 0x7F && point < 0xA0) ||
         point == 0x061C || point == 0x200E || point == 0x200F ||
         (point >= 0x2028 && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/* Escapes `bytes` and compares. */
static void check(const char *bytes, size_t size, const char *expected, size_t expected_size) {
  static char text[64];
  FILE *out = fmemopen(text, sizeof text, "w");
  assert(out);
  tp_escape_write(out, bytes, size);
  size_t length = (size_t)ftell(out);
  fclose(out);
  inputs++;
  leaked += length != expected_size || memcmp(text, expected, length) != 0;
}

/* One character, which comes out as it is or as \u{…} (\x… where it is one byte). */
static void check_point(uint32_t point) {
  char bytes[4], expected[16];
  size_t size = encode(point, bytes), length = size;
  memcpy(expected, bytes, size);
  if (steers(point))
    length = (size_t)sprintf(expected, size > 1 ? "\\u{%x}" : "\\x%02x", (unsigned)point);
  check(bytes, size, expected, length);
}

/* Bytes none of which belongs to a well-formed character. */
static void check_stray(const char *bytes, size_t size) {
  char expected[32];
  int length = 0;
  for (size_t i = 0; i < size; i++)
    length += sprintf(expected + length, "\\x%02x", (unsigned char)bytes[i]);
  check(bytes, size, expected, (size_t)length);
}

static void check_pair(unsigned first, unsigned second) {
  char bytes[2] = {(char)first, (char)second};
  check_stray(bytes, 2);
}

/* Sequences with the form of a character that are too long for their code point, or whose code
 * point is a surrogate or too great. */
static void check_ill_formed(void) {
  static const char *const sequences[] = {
      "\xE0\x80\xAF",     "\xE0\x9F\xBF",     "\xED\xA0\x80",     "\xED\xBF\xBF",
      "\xF0\x80\x80\xAF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF7\xBF\xBF\xBF",
  };
  for (size_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++)
    check_stray(sequences[i], strlen(sequences[i]));
}

int main(void) {
  for (uint32_t point = 0; point <= 0xFFFF; point++)
    if (point < 0xD800 || point > 0xDFFF)
      check_point(point);
  check_point(0x1F600);
  check_point(0x10FFFF);
  for (unsigned first = 0x80; first <= 0xFF; first++)
    for (unsigned second = 0x80; second <= 0xFF; second++)
      if (first < 0xC2 || first > 0xDF || second > 0xBF)
        check_pair(first, second);
  check_ill_formed();
  printf("escape: inputs=%zu leaked=%zu\n", inputs, leaked);
  return leaked == 0 ? 0 : 1;
}
