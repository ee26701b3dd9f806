/* SPDX-License-Identifier: MIT
 *
 * UTF-8: which bytes are characters, and how wide they are.
 *
 * To add a case: a row of `decoded`, or of `widths`. */
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* The first character of some bytes; length 0: they are not well-formed. */
static const struct {
  const char *bytes;
  size_t length;
  unsigned code;
} decoded[] = {
    {"a", 1, 'a'},
    {"\xC3\xA9x", 2, 0xE9},
    {"\xE2\x82\xAC", 3, 0x20AC},
    {"\xF0\x9F\x98\x80", 4, 0x1F600},
    {"\xF4\x8F\xBF\xBF", 4, 0x10FFFF},
    {"\x80", 0, 0},
    {"\xC3", 0, 0},             /* cut */
    {"\xC3(", 0, 0},            /* not continued */
    {"\xC1\xBF", 0, 0},         /* overlong */
    {"\xE0\x9F\xBF", 0, 0},     /* overlong */
    {"\xF0\x8F\xBF\xBF", 0, 0}, /* overlong */
    {"\xED\xA0\x80", 0, 0},     /* a surrogate */
    {"\xF4\x90\x80\x80", 0, 0}, /* beyond the last character */
    {"\xF5\x80\x80\x80", 0, 0},
};

/* How many columns a text takes, and how many bytes of it fit in three. */
static const struct {
  const char *text;
  int with, without; /* libutf8proc */
  size_t fits_with, fits_without;
} widths[] = {
    {"", 0, 0, 0, 0},
    {"abcd", 4, 4, 3, 3},
    {"\xC3\xA9\xC3\xA9", 2, 2, 4, 4},
    {"\xE6\xBC\xA2\xE5\xAD\x97", 4, 2, 3, 6}, /* two ideographs */
    {"e\xCC\x81xyz", 4, 5, 5, 4},             /* an accent that is a character of its own */
};

static unsigned check_decoded(void) {
  unsigned failures = 0;
  for (size_t i = 0; i < COUNT(decoded); i++) {
    unsigned code = 0;
    char back[4];
    size_t left = strlen(decoded[i].bytes);
    size_t length = tp_utf8_decode(decoded[i].bytes, left, &code);
    bool is_same =
        length == 0 || (code == decoded[i].code && tp_utf8_encode(code, back) == length &&
                        memcmp(back, decoded[i].bytes, length) == 0);
    if (length == decoded[i].length && is_same)
      continue;
    fprintf(stderr, "decoded %zu: length %zu, code %x\n", i, length, code);
    failures++;
  }
  return failures;
}

static unsigned check_widths(void) {
  unsigned failures = 0;
  for (size_t i = 0; i < COUNT(widths); i++) {
#ifdef TP_HAVE_UTF8PROC
    int expected = widths[i].with;
    size_t fits = widths[i].fits_with;
#else
    int expected = widths[i].without;
    size_t fits = widths[i].fits_without;
#endif
    size_t length = strlen(widths[i].text);
    int width = tp_utf8_width(widths[i].text, length);
    size_t fitting = tp_utf8_fit(widths[i].text, length, 3);
    if (width == expected && fitting == fits)
      continue;
    fprintf(stderr, "width %zu: %d columns, %zu bytes in three\n", i, width, fitting);
    failures++;
  }
  return failures;
}

int main(void) {
  unsigned failures = check_decoded() + check_widths();
  printf("utf8: decoded=%zu widths=%zu failed=%u\n", COUNT(decoded), COUNT(widths), failures);
  return failures > 0;
}
