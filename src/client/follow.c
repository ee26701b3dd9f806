/* SPDX-License-Identifier: MIT
 *
 * Commands with --wait; see follow.h.
 *
 * To let one more command be followed: its name in `starting`. Its answer must be the name of a
 * group. */
#include "client/follow.h"
#include "client/balance.h"
#include <stddef.h>
#include <string.h>

#define OPTION "--wait"
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Commands that answer with the group of the tasks that they start. */
static const char *const starting[] = {"apply",         "map",   "starmap",
                                       "doublestarmap", "start", "submit-nowait"};

static bool is_starting(const char *word, size_t length) {
  for (size_t i = 0; i < COUNT(starting); i++)
    if (strlen(starting[i]) == length && memcmp(starting[i], word, length) == 0)
      return true;
  return false;
}

/* Whether a word that ends at `end` begins at `at`, outside of quotes and brackets. */
static bool is_word(const char *line, size_t at, size_t end) {
  tp_balance balance = {0};
  bool found = tp_balance_add(&balance, line, end) && balance.word == at;
  tp_balance_clear(&balance);
  return found;
}

bool tp_follow_take(char *line) {
  char *option = line;
  if (!is_starting(line, strcspn(line, " \t")))
    return false;
  while ((option = strstr(option, OPTION))) {
    char *end = option + sizeof OPTION - 1;
    if (strchr(" \t", *end) && is_word(line, (size_t)(option - line), (size_t)(end - line))) {
      memmove(option, end, strlen(end) + 1); /* strchr finds the end of the line too */
      return true;
    }
    option = end;
  }
  return false;
}

bool tp_follow_take_word(const char **words) {
  if (!words[0] || !is_starting(words[0], strlen(words[0])))
    return false;
  for (; *words; words++)
    if (strcmp(*words, OPTION) == 0) {
      for (; *words; words++)
        words[0] = words[1];
      return true;
    }
  return false;
}
