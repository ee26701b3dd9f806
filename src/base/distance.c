/* SPDX-License-Identifier: MIT
 *
 * How far a word is from a name; see distance.h. */
#include "base/distance.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#define DISTANCE_LENGTH 63 /* the longest text whose distance is computed */

/* One byte as it is compared. */
static int fold(char c) {
  return c == '_' ? '-' : tolower((unsigned char)c);
}

static bool is_beginning(const char *name, const char *text, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (name[i] == '\0' || fold(name[i]) != fold(text[i]))
      return false;
  }
  return true;
}

static size_t least(size_t a, size_t b, size_t c) {
  size_t least_of_two = a < b ? a : b;
  return least_of_two < c ? least_of_two : c;
}

/* Levenshtein's distance, row by row: `row[j]` is that of the name so far and `j` bytes of text. */
size_t tp_distance(const char *name, const char *text, size_t length) {
  size_t row[DISTANCE_LENGTH + 1];
  if (length > DISTANCE_LENGTH)
    return (size_t)-1;
  if (length > 0 && is_beginning(name, text, length))
    return 0;
  for (size_t j = 0; j <= length; j++)
    row[j] = j;
  for (size_t i = 0; name[i] != '\0'; i++) {
    size_t diagonal = row[0]++;
    for (size_t j = 0; j < length; j++) {
      size_t changed = diagonal + (fold(name[i]) != fold(text[j]));
      diagonal = row[j + 1];
      row[j + 1] = least(changed, row[j] + 1, row[j + 1] + 1);
    }
  }
  return row[length];
}
