/* SPDX-License-Identifier: MIT
 *
 * TAB at the prompt; see tab.h. */
#include "client/tab.h"
#include "base/utf8.h"
#include "client/balance.h"
#include "client/escape.h"
#include "client/link.h"
#include <stdlib.h>
#include <string.h>

enum {
  EXPLAINED_MAX = 24, /* of so many candidates the meaning is shown */
  GAP = 2,            /* between two columns */
};

/* ---- what is inserted ---- */

static const char *word_at(const json_t *candidates, size_t index) {
  return tp_link_text(json_array_get(candidates, index), "word", "");
}

/* How many bytes at the beginning all candidates have in common, in whole characters. */
static size_t common_length(const json_t *candidates) {
  const char *first = word_at(candidates, 0);
  size_t length = strlen(first);
  for (size_t i = 1; i < json_array_size(candidates); i++) {
    const char *other = word_at(candidates, i);
    size_t same = 0;
    while (same < length && first[same] == other[same])
      same++;
    length = same;
  }
  while (length > 0 && first[length] && !tp_utf8_begins(first[length]))
    length--;
  return length;
}

/* Whether a word is complete as it stands, so that a blank may follow. */
static bool is_whole(const char *word, size_t length) {
  return length > 0 && !strchr("=./", word[length - 1]);
}

tp_tab tp_tab_find(const json_t *candidates, tp_span line) {
  tp_tab tab = {0};
  tp_balance balance = {0};
  size_t length = common_length(candidates);
  const char *word = word_at(candidates, 0);
  if (json_array_size(candidates) == 0 || !tp_balance_add(&balance, line.bytes, line.length))
    return tab;
  tp_span last = {.bytes = line.bytes + balance.word, .length = line.length - balance.word};
  tp_balance_clear(&balance);
  bool is_only = json_array_size(candidates) == 1;
  if (!is_only && length <= last.length) /* nothing more is known */
    return tab;
  tab.insert = malloc(length + 2);
  if (!tab.insert)
    return tab;
  memcpy(tab.insert, word, length);
  strcpy(tab.insert + length, is_only && is_whole(word, length) ? " " : "");
  tab.remove = (size_t)tp_utf8_count(last.bytes, last.length);
  return tab;
}

/* ---- the list ---- */

static int widest(const json_t *candidates) {
  int width = 0;
  for (size_t i = 0; i < json_array_size(candidates); i++) {
    const char *word = word_at(candidates, i);
    int own = tp_utf8_width(word, strlen(word));
    width = own > width ? own : width;
  }
  return width;
}

/* Writes a text, cut to `columns`, and blanks up to there if `padded`. */
static void put(FILE *to, const char *text, int columns, bool padded) {
  size_t length = columns > 0 ? tp_utf8_fit(text, strlen(text), columns) : 0;
  tp_escape_write(to, text, length);
  if (padded)
    fprintf(to, "%*s", columns - tp_utf8_width(text, length) + GAP, "");
}

static void explain(FILE *to, const json_t *candidates, int width) {
  int words = widest(candidates);
  for (size_t i = 0; i < json_array_size(candidates); i++) {
    const char *help = tp_link_text(json_array_get(candidates, i), "help", "");
    put(to, word_at(candidates, i), words, *help);
    put(to, help, width - words - GAP - 1, false);
    fputc('\n', to);
  }
}

static void enumerate(FILE *to, const json_t *candidates, int width) {
  size_t count = json_array_size(candidates);
  int words = widest(candidates);
  size_t columns = words + GAP < width ? (size_t)(width / (words + GAP)) : 1;
  size_t rows = (count + columns - 1) / columns;
  for (size_t row = 0; row < rows; row++) {
    for (size_t i = row; i < count; i += rows)
      put(to, word_at(candidates, i), words, i + rows < count);
    fputc('\n', to);
  }
}

void tp_tab_list(FILE *to, const json_t *candidates, int width) {
  if (json_array_size(candidates) <= EXPLAINED_MAX)
    explain(to, candidates, width);
  else
    enumerate(to, candidates, width);
}
