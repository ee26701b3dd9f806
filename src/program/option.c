/* SPDX-License-Identifier: MIT
 *
 * The options of a sub-command; see option.h. */
#include "program/option.h"
#include "program/subcommand.h"

#include <stdio.h>
#include <string.h>

/* Whether the word is the option, or begins with it and '='. */
static bool is_meant(const tp_option *option, const char *word) {
  size_t length = strlen(option->name);
  if (option->short_name && strcmp(word, option->short_name) == 0)
    return true;
  return strncmp(word, option->name, length) == 0 &&
         (word[length] == '\0' || (word[length] == '=' && option->value));
}

const tp_option *tp_option_find(const tp_subcommand *of, const char *word) {
  for (const tp_option *const *table = of->options; *table; table++)
    for (const tp_option *option = *table; option->name; option++)
      if (is_meant(option, word))
        return option;
  return NULL;
}

static bool refuse(const tp_subcommand *of, const tp_option *option, const char *value) {
  char what[256];
  snprintf(what, sizeof what, "%s must be %s, not ", option->name, option->takes);
  tp_subcommand_complain(of, what, *value ? value : "nothing");
  return false;
}

bool tp_option_take(const tp_subcommand *of, void *to, int argc, char **argv, int *at) {
  const char *word = argv[(*at)++], *value = "";
  const tp_option *option = tp_option_find(of, word);
  if (!option || !option->set) {
    tp_subcommand_complain(of, "unknown option ", word);
    return false;
  }
  const char *equals = option->value ? strchr(word, '=') : NULL;
  if (equals)
    value = equals + 1;
  else if (option->value && *at < argc)
    value = argv[(*at)++];
  return option->set(to, value) || refuse(of, option, value);
}
