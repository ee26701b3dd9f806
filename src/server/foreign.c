/* SPDX-License-Identifier: MIT
 *
 * What clients of other protocols send; see foreign.h. */
#include "server/foreign.h"
#include <ctype.h>
#include <string.h>

/* The type of a TLS record that is part of a handshake. */
enum { TLS_HANDSHAKE = 0x16 };

bool tp_foreign_is_tls(char first) {
  return first == TLS_HANDSHAKE;
}

static bool is_blank(char byte) {
  return byte == ' ' || byte == '\t';
}

/* The words of `line`, counted up to `most`. */
static unsigned count_words(tp_span line, unsigned most) {
  unsigned words = 0;
  for (size_t i = 0; i < line.length && words < most; i++)
    words += !is_blank(line.bytes[i]) && (i == 0 || is_blank(line.bytes[i - 1]));
  return words;
}

/* The last word of `line`. */
static tp_span last_word(tp_span line) {
  size_t start = line.length;
  while (start > 0 && !is_blank(line.bytes[start - 1]))
    start--;
  return (tp_span){line.bytes + start, line.length - start};
}

/* "HTTP/1.1", "HTTP/2". */
static bool is_version(tp_span word) {
  static const char name[] = "HTTP/";
  const size_t length = sizeof name - 1;
  return word.length > length && memcmp(word.bytes, name, length) == 0 &&
         isdigit((unsigned char)word.bytes[length]);
}

bool tp_foreign_is_request(tp_span line) {
  line = tp_span_trim_end(line, " \t\r");
  return is_version(last_word(line)) && count_words(line, 3) == 3;
}

/* The bytes of which the names of headers are made. */
static bool is_token(char byte) {
  return isalnum((unsigned char)byte) || (byte && strchr("!#$%&'*+-.^_`|~", byte));
}

bool tp_foreign_is_header(tp_span line) {
  size_t i = 0;
  while (i < line.length && is_token(line.bytes[i]))
    i++;
  return i > 0 && i < line.length && line.bytes[i] == ':';
}
