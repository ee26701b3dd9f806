/* SPDX-License-Identifier: MIT
 *
 * Quotes and brackets over several lines. */
#include "client/balance.h"
#include "support/expect.h"
#include <string.h>

/* Adds a line; expects the text so far, and whether the command is open. */
static void expect_line(tp_balance *balance, const char *line, const char *text, bool open) {
  EXPECT(tp_balance_add(balance, line, strlen(line)));
  if (strcmp(balance->text.data, text) != 0)
    fprintf(stderr, "%s\n", balance->text.data);
  EXPECT(strcmp(balance->text.data, text) == 0);
  EXPECT(tp_balance_is_open(balance) == open);
}

static void expect_one(const char *line, bool open) {
  tp_balance balance = {0};
  expect_line(&balance, line, line, open);
  tp_balance_clear(&balance);
}

static void expect_word(const char *line, const char *word) {
  tp_balance balance = {0};
  EXPECT(tp_balance_add(&balance, line, strlen(line)));
  EXPECT(strcmp(line + balance.word, word) == 0);
  tp_balance_clear(&balance);
}

static void expect_end(const char *line, size_t end) {
  EXPECT(tp_balance_command_end(line, strlen(line)) == end);
}

int main(void) {
  tp_balance balance = {0};
  expect_end("", 0);
  expect_end("lock; unlock", 4);
  expect_end("cancel -m 'a;b' [';', (;)];", 26);
  expect_end("don't; x", 5);
  expect_end("x 'a\\", 5);
  expect_line(&balance, "map f [1,", "map f [1,", true);
  expect_line(&balance, " 'a]", "map f [1,  'a]", true);
  expect_line(&balance, "b'", "map f [1,  'a]\\nb'", true);
  expect_line(&balance, "] -n 3", "map f [1,  'a]\\nb' ] -n 3", false);
  tp_balance_clear(&balance);
  expect_one("", false);
  expect_one("don't", false);
  expect_one("cancel -m 'it", true);
  expect_one("cancel -m=\"it", true);
  expect_one("x 'a\\'", true);
  expect_one("x 'a\\''", false);
  expect_one("x ) (", true);
  expect_one("x 'a\\", true);
  expect_word("", "");
  expect_word("use jo", "jo");
  expect_word("use ", "");
  expect_word("apply f -a [1, 2] --gr", "--gr");
  expect_word("apply 'two wo", "'two wo");
  return 0;
}
