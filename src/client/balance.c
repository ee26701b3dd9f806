/* SPDX-License-Identifier: MIT
 *
 * Quotes and brackets; see balance.h. */
#include "client/balance.h"
#include <string.h>

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/* True if a quote at `at` begins a text: where a word or a value begins, but not in don't. */
static bool may_open(const tp_balance *balance, const char *text, size_t at) {
  return balance->depth > 0 || at == 0 || is_blank(text[at - 1]) || text[at - 1] == '=';
}

/* Takes the byte at `at`; returns where the next one is. */
static size_t take(tp_balance *balance, const char *text, size_t at) {
  char c = text[at];
  if (balance->quote) {
    if (c == '\\')
      return at + 2;
    if (c == balance->quote)
      balance->quote = '\0';
  } else if ((c == '"' || c == '\'') && may_open(balance, text, at)) {
    balance->quote = c;
  } else if (c && strchr("[({", c)) {
    balance->depth++;
  } else if (c && strchr("])}", c)) {
    balance->depth -= balance->depth > 0;
  } else if (is_blank(c) && balance->depth == 0) {
    balance->word = at + 1;
  }
  return at + 1;
}

static void take_all(tp_balance *balance, size_t from) {
  const char *text = balance->text.data;
  size_t end = balance->text.length;
  while (from < end && text[from])
    from = take(balance, text, from);
}

bool tp_balance_add(tp_balance *balance, const char *line, size_t length) {
  tp_bytes *text = &balance->text;
  bool is_first = text->data == NULL;
  const char *between = is_first ? "" : balance->quote ? "\\n" : " ";
  size_t from = text->length;
  if (!tp_bytes_reserve(text, length + 3))
    return false;
  tp_bytes_append(text, between, strlen(between));
  tp_bytes_append(text, line, length);
  text->data[text->length] = '\0';
  take_all(balance, from);
  return true;
}

bool tp_balance_is_open(const tp_balance *balance) {
  return balance->depth > 0 || balance->quote;
}

size_t tp_balance_command_end(const char *text, size_t length) {
  tp_balance balance = {0};
  size_t at = 0;
  while (at < length && (tp_balance_is_open(&balance) || text[at] != ';'))
    at = take(&balance, text, at);
  return at < length ? at : length;
}

void tp_balance_clear(tp_balance *balance) {
  tp_bytes_clear(&balance->text);
  *balance = (tp_balance){0};
}
